# SPDX-License-Identifier: MIT
"""liveness collect: from files, folders and the camera; each way to be wrong is one line."""

import json
from pathlib import Path

import click
import cv2
import numpy as np
import pytest

import models.engine
from cli import terminal
from cli.exits import Exit
from models.evaluation import datasets
from tests.cli.conftest import Run, one_line
from tests.harness.clips import write
from tests.models.painted import BLACK, engine, paint

COLLECT = ("liveness", "collect")


@pytest.fixture(autouse=True)
def painted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine that sees a face in all that is not black, and a camera that is a folder."""
    monkeypatch.setattr(models.engine, "load_engine", lambda *_: engine()[0])
    config = f'[camera]\ndevice = "{tmp_path}/camera"\npaced = false\n'
    (tmp_path / "config.toml").write_text(config)


def scenes(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Pictures that differ, each with a face for the painted engine."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:03}.png" for number in range(count)]
    for path in paths:
        image = cv2.resize(rng.integers(1, 255, (6, 6, 3), dtype=np.uint8), (160, 120))
        assert cv2.imwrite(str(path), image)
    return paths


def clip(target: Path, frames: int, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    images = [
        np.asarray(
            cv2.resize(rng.integers(1, 255, (6, 6, 3), dtype=np.uint8), (160, 120)), np.uint8
        )
        for _ in range(frames)
    ]
    return write(target, images)


def test_a_clip_every_kth_frame(faceauth: Run, tmp_path: Path) -> None:
    film, data = clip(tmp_path / "me at desk.avi", 12), tmp_path / "data"
    outcome = faceauth(*COLLECT, str(data), str(film), "--real", "--skip", "4", "--json")
    assert outcome.status == Exit.DONE, outcome.err
    (done,) = json.loads(outcome.out)["recordings"]
    assert done["images"] == 3
    assert done["session"].startswith("me-at-desk-")
    assert [one.live for one in datasets.read(data)] == [True] * 3
    again = faceauth(*COLLECT, str(data), str(film), "--attack", "phone")
    assert again.status == Exit.DONE
    assert "is in" in again.err
    assert len(datasets.read(data)) == 3


def test_whole_folders_are_recordings(faceauth: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two")):
        scenes(tmp_path / "in" / name, 3, seed=number)
    paint(tmp_path / "in" / "two" / "dark.png", BLACK)
    data = tmp_path / "data"
    outcome = faceauth(*COLLECT, str(data), str(tmp_path / "in"), "--attack", "print")
    assert outcome.status == Exit.DONE, outcome.err
    assert "1 no face" in outcome.out
    samples = datasets.read(data)
    assert len({one.session for one in samples}) == 2
    assert {one.species for one in samples} == {"print"}


def test_the_plain_layout_says_itself_what_it_shows(faceauth: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("real/a", "fake", "fake/phone/b", "other")):
        scenes(tmp_path / "in" / name, 2, seed=number)
    data = tmp_path / "data"
    outcome = faceauth(*COLLECT, str(data), str(tmp_path / "in"))
    assert outcome.status == Exit.DONE, outcome.err
    assert sorted(one.species for one in datasets.read(data)) == [
        *("", ""),
        *("phone", "phone"),
        *("unknown", "unknown"),
    ]


def test_what_cannot_be_read_is_named_and_the_rest_is_taken(faceauth: Run, tmp_path: Path) -> None:
    scenes(tmp_path / "in", 2)
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "in" / "empty.jpg").write_bytes(b"")
    data = tmp_path / "data"
    outcome = faceauth(*COLLECT, str(data), str(tmp_path / "in"), "--real")
    assert outcome.status == Exit.NO
    assert "broken.png is cut short; it is left out" in outcome.err
    assert "empty.jpg is empty" in outcome.err
    assert "2 unreadable" in outcome.out
    assert len(datasets.read(data)) == 2
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(600))
    outcome = faceauth(*COLLECT, str(data), str(tmp_path / "a.mp4"), "--real")
    assert outcome.status == Exit.NO
    assert "no video that can be read; nothing of it was added" in outcome.err
    assert len(datasets.read(data)) == 2


def test_the_camera(faceauth: Run, tmp_path: Path) -> None:
    """A folder that stands in for it: what it shows goes round and round."""
    scenes(tmp_path / "camera", 4)
    data = tmp_path / "data"
    place = (str(data), "-c", str(tmp_path / "config.toml"), "--json")
    outcome = faceauth(*COLLECT, *place, "--real", "--frames", "3")
    assert outcome.status == Exit.DONE, outcome.err
    (done,) = json.loads(outcome.out)["recordings"]
    assert done["images"] == 3
    assert done["session"].endswith("-real")
    assert {one.source for one in datasets.read(data)} == {"file-camera"}
    outcome = faceauth(*COLLECT, *place, "--attack", "mask", "--seconds", "2")
    (done,) = json.loads(outcome.out)["recordings"]
    assert (done["images"], outcome.status) == (4, Exit.DONE)
    assert done["left_out"]["like one before"] > 4


def test_the_guide_goes_through_all_and_lets_one_skip(
    faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes(tmp_path / "camera", 4)
    monkeypatch.setattr(terminal, "has_terminal", lambda: True)
    answers = iter(["", "s", "", *["s"] * 5])
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    data = tmp_path / "data"
    place = (str(data), "-c", str(tmp_path / "config.toml"))
    outcome = faceauth(*COLLECT, *place, "--frames", "2", "--wait", "0")
    assert outcome.status == Exit.DONE, outcome.err
    assert "5 of 8: Now hold up the phone with your photo." in outcome.err
    assert sorted(one.species for one in datasets.read(data)) == ["", "", "print", "print"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{tmp}/data"], Exit.USAGE, "say what the camera shows"),
        (["{tmp}/data", "--real"], Exit.UNAVAILABLE, "there is no {tmp}/camera"),
        (["{tmp}/data", "--real", "--attack", "print"], Exit.USAGE, "exclude each other"),
        (["{tmp}/data", "--attack", ""], Exit.USAGE, "needs the kind of attack"),
        (["{tmp}/data", "{tmp}/in", "--attack", "a b"], Exit.USAGE, "cannot name a species"),
        (["{tmp}/data", "{tmp}/in"], Exit.USAGE, "say what {tmp}/in shows"),
        (["{tmp}/data", "{tmp}/none", "--real"], Exit.USAGE, "there is no {tmp}/none"),
        (["{tmp}/data", "{tmp}/config.toml", "--real"], Exit.USAGE, "no image or clip"),
        (["{tmp}/data", "{tmp}/void", "--real"], Exit.USAGE, "holds no images"),
        (["{tmp}/config.toml", "{tmp}/in", "--real"], Exit.USAGE, "config.toml"),
        (["/proc/data", "{tmp}/in", "--real"], Exit.USAGE, "cannot take a recording"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], status: Exit, said: str, faceauth: Run, tmp_path: Path
) -> None:
    scenes(tmp_path / "in", 2)
    (tmp_path / "void").mkdir()
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    outcome = faceauth(*COLLECT, *given, "-c", str(tmp_path / "config.toml"))
    assert outcome.status == status, outcome.err
    assert said.format(tmp=tmp_path) in one_line(outcome)
    assert not (tmp_path / "data" / "manifest.csv").exists()


def test_a_full_disk_adds_nothing(
    faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes(tmp_path / "in", 2)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    outcome = faceauth(*COLLECT, str(tmp_path / "data"), str(tmp_path / "in"), "--real")
    assert outcome.status == Exit.UNAVAILABLE
    assert "No space left on device; nothing of this recording was added" in one_line(outcome)
    assert list((tmp_path / "data").iterdir()) == []
