# SPDX-License-Identifier: MIT
"""``faceauth liveness train`` with TensorFlow: killed and resumed, on two workers; rivals' files.

As training_keras.py, no part of the default run: ``make test-train``.
"""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import ModelError
from models.evaluation import foreign
from models.evaluation.datasets import Sample
from models.face import Box, Face
from models.liveness import backend
from models.liveness.passive import load_described
from tests.cli.conftest import SCRIPT
from tests.models.striped import BOX, recordings

HANG_GUARD = 600  # seconds


def manifest(folder: Path, samples: list[Sample]) -> Path:
    """Say in a manifest what the samples in the folder are."""
    head = "path,source,view,label,species,subject,session,box_x,box_y,box_w,box_h"
    rows = [
        f"{one.path.name},{one.source},{one.view},{'real' if one.live else 'fake'},{one.species},"
        f"{one.subject},{one.session},{BOX.x},{BOX.y},{BOX.width},{BOX.height}"
        for one in samples
    ]
    (folder / "manifest.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder


def started(data: Path, out: Path, *arguments: str, **env: str) -> "subprocess.Popen[str]":
    """``faceauth liveness train``, on its way."""
    return subprocess.Popen(
        [*(SCRIPT, "liveness", "train", data, out, "--arch", "livenessnet"), *arguments],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_and_resumed_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = manifest(tmp_path / "data", recordings(tmp_path / "data", 6, 6, signal=True))
    out, few = tmp_path / "out", ("--epochs", "4", "--batch", "8")
    killed = started(data, out, *few)
    assert killed.stderr is not None
    for line in killed.stderr:
        if "epoch 2:" in line:
            break
    killed.kill()
    killed.communicate()
    assert not out.exists()
    refused = started(data, out, *few)
    _, said = refused.communicate(timeout=HANG_GUARD)
    assert (refused.returncode, "--resume goes on with it" in said) == (2, True), said
    resumed = started(data, out, *few, "--resume", "--json")
    answer, said = resumed.communicate(timeout=HANG_GUARD)
    assert resumed.returncode == 0, said
    assert "epoch 1:" not in said
    assert json.loads(answer)["epochs"] == 4
    assert load_described(out / "model.json").id == "personal"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_two_workers_train_one_network(tmp_path: Path) -> None:
    """They go in step, agree on every figure, and the first one alone writes."""
    (tmp_path / "data").mkdir()
    data = manifest(tmp_path / "data", recordings(tmp_path / "data", 6, 6, signal=True))
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    workers = [
        started(
            *(data, tmp_path / f"out{number}", "--epochs", "2", "--batch", "8"),
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}}),
        )
        for number in range(2)
    ]
    said = [worker.communicate(timeout=HANG_GUARD)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    epochs = [[line for line in one.splitlines() if "epoch" in line] for one in said]
    assert len(epochs[0]) == 2
    assert epochs[0] == epochs[1]
    assert load_described(tmp_path / "out0" / "model.json").id == "personal"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out0"]


def test_a_wrong_tf_config_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = manifest(tmp_path / "data", recordings(tmp_path / "data", 3, 2, signal=True))
    wrong = started(data, tmp_path / "out", TF_CONFIG='{"cluster": {}}')
    _, said = wrong.communicate(timeout=HANG_GUARD)
    assert wrong.returncode == 2
    assert "TF_CONFIG must name the workers" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


# Rivals' files


def about(folder: Path, file: str, **changed: Any) -> Path:
    """A description of a model that says how much of a picture is bright."""
    table = {
        "id": "rival",
        "file": file,
        "input": {"size": 16, "std": [255, 255, 255]},
        "crop": 1.0,
        "output": "sigmoid",
        "live": 1,
        "threshold": 0.5,
    }
    path = folder / f"{file}.json"
    path.write_text(json.dumps({**table, **changed}))
    return path


@pytest.fixture(scope="module")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One Keras network as .keras, .h5, .tflite, and as .tflite of 8 bits."""
    backend.start()
    import keras
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("rivals")
    inputs = keras.Input((16, 16, 3))
    dense = keras.layers.Dense(1)
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(inputs)))
    dense.set_weights([np.full((3, 1), 4.0), np.array([-6.0])])
    model.save(folder / "rival.keras")
    model.save(folder / "rival.h5")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (folder / "rival.tflite").write_bytes(converter.convert())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [np.full((1, 16, 16, 3), light, np.float32)] for light in np.linspace(0, 1, 50)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    (folder / "bits.tflite").write_bytes(converter.convert())
    return folder


@pytest.mark.parametrize("file", ["rival.keras", "rival.h5", "rival.tflite", "bits.tflite"])
def test_a_rivals_file_gives_its_own_answers(rivals: Path, file: str) -> None:
    model = foreign.load(about(rivals, file))
    face = Face(Box(8, 8, 16, 16), np.zeros((5, 2), np.float32), 1.0)
    for light in (51, 204):
        image = np.full((32, 32, 3), light, np.uint8)
        wanted = 1 / (1 + np.exp(-(12 * light / 255 - 6)))
        assert model.score(image, face) == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("file", ["broken.keras", "broken.h5", "broken.tflite"])
def test_a_broken_rival_is_one_line(rivals: Path, tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="cannot read it") as caught:
        foreign.load(about(tmp_path, file))
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="cannot take"):
        foreign.load(about(rivals, "rival.keras", input={"size": 20}))
    with pytest.raises(ModelError, match="SHA-256 differs"):
        foreign.load(about(rivals, "rival.keras", sha256="00"))
