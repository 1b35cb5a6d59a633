# SPDX-License-Identifier: MIT
"""How films become frames, and how a V4L2 camera's misfortunes are told apart."""

import errno
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceauthd.camera import CameraError, CameraInfo, ioctls
from faceauthd.camera import v4l2 as v4l2_module
from faceauthd.camera.capture import EveryFrame, Looping, NewestFrame, Numbered, Paced
from faceauthd.camera.scrutiny import Memory
from faceauthd.camera.v4l2 import Camera
from models.face import Image
from tests.faceauthd.films import grey

Shot = tuple[Image, float]
Step = Shot | Exception | Callable[[], None]


class Script:
    """A film that does what a list says: show, raise, or call."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.position = 0
        self.closed = 0

    def read(self) -> Shot | None:
        while self.position < len(self.steps):
            step = self.steps[self.position]
            self.position += 1
            if isinstance(step, Exception):
                raise step
            if isinstance(step, tuple):
                return step
            step()
        return None

    def rewind(self) -> None:
        self.position = 0

    def close(self) -> None:
        self.closed += 1


def shots(*times: float) -> list[Shot]:
    return [(grey(10), at) for at in times]


def newest(film: Script, patience: float | None = 30.0) -> NewestFrame:
    return NewestFrame("id", "Camera", Numbered(film, 0), threading.Event(), patience)


def times(film: Numbered, most: int) -> list[float]:
    return [frame.at for frame in islice(iter(film.next, None), most)]


def test_frames_begin_at_zero_and_always_advance() -> None:
    film = Numbered(Script(*shots(7.0, 7.5, 7.5, 6.0, 8.5)), 0)
    assert times(film, 9) == pytest.approx([0, 0.5, 0.5 + 1 / 30, 0.5 + 2 / 30, 1.5])


def test_the_loop_goes_on_in_time() -> None:
    film = Numbered(Looping(Script(*shots(0.0, 0.1))), 0)
    assert times(film, 5) == pytest.approx([0, 0.1, 0.1 + 1 / 30, 0.2 + 1 / 30, 0.2 + 2 / 30])


def test_a_film_that_is_empty_when_it_loops_ends() -> None:
    assert Looping(Script()).read() is None


def test_a_picture_is_turned_clockwise() -> None:
    image = grey(0)
    image[0, 0] = 255  # upper left …
    frame = Numbered(Script((image, 0.0)), 90).next()
    assert frame is not None
    assert frame.image[0, -1].tolist() == [255, 255, 255]  # … becomes upper right


def test_pacing_ends_at_once_when_stopped() -> None:
    stopped = threading.Event()
    film = Paced(Script(*shots(0.0, 3600.0)), stopped)
    film.read()
    stopped.set()
    assert film.read() is not None  # an hour later, unless stopped


def test_every_frame_is_given() -> None:
    film = Script(*shots(0, 1, 2))
    with closing(EveryFrame("id", "name", Numbered(film, 0))) as source:
        assert [frame.index for frame in source.frames()] == [0, 1, 2]
    assert film.closed == 1


def test_the_newest_frame_wins_and_dropped_ones_count() -> None:
    all_read, taken = threading.Event(), threading.Event()
    film = Script(*shots(0, 1, 2), all_read.set, lambda: assert_soon(taken))
    with closing(newest(film)) as source:
        assert all_read.wait(30)
        frames = source.frames()
        assert next(frames).index == 2
        taken.set()
        assert list(frames) == []
    assert film.closed == 1


def assert_soon(event: threading.Event) -> None:
    assert event.wait(30)


def test_a_failure_comes_after_the_frames_before_it() -> None:
    film = Script(*shots(0), CameraError("missing", "unplugged"))
    with closing(newest(film)) as source, pytest.raises(CameraError, match="unplugged"):
        for frame in source.frames():
            assert frame.index == 0


def test_whatever_a_decoder_does_is_a_broken_camera() -> None:
    with closing(newest(Script(RuntimeError("boom")))) as source:
        with pytest.raises(CameraError, match="Camera: RuntimeError") as broken:
            next(source.frames())
        assert broken.value.why == "broken"


def test_a_camera_that_says_nothing_is_broken() -> None:
    silence = threading.Event()
    source = newest(Script(lambda: assert_soon(silence)), patience=0.05)
    with pytest.raises(CameraError, match="sends no picture"):
        next(source.frames())
    silence.set()
    source.close()


def test_stop_ends_a_wait_for_a_frame() -> None:
    waiting, go_on = threading.Event(), threading.Event()
    film = Script(waiting.set, lambda: assert_soon(go_on))
    source = newest(film)

    def stop_it() -> None:
        assert_soon(waiting)
        source.stop()

    threading.Thread(target=stop_it).start()
    assert list(source.frames()) == []
    assert film.closed == 0  # the camera is still being read from
    go_on.set()
    source.close()
    assert film.closed == 1


# The V4L2 camera, with an OpenCV that does what a test says.


class FakeDevice:
    """What cv2.VideoCapture gives for a camera: an image, or None for a failed read."""

    def __init__(self, pictures: Sequence[Image | None], opens: bool = True) -> None:
        self.pictures: Iterator[Image | None] = iter(pictures)
        self.opens = opens
        self.asked: tuple[object, ...] = ()
        self.released = False

    def open(self, *asked: object) -> "FakeDevice":
        self.asked = asked
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.opens

    def read(self) -> tuple[bool, Image | None]:
        picture = next(self.pictures, None)
        return picture is not None, picture

    def release(self) -> None:
        self.released = True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Camera]:
    (tmp_path / "video0").touch()
    monkeypatch.setattr(v4l2_module, "SILENCE", 120.0)  # a busy machine is no silent camera

    def open_with(device: FakeDevice, formats: tuple[str, ...] = ("YUYV", "MJPG")) -> Camera:
        monkeypatch.setattr(cv2, "VideoCapture", device.open)
        node = str(tmp_path / "video0")
        info = CameraInfo("id", "Webcam", node, "uvc", formats, False, False, True, "")
        return Camera(info, 640, 480, 30, Memory())

    return open_with


Opened = Callable[..., Camera]


def test_the_best_format_and_the_wished_size_are_asked_for(opened: Opened, tmp_path: Path) -> None:
    device = FakeDevice([])
    opened(device)
    node, backend, wishes = device.asked
    assert (node, backend) == (str(tmp_path / "video0"), cv2.CAP_V4L2)
    assert wishes == [
        cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH, 640,
        cv2.CAP_PROP_FRAME_HEIGHT, 480,
        cv2.CAP_PROP_FPS, 30,
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1)])
def test_infrared_becomes_three_channels(opened: Opened, shape: tuple[int, ...]) -> None:
    shot = opened(FakeDevice([np.full(shape, 9, np.uint8)]), ("GREY",)).read()
    assert shot is not None
    assert shot[0].shape == (48, 64, 3)
    assert (shot[0] == 9).all()


def test_a_torn_picture_is_passed_over(opened: Opened) -> None:
    shot = opened(FakeDevice([None, None, grey(50)])).read()
    assert shot is not None
    assert shot[0][0, 0, 0] == 50


def test_a_camera_that_sends_nothing_is_broken(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v4l2_module, "SILENCE", 0.05)
    with pytest.raises(CameraError, match="'Webcam' sends no picture") as broken:
        opened(FakeDevice([])).read()
    assert broken.value.why == "broken"


def test_a_camera_that_is_unplugged_is_missing(opened: Opened, tmp_path: Path) -> None:
    camera = opened(FakeDevice([]))
    (tmp_path / "video0").unlink()
    with pytest.raises(CameraError, match="was unplugged") as missing:
        camera.read()
    assert missing.value.why == "missing"


@pytest.fixture
def fast_clock(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is half a second after the one before: 1.5 seconds a picture."""
    monkeypatch.setattr(v4l2_module, "SILENCE", 2.0)
    looks = count()
    monkeypatch.setattr(time, "monotonic", lambda: next(looks) / 2)


