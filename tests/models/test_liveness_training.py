# SPDX-License-Identifier: MIT
"""What goes before and after training: fair splits, simulated attacks, guarded installation.

Training itself needs TensorFlow (the extra "train"): tests/models/training_keras.py.
"""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.evaluation.datasets import DatasetError, Sample
from models.evaluation.liveness import Scored
from models.face import Box, Image
from models.liveness import dataset, install
from models.liveness.crop import context_crop
from models.liveness.files import write_folder
from models.liveness.passive import load_passive_models
from tests.harness.data import SHARED, needs

BOX = Box(70, 60, 60, 80)


def picture(seed: int = 0) -> Image:
    """A scene with something face-like in BOX; what it shows does not matter here."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 5, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (200, 240), interpolation=cv2.INTER_CUBIC)
    cv2.ellipse(image, (100, 100), (30, 40), 0, 0, 360, (120, 150, 200), -1)
    return np.asarray(image, np.uint8)


def sample(source: str, session: str, frame: int, *, live: bool, species: str = "print") -> Sample:
    path = Path(f"{source}-{session}-{frame:03}.png")
    species = "" if live else species
    return Sample(path, live, species, source, "p", session, "fullframe", BOX)


def recording(source: str, session: str, frames: int, *, live: bool) -> list[Sample]:
    return [sample(source, session, frame, live=live) for frame in range(frames)]


# Splits


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.booleans(), st.integers(1, 30)),
        min_size=1,
        max_size=24,
    ),
    st.integers(0, 99),
)
def test_a_split_divides_no_recording_and_loses_nothing(
    shape: list[tuple[str, bool, int]], seed: int
) -> None:
    samples = [
        one
        for index, (source, live, frames) in enumerate(shape)
        for one in recording(source, f"s{index}", frames, live=live)
    ]
    try:
        split = dataset.split(samples, seed)
    except DatasetError as error:
        assert "are left for" in str(error)
        return
    sides = [
        {(one.source, one.session) for one in part} for part in (split.train, split.validation)
    ]
    assert not sides[0] & sides[1]
    if split.unit == "source":
        assert not {source for source, _ in sides[0]} & {source for source, _ in sides[1]}
    assert sorted(one.path for one in split.train + split.validation) == sorted(
        one.path for one in samples
    )
    for part in (split.train, split.validation):
        assert {one.live for one in part} == {True, False}


def test_many_sources_are_split_by_source() -> None:
    samples = [
        one
        for source in "abcde"
        for live in (True, False)
        for one in recording(source, f"{source}{live}", 10, live=live)
    ]
    assert dataset.split(samples, 0).unit == "source"


def test_one_recording_of_a_kind_cannot_be_split() -> None:
    samples = recording("cam", "a", 9, live=True) + recording("cam", "b", 9, live=False)
    with pytest.raises(DatasetError, match="at least 2 sessions"):
        dataset.split(samples, 0)


def test_crops_for_training_are_those_of_run_time(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), picture())
    known = Sample(path, True, "", "cam", "p", "s", "fullframe", BOX)
    unknown = Sample(path, True, "", "cam", "p", "s", "fullframe", None)
    ((crop, live),) = dataset.crops([known], 2.7, 80)
    assert live
    assert np.array_equal(crop, context_crop(picture(), BOX, 2.7, 80))
    assert not list(dataset.crops([unknown], 2.7, 80))
    assert len(list(dataset.crops([unknown], 2.7, 80, locate=lambda _: BOX))) == 1


# Installing


def scores(live: list[float], **species: list[float]) -> list[Scored]:
    """One decision for each score: recordings of a single frame."""
    kinds: dict[str, list[float]] = {"": live, **species}
    return [
        Scored(sample("cam", f"{kind}{n}", 0, live=not kind, species=kind), score)
        for kind, values in kinds.items()
        for n, score in enumerate(values)
    ]


GOOD = scores([0.9] * 30, print=[0.1] * 30, phone=[0.1] * 30)


def test_as_good_a_model_passes() -> None:
    assert install.compare(GOOD, GOOD, (0.5, 0.5)).passed


@pytest.mark.parametrize(
    ("candidate", "word"),
    [
        (scores([0.9] * 29 + [0.1], print=[0.1] * 30, phone=[0.1] * 30), "refuses live faces"),
        (scores([0.9] * 30, print=[0.1] * 30, phone=[0.1] * 29 + [0.9]), "takes phone for live"),
    ],
)
def test_one_more_error_of_any_kind_is_worse(candidate: list[Scored], word: str) -> None:
    verdict = install.compare(candidate, GOOD, (0.5, 0.5))
    assert [word in line for line in verdict.worse] == [True]
    assert install.compare(GOOD, candidate, (0.5, 0.5)).passed  # the other way round it is better


def test_too_few_decisions_say_how_many_more() -> None:
    few = scores([0.9] * 30, print=[0.1] * 12)
    assert install.compare(few, few, (0.5, 0.5)).missing == {"print": 18}
    live_only = scores([0.9] * 40)
    assert install.compare(live_only, live_only, (0.5, 0.5)).missing == {"attacks": 30}


def test_recordings_a_model_has_seen_do_not_count() -> None:
    samples = recording("cam", "a", 2, live=True) + recording("cam", "b", 2, live=True)
    about = {"trained": {"recordings": [["cam", "a"]]}}
    assert {one.session for one in install.unseen(samples, about, {})} == {"b"}


PASSED = install.Comparison((), {})


def trained(folder: Path, threshold: float, network: bytes) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(network)
    about = {
        "id": "x",
        "file": "model.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "input": {"size": 80},
        "crop": 2.7,
        "output": "logits",
        "live": 1,
        "threshold": threshold,
    }
    (folder / "model.json").write_text(json.dumps(about))
    return folder


def own(models_dir: Path) -> list[float]:
    """The thresholds of the trained models in use."""
    return [one.threshold for one in load_passive_models(models_dir) if one.id == "personal"]


@needs("models/minifasnet")
def test_install_replaces_in_one_step_and_rolls_back(tmp_path: Path) -> None:
    network = (SHARED / "models/minifasnet/2.7_80x80_MiniFASNetV2.onnx").read_bytes()
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    with pytest.raises(ModelError, match="no version to go back to"):
        install.rollback(models_dir, "personal")
    install.install(trained(tmp_path / "one", 0.4, network), models_dir, "personal", PASSED)
    assert own(models_dir) == [0.4]
    # Bytes after the graph's end do not matter to it but make another file.
    other = network + b"\x72\x00"
    install.install(trained(tmp_path / "two", 0.6, other), models_dir, "personal", PASSED)
    assert own(models_dir) == [0.6]
    install.rollback(models_dir, "personal")
    assert own(models_dir) == [0.4]
    install.rollback(models_dir, "personal")
    assert own(models_dir) == [0.6]


@needs("models/minifasnet")
def test_a_refused_or_damaged_model_leaves_the_installed_one(tmp_path: Path) -> None:
    network = (SHARED / "models/minifasnet/2.7_80x80_MiniFASNetV2.onnx").read_bytes()
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    good = trained(tmp_path / "good", 0.4, network)
    install.install(good, models_dir, "personal", PASSED)
    worse = install.Comparison(("it refuses live faces",), {"print": 3})
    with pytest.raises(ModelError, match="refuses live faces; to tell, it takes 3 more decisions"):
        install.install(good, models_dir, "personal", worse)
    damaged = trained(tmp_path / "damaged", 0.9, network)
    (damaged / "model.onnx").write_bytes(network[:-100])
    with pytest.raises(ModelError):
        install.install(damaged, models_dir, "personal", PASSED)
    for name in ("minifasnet", "../x", ".x", ""):
        with pytest.raises(ModelError, match="cannot name"):
            install.install(good, models_dir, name, PASSED)
    assert own(models_dir) == [0.4]


def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "a", {"x": b"1"})
    with pytest.raises(FileExistsError):
        write_folder(tmp_path / "a", {"x": b"2"})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_folder(tmp_path / "b", {"x": b"3"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "x").read_bytes() == b"1"
