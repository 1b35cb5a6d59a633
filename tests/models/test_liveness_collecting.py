# SPDX-License-Identifier: MIT
"""A recording joins a data set whole or not at all, and what it says is what can be read."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.evaluation import datasets
from models.evaluation.datasets import DatasetError
from models.face import Box, Image
from models.liveness import collecting
from models.liveness.collecting import About, Recording
from models.liveness.crop import context_crop
from models.observation import Observation

BOX = Box(200, 150, 80, 100)
LANDMARKS = np.array([[220, 190], [260, 190], [240, 210], [225, 230], [255, 230]], np.float32)


def scene(seed: int) -> Image:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def seen(faces: int = 1, small: int = 0, light: float = 90.0, box: Box = BOX) -> Observation:
    one = faces == 1
    return Observation(
        index=7,
        at=0.0,
        faces=faces,
        small=small,
        brightness=light,
        size=(640, 480),
        box=box if one else None,
        landmarks=LANDMARKS if one else None,
    )


def about(session: str = "s1", species: str = "") -> About:
    return About(species, session, "cam", "usb cam: 1", "alice")


def collect(data: Path, session: str, species: str = "", frames: int = 3) -> int:
    taken = Recording(data, about(session, species))
    for number in range(frames):
        taken.offer(scene(number), seen())
    return taken.finish()


def test_what_is_collected_can_be_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert collect(data, "s1") == 3
    assert collect(data, "s2", "print") == 3
    samples = datasets.read(data)
    assert [(one.session, one.species, one.live) for one in samples[::3]] == [
        ("s1", "", True),
        ("s2", "print", False),
    ]
    assert {one.source for one in samples} == {"cam"}
    assert samples[0].subject == "alice"
    assert collecting.sessions(data) == {"s1", "s2"}
    assert data.stat().st_mode & 0o777 == 0o700
    text = (data / "manifest.csv").read_text()
    said = {line.split()[1].rstrip(",") for line in text.splitlines() if line.startswith("# ")}
    assert set(collecting.COLUMNS) - said <= {"height", "box_x", "box_y", "box_w", "box_h"}


@pytest.mark.parametrize("box", [BOX, Box(5, 3, 90, 110), Box(500, 300, 120, 160)])
def test_a_networks_crop_comes_out_of_the_image_as_out_of_the_frame(
    tmp_path: Path, box: Box
) -> None:
    taken = Recording(tmp_path, about())
    taken.offer(scene(1), seen(box=box))
    taken.finish()
    (sample,) = datasets.read(tmp_path)
    assert sample.box is not None
    image = cv2.imread(str(sample.path))
    assert image is not None
    assert sample.view == ("fullframe" if box != Box(500, 300, 120, 160) else sample.view)
    for scale in (1.0, 2.7):
        there = context_crop(scene(1), box, scale, 80).astype(int)
        here = context_crop(np.asarray(image, np.uint8), sample.box, scale, 80).astype(int)
        assert np.abs(there - here).mean() < 3  # the box is rounded to a tenth of a pixel


@pytest.mark.parametrize(
    ("observation", "why"),
    [
        (seen(faces=0), "no face"),
        (seen(faces=2), "several faces"),
        (seen(faces=0, small=1), "face too small"),
        (seen(light=10), "too dark"),
    ],
)
def test_what_verify_would_not_judge_is_left_out(
    tmp_path: Path, observation: Observation, why: str
) -> None:
    taken = Recording(tmp_path / "data", about(), dark=30)
    assert taken.offer(scene(0), observation) == why
    assert taken.left_out == {why: 1}
    assert taken.finish() == 0
    assert list((tmp_path / "data").iterdir()) == []


def test_frames_that_hardly_differ_are_left_out(tmp_path: Path) -> None:
    taken = Recording(tmp_path, about())
    noise = np.random.default_rng(0).integers(-3, 4, (480, 640, 3))
    noisy = (scene(1).astype(int) + noise).clip(0, 255).astype(np.uint8)
    offers = [taken.offer(image, seen()) for image in (scene(1), noisy, scene(2), scene(1))]
    assert offers == ["", "like one before", "", "like one before"]
    assert taken.finish() == 2


def test_a_recording_is_added_once(tmp_path: Path) -> None:
    collect(tmp_path, "s1")
    with pytest.raises(DatasetError, match="has the recording s1 already"):
        Recording(tmp_path, about("s1"))
    (tmp_path / "s9").mkdir()
    with pytest.raises(DatasetError, match="not in the manifest"):
        Recording(tmp_path, about("s9"))


@pytest.mark.parametrize("session", ["", "../s", ".hidden", "a/b", "x" * 101])
def test_a_name_stays_in_the_folder(tmp_path: Path, session: str) -> None:
    with pytest.raises(DatasetError, match="cannot name a session"):
        about(session)
    assert About("", collecting.name_of(session) or "x", "cam", "").session


def test_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "plain" / "real").mkdir(parents=True)
    with pytest.raises(DatasetError, match="plain folders"):
        Recording(tmp_path / "plain", about())
    (tmp_path / "manifest.csv").write_text("path,label\na.png,real\n")
    with pytest.raises(DatasetError, match="not made by faceauth"):
        Recording(tmp_path, about())
    (tmp_path / "manifest.csv").write_text("x" * 200_000)
    with pytest.raises(DatasetError, match="cannot be read: field larger"):
        Recording(tmp_path, about())
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot take a recording"):
        Recording(tmp_path / "file", about())


def test_what_a_killed_recording_left_goes_with_the_next(tmp_path: Path) -> None:
    killed = tmp_path / f"{collecting.UNDER_WAY}abc"
    killed.mkdir()
    (killed / "0001.png").write_bytes(b"a person")
    first = Recording(tmp_path, About("", "one", "cam", "cam"))
    second = Recording(tmp_path, About("", "two", "cam", "cam"))
    assert not killed.exists()
    first.offer(scene(0), seen())
    assert first.finish() == 1, "one that is under way is left alone"
    second.discard()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.csv", "one"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collect(tmp_path, "s1")
    before = (tmp_path / "manifest.csv").read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    taken = Recording(tmp_path, about("s2"))
    taken.offer(scene(0), seen())
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        taken.finish()
    taken.discard()
    assert (tmp_path / "manifest.csv").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.csv", "s1"]