@pytest.mark.usefixtures("fast_clock")
def test_a_picture_that_never_changes_comes_from_no_sensor(opened: Opened) -> None:
    camera = opened(FakeDevice([grey(90)] * 9))
    camera.read()
    with pytest.raises(CameraError, match="frozen") as broken:
        for _ in range(8):
            camera.read()
    assert broken.value.why == "broken"


@pytest.mark.usefixtures("fast_clock")
@pytest.mark.parametrize("level", [3, 250])
def test_a_shutter_before_the_lens_or_a_lamp_in_it_is_none_of_that(
    opened: Opened, level: int
) -> None:
    camera = opened(FakeDevice([grey(level)] * 9))
    for _ in range(9):
        assert camera.read() is not None


def test_a_picture_of_a_size_that_cannot_be_is_refused(opened: Opened) -> None:
    with pytest.raises(CameraError, match="8×8"):
        opened(FakeDevice([grey(1, 8, 8)])).read()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (True, "busy"),
        (False, "broken"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "missing"),
        (PermissionError(errno.EACCES, "Permission denied"), "refused"),
        (OSError(errno.EIO, "Input/output error"), "broken"),
    ],
)
def test_why_a_camera_does_not_open(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, answer: bool | OSError, why: str
) -> None:
    def is_taken(_node: str) -> bool:
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(ioctls, "is_taken", is_taken)
    device = FakeDevice([], opens=False)
    with pytest.raises(CameraError, match="'Webcam'") as refused:
        opened(device)
    assert refused.value.why == why
    assert device.released
