# SPDX-License-Identifier: MIT
"""Recordings that are fed in at a sensor's place, and what real cameras may do unpunished."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest

from faceauthd.camera import CameraError, CameraInfo
from faceauthd.camera.scrutiny import REPEATS, SETTLING, Memory, Scrutiny
from faceauthd.camera.v4l2 import Camera
from models.face import Image
from tests.faceauthd.films import grey
from tests.harness.data import SHARED, needs

RATE = 1 / 30


def scene(seed: int, width: int = 64, height: int = 48) -> Image:
    """Blobs, large enough to be seen in few points."""
    blobs = np.random.default_rng(seed).integers(20, 230, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(blobs, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def noisy(picture: Image, seed: int) -> Image:
    """As a sensor sees it: never twice the same."""
    noise = np.random.default_rng(seed).integers(-3, 4, picture.shape)
    return np.clip(picture.astype(int) + noise, 17, 238).astype(np.uint8)


def clip(length: int, first: int = 0) -> list[Image]:
    """A recording of one scene."""
    return [noisy(scene(1), seed) for seed in range(first, first + length)]


def shown(pictures: Sequence[Image], memory: Memory | None = None, rate: float = RATE) -> list[int]:
    """The numbers of the pictures that are shown; CameraError where one ends the scan."""
    scrutiny = Scrutiny("camera", memory if memory else Memory())
    return [n for n, picture in enumerate(pictures) if scrutiny.is_news(picture, n * rate)]


def test_a_sensor_is_believed() -> None:
    assert shown(clip(60)) == list(range(60))


def test_a_clip_in_a_loop_is_found_out() -> None:
    pictures = clip(20) * 2
    with pytest.raises(CameraError, match="sent before") as broken:
        shown(pictures)
    assert broken.value.why == "broken"
    assert shown(pictures[: 20 + REPEATS - 1]) == list(range(20))


def test_the_same_clip_at_the_next_attempt_is_found_out() -> None:
    memory = Memory()
    assert len(shown(clip(20), memory)) == 20
    with pytest.raises(CameraError, match="sent before"):
        shown(clip(20), memory)


def test_no_picture_of_a_recording_is_judged_twice() -> None:
    """Two repeats may be an accident, and are passed over; so is what a driver sends twice."""
    one, two, three = clip(3)
    assert shown([one, one, two, one, three, three, two, noisy(scene(1), 9)]) == [0, 2, 4, 7]


def test_a_frozen_picture_is_shown_once() -> None:
    assert shown([scene(1)] * 30) == [0]


def test_darkness_and_glare_are_no_recordings() -> None:
    assert shown([grey(3)] * 9 + [grey(250)] * 9) == list(range(18))


def test_a_jump_to_another_scene_is_found_out() -> None:
    settled = clip(int(SETTLING / RATE) + 2)
    with pytest.raises(CameraError, match="jumps"):
        shown([*settled, noisy(scene(2), 1)])


def test_a_camera_may_settle_and_what_was_long_ago_does_not_count() -> None:
    two = [noisy(scene(1), 1), noisy(scene(2), 2)]
    assert shown(two) == [0, 1]
    slow = [noisy(scene(seed), seed) for seed in range(5)]
    assert shown(slow, rate=1.0) == list(range(5))


def test_a_size_that_changes_is_found_out() -> None:
    with pytest.raises(CameraError, match="changes the size"):
        shown([scene(1), scene(1, 32, 48)])


def test_the_oldest_pictures_are_forgotten() -> None:
    memory = Memory(most=2)
    assert [memory.knows(each) for each in (b"a", b"b", b"c", b"b", b"a")] == [
        False, False, False, True, False,
    ]  # fmt: skip


class Feed:
    """A device that was replaced: cv2.VideoCapture, showing a clip in a loop."""

    def __init__(self, pictures: Sequence[Image]) -> None:
        self.pictures = pictures
        self.frames: Iterator[Image] = iter(())

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def read(self) -> tuple[bool, Image]:
        picture = next(self.frames, None)
        if picture is None:
            self.frames = iter(self.pictures)
            picture = next(self.frames)
        return True, picture

    def release(self) -> None:
        pass


@pytest.mark.parametrize("virtual", [False, True])
def test_a_clip_fed_in_at_a_replaced_device(monkeypatch: pytest.MonkeyPatch, virtual: bool) -> None:
    """A virtual camera that root allowed may show what it likes; one that seems real may not."""
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Feed(clip(20)))
    info = CameraInfo("id", "Webcam", "/dev/null", "uvc", ("MJPG",), virtual, False, True, "")
    camera = Camera(info, 64, 48, 30, Memory())
    if virtual:
        assert all(camera.read() for _ in range(100))
    else:
        with pytest.raises(CameraError, match="sent before"):
            for _ in range(100):
                camera.read()


@needs("video/genuine")
def test_real_cameras_are_believed() -> None:
    """Their clips are compressed, which makes pictures more alike than a camera's own are."""
    for path in sorted((SHARED / "video").glob("genuine/*.mp4")):
        film = cv2.VideoCapture(str(path))
        rate = 1 / film.get(cv2.CAP_PROP_FPS)
        pictures = [picture for ok, picture in (film.read() for _ in range(90)) if ok]
        assert len(shown(pictures, rate=rate)) >= len(pictures) - 1, path.name
