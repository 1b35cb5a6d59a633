# SPDX-License-Identifier: MIT
"""Training, with TensorFlow: what is exported, what is learnt, and what must not be learnt.

The name keeps this file out of the default run, which does without the extra "train":
``pip install -e '.[train,test]' && python -m pytest tests/models/training_keras.py``.
"""

import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
import pytest

from models.evaluation.datasets import DatasetError, Sample, read
from models.face import Face
from models.liveness import export, fitting, networks, saving, splitting, train
from models.liveness.passive import load_described
from models.liveness.torchfile import WeightsError
from models.runtime import Network
from tests.harness.data import SHARED, needs
from tests.models.striped import BOX, recordings

PUBLISHED = SHARED / "models/minifasnet"
QUICK = fitting.Settings(architecture="livenessnet", epochs=6, batch=32, rate=3e-3, seed=1)


SILENT = train.Listener()


@needs("models/minifasnet")
def test_the_published_weights_give_the_published_answers() -> None:
    model = networks.minifasnet()
    networks.load(model, PUBLISHED / "2.7_80x80_MiniFASNetV2.pth")
    theirs = Network((PUBLISHED / "2.7_80x80_MiniFASNetV2.onnx").read_bytes(), "published")
    images = np.random.default_rng(0).uniform(0, 255, (3, 80, 80, 3)).astype(np.float32)
    ours = np.asarray(model(images, training=False))
    for image, logits in zip(images, ours, strict=True):
        wanted = theirs.run(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))
        assert np.abs(wanted).max() > 0.1
        assert np.allclose(logits, wanted[0], atol=1e-3)


@pytest.mark.parametrize("name", sorted(networks.ARCHITECTURES))
def test_export_and_restore_are_inverse(name: str) -> None:
    first, second = networks.architecture(name).build(), networks.architecture(name).build()
    rng = np.random.default_rng(0)
    for layer in first.layers:  # also what training would have moved: slopes, statistics
        random = [rng.normal(0, 0.1, weights.shape) for weights in layer.get_weights()]
        positive = isinstance(layer, keras.layers.BatchNormalization)
        layer.set_weights([abs(one) + 0.1 for one in random] if positive else random)
    data = export.export(first)
    assert len(data) < 4 * 1024 * 1024
    export.restore(second, data)
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_mirrored_network_cannot_tell_left_from_right() -> None:
    model = networks.livenessnet()
    network = Network(export.export(model, mirror=True), "mirrored")
    plain = Network(export.export(model), "plain")
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 32, 32)).astype(np.float32)
    other = np.ascontiguousarray(image[..., ::-1])
    assert np.allclose(network.run(image), network.run(other), atol=1e-4)
    assert np.allclose(network.run(image), (plain.run(image) + plain.run(other)) / 2, atol=1e-4)
    export.restore(networks.livenessnet(), export.export(model, mirror=True))


def test_unknown_layers_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    odd = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GRU(4)(inputs[:, 0])))
    with pytest.raises(export.ExportError, match="cannot be written"):
        export.export(odd)
    path = tmp_path / "model.onnx"
    path.write_bytes(export.export(networks.livenessnet()))
    with pytest.raises(WeightsError, match="no weights that fit"):
        networks.load(networks.minifasnet(), path)
    path.write_bytes(b"not a network")
    with pytest.raises(WeightsError, match="not an ONNX file"):
        networks.load(networks.minifasnet(), path)
    with pytest.raises(WeightsError, match="No such file"):
        networks.load(networks.minifasnet(), tmp_path / "missing.onnx")


def trained_on(
    samples: list[Sample],
    settings: fitting.Settings,
    folder: Path,
    listener: train.Listener = SILENT,
    *,
    resume: bool = False,
) -> train.Trained:
    """What comes out of a training, for which ``folder`` holds the state."""
    trained = train.train(samples, settings, folder / "work", listener, resume=resume)
    assert trained is not None
    return trained


