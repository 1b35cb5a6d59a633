# SPDX-License-Identifier: MIT
"""The engine sface, with a network of SFace's interface in the place of its weights.

The weights were not at hand, so what they would answer was never seen. All around them is tried:
the file is installed by its hash, fed as SFace wants it (RGB, 0-255, nothing subtracted), and what
comes out is normalised and averaged with the mirror image's; without a calibration it lets nobody
in and "auto" does not choose it.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from models import install as installing
from models import registry
from models.engine import load_engine
from models.errors import ModelError
from models.face import Image
from models.onnx_graph import Graph
from models.recognition.alignment import aligned
from models.recognition.calibration import CalibrationError, calibration_for
from models.registry import Model, model
from tests.harness.data import SHARED, needs

MIXER = np.random.default_rng(3).normal(size=(3 * 4, 128)).astype(np.float32)


def network() -> bytes:
    """Mean colours of the chip's quarters, as 128 numbers: it tells colours and sides apart."""
    graph = Graph("sface")
    value = graph.node("AveragePool", "data", kernel_shape=[56, 56], strides=[56, 56])
    value = graph.node("Flatten", value)
    graph.node("MatMul", value, graph.constant(MIXER), output="fc1")
    return graph.model(("data", (3, 112, 112)), ("fc1", 128))


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with YuNet and the stand-in, installed by its registered hash."""
    weights = network()
    about = model("sface")
    file = replace(about.files[0], size=len(weights), sha256=hashlib.sha256(weights).hexdigest())
    known: dict[str, Model] = {**registry.models(), "sface": replace(about, files=(file,))}
    monkeypatch.setattr(registry, "models", lambda: known)
    source = tmp_path / "source"
    source.mkdir()
    (source / file.name).write_bytes(weights)
    folder = tmp_path / "models"
    installing.install("sface", folder, source)
    installing.install("yunet", folder, SHARED / "models" / "yunet")
    return folder


def astronaut() -> Image:
    return np.asarray(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR), np.uint8)


def expected(chip: Image) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rgb = chip[:, :, ::-1].astype(np.float64)
    quarters = rgb.reshape(2, 56, 2, 56, 3).mean(axis=(1, 3)).transpose(2, 0, 1).reshape(-1)
    vector = quarters @ MIXER
    return np.asarray(vector / np.linalg.norm(vector))


@needs("models/yunet")
def test_the_face_is_fed_as_sface_wants_it(models_dir: Path) -> None:
    engine = load_engine("sface", models_dir)
    picture = astronaut()
    (face,) = engine.detect(picture)
    found = engine.embed(picture, face)
    chip = aligned(picture, face.landmarks)
    both = expected(chip) + expected(chip[:, ::-1])
    assert found == pytest.approx(both / np.linalg.norm(both), abs=1e-5)
    assert (engine.model, engine.dimension) == ("sface-2021dec", 128)


@needs("models/yunet")
def test_nobody_is_let_in_by_what_nobody_measured(models_dir: Path) -> None:
    assert load_engine("auto", models_dir).name == "dlib", "the next one that was measured"
    with pytest.raises(CalibrationError, match="nobody has measured"):
        calibration_for(load_engine("sface", models_dir).model).threshold(1e-2)


@needs("models/yunet")
def test_another_file_is_not_loaded(models_dir: Path) -> None:
    (models_dir / "sface" / model("sface").files[0].name).write_bytes(network()[:-1])
    with pytest.raises(ModelError, match="SHA-256 differs"):
        load_engine("sface", models_dir)