def test_it_learns_what_tells_an_attack(tmp_path: Path) -> None:
    samples = recordings(tmp_path, per_kind=30, frames=6, signal=True)
    settings = replace(QUICK, epochs=15, patience=15, batch=16)  # normalisation lags behind
    trained = trained_on(samples, settings, tmp_path)
    row = trained.report.frames["all"]
    assert row.eer is not None
    assert row.eer.value < 0.1


def test_it_learns_nothing_where_only_the_recording_differs(tmp_path: Path) -> None:
    """Each recording has a colour: remembered, it would be right on its own frames, always."""
    rates = []
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        samples = recordings(folder, per_kind=30, frames=6, signal=False, seed=seed)
        settings = replace(QUICK, epochs=15, batch=16, seed=seed)
        eer = trained_on(samples, settings, folder).report.frames["all"].eer
        assert eer is not None
        rates.append(eer.value)
    assert 0.25 < np.mean(rates) < 0.75


def test_what_is_saved_runs_and_can_be_trained_on(tmp_path: Path) -> None:
    samples = recordings(tmp_path, per_kind=4, frames=10, signal=True)
    settings = replace(QUICK, epochs=2)
    epochs: list[fitting.Epoch] = []
    trained = trained_on(samples, settings, tmp_path, train.Listener(on_epoch=epochs.append))
    assert [epoch.number for epoch in epochs] == [1, 2]
    out = tmp_path / "out"
    saving.save(trained, out, "mine", settings)
    model = load_described(out / "model.json")
    assert (model.id, model.threshold) == ("mine", trained.threshold)
    image = cv2.imread(str(samples[0].path))
    assert image is not None
    face = Face(BOX, np.zeros((5, 2), np.float32), 1.0)
    assert 0 <= model.score(np.asarray(image, np.uint8), face) <= 1
    about = json.loads((out / "model.json").read_text())["trained"]
    judged = {(one.source, one.session) for one in trained.split.test}
    assert judged
    assert len(about["recordings"]) == 8 - len(judged)
    assert not judged & {tuple(one) for one in about["recordings"]}
    assert (out / "trained-on.txt").read_text().count("\n") == 80 - len(trained.split.test)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["judged_on"] == "test"
    assert [epoch["number"] for epoch in metrics["epochs"]] == [1, 2]
    assert about["settings"]["seed"] == 1
    assert hashlib.sha256(trained.network).hexdigest() in (out / "MODEL_CARD.md").read_text()
    page = (out / "report" / "index.html").read_text()
    assert page.count("<svg") == 4
    assert all((out / "report" / name).is_file() for name in re.findall(r'src="([^"]+)"', page))
    keras.models.load_model(out / "model.keras")
    again = replace(settings, start=out / "model.onnx", part="head")
    tuned = trained_on(samples, again, tmp_path / "again")
    before, after = trained.model.get_layer("conv00"), tuned.model.get_layer("conv00")
    assert np.array_equal(before.get_weights()[0], after.get_weights()[0])


class KilledError(Exception):
    """Ends a training in its middle, as a kill would."""


@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_resumed_training_ends_as_one_that_was_never_killed(
    tmp_path: Path, killed_after: int
) -> None:
    samples = recordings(tmp_path, per_kind=4, frames=10, signal=True)
    settings = replace(QUICK, epochs=4)

    def kill(epoch: fitting.Epoch) -> None:
        if epoch.number == killed_after:
            raise KilledError

    with pytest.raises(KilledError):
        trained_on(samples, settings, tmp_path / "killed", train.Listener(on_epoch=kill))
    other = replace(settings, rate=1e-4)
    with pytest.raises(DatasetError, match="other data or settings"):
        trained_on(samples, other, tmp_path / "killed", resume=True)
    resumed = trained_on(samples, settings, tmp_path / "killed", resume=True)
    whole = trained_on(samples, settings, tmp_path / "whole")
    assert [epoch.number for epoch in resumed.history] == [1, 2, 3, 4]
    assert resumed.history == whole.history
    for one, same in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(one, same)


def test_what_is_trained_need_not_be_trained_again_to_be_written(tmp_path: Path) -> None:
    """As after a full disk: the state is there, and resuming takes no step."""
    samples = recordings(tmp_path, per_kind=4, frames=10, signal=True)
    first = trained_on(samples, replace(QUICK, epochs=2), tmp_path)
    steps: list[fitting.Step] = []
    listener = train.Listener(on_step=steps.append)
    again = trained_on(samples, replace(QUICK, epochs=2), tmp_path, listener, resume=True)
    assert not steps
    assert again.network == first.network


def test_it_never_ends_worse_than_it_began(tmp_path: Path) -> None:
    """With so large a step every epoch is worse than the weights it started from."""
    samples = recordings(tmp_path, per_kind=30, frames=6, signal=True)
    first = trained_on(samples, replace(QUICK, epochs=15, batch=16), tmp_path / "first")
    saving.save(first, tmp_path / "out", "first", QUICK)
    wild = replace(QUICK, epochs=2, rate=0.5, start=tmp_path / "out" / "model.onnx")
    second = trained_on(samples, wild, tmp_path / "second")
    assert [epoch.number for epoch in second.history] == [0, 1, 2]
    assert second.history[0].validation_loss < second.history[2].validation_loss
    for one, same in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        assert np.allclose(one, same, atol=1e-6)


def test_training_stops_early_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    samples = recordings(tmp_path, per_kind=4, frames=10, signal=False)
    settings = replace(QUICK, epochs=30, patience=2, rate=1e-2)
    trained = trained_on(samples, settings, tmp_path)
    losses = [epoch.validation_loss for epoch in trained.history]
    assert len(losses) < 30
    assert losses.index(min(losses)) == len(losses) - 3


def test_mixed_precision_gives_a_network_like_any_other(tmp_path: Path) -> None:
    samples = recordings(tmp_path, per_kind=4, frames=10, signal=True)
    trained = trained_on(samples, replace(QUICK, epochs=2, mixed=True), tmp_path)
    assert {str(weights.dtype) for weights in trained.model.get_weights()} == {"float32"}
    assert keras.mixed_precision.global_policy().name == "float32"
    assert len(trained.network) == len(export.export(networks.livenessnet()))


def test_an_image_that_goes_away_is_one_line(tmp_path: Path) -> None:
    samples = recordings(tmp_path, per_kind=4, frames=10, signal=True)

    def remove(parts: splitting.Split) -> None:
        for one in parts.train:
            one.path.unlink()

    with pytest.raises(DatasetError, match=r"training stopped: .*\.png cannot be read") as caught:
        trained_on(samples, QUICK, tmp_path, train.Listener(on_split=remove))
    assert "\n" not in str(caught.value)


def test_unreadable_and_faceless_images_are_left_out_and_said(tmp_path: Path) -> None:
    samples = recordings(tmp_path, per_kind=4, frames=10, signal=True)
    samples[0].path.write_bytes(b"no image")
    samples[1] = replace(samples[1], box=None)
    trained = trained_on(samples, replace(QUICK, epochs=1), tmp_path)
    assert [str(samples[0].path) in line for line in trained.unreadable] == [True]
    assert trained.faceless == [samples[1].path]


def test_one_class_and_few_recordings_are_one_line(tmp_path: Path) -> None:
    samples = recordings(tmp_path, per_kind=1, frames=2, signal=True)
    with pytest.raises(DatasetError, match="are left for"):
        trained_on(samples, QUICK, tmp_path)
    with pytest.raises(DatasetError, match="no images of attacks"):
        trained_on([one for one in samples if one.live], QUICK, tmp_path)
    with pytest.raises(DatasetError, match="no interrupted training"):
        trained_on(recordings(tmp_path, 2, 2, signal=True), QUICK, tmp_path, resume=True)
    with pytest.raises(DatasetError, match="holds no labelled images"):
        read(tmp_path / "nothing")
