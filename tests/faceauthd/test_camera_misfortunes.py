# SPDX-License-Identifier: MIT
"""A whole scan of a camera that goes wrong on the way: frames until then, and one clear end."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from threading import Event

import cv2
import pytest

from faceauthd.camera import CameraError, CameraInfo
from faceauthd.camera import v4l2 as v4l2_module
from faceauthd.camera.capture import NewestFrame, Numbered
from faceauthd.camera.scrutiny import Memory
from faceauthd.camera.v4l2 import Camera
from faceauthd.config import VerifyConfig
from models.face import Image
from tests.faceauthd.films import grey
from tests.faceauthd.matching import fed, verify
from tests.faceauthd.test_camera_scrutiny import clip, scene

Reading = Image | None | Callable[[], Image | None]


class Device:
    """cv2.VideoCapture whose readings a test says: a picture, None for a failure, or what to do."""

    def __init__(self, readings: Iterator[Reading]) -> None:
        self._readings = readings

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def read(self) -> tuple[bool, Image | None]:
        reading = next(self._readings)
        picture = reading() if callable(reading) else reading
        return picture is not None, picture

    def release(self) -> None:
        pass


def malformed() -> Image | None:
    raise cv2.error("Corrupt JPEG data: 3 extraneous bytes")


Scan = Callable[[Iterator[Reading]], tuple[int, CameraError]]


@pytest.fixture
def node(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


@pytest.fixture
def scan(node: Path, monkeypatch: pytest.MonkeyPatch) -> Scan:
    """How many frames came, and the error that ended them."""
    monkeypatch.setattr(v4l2_module, "SILENCE", 0.1)

    def run(readings: Iterator[Reading]) -> tuple[int, CameraError]:
        monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Device(readings))
        info = CameraInfo("id", "Webcam", str(node), "uvc", ("MJPG",), False, False, True, "")
        film = Numbered(Camera(info, 64, 48, 30, Memory()), 0)
        count = 0
        with closing(NewestFrame("id", "Webcam", film, Event(), 30.0)) as source:
            try:
                for _ in source.frames():
                    count += 1
            except CameraError as error:
                return count, error
        raise AssertionError("it ended without an error")

    return run


@pytest.mark.parametrize(
    ("then", "why", "says"),
    [
        pytest.param(repeat(None), "broken", "sends no picture", id="EIO in the middle"),
        pytest.param(repeat(malformed), "broken", "Webcam: error", id="malformed MJPEG"),
        pytest.param(repeat(scene(1)), "broken", "frozen", id="freezes"),
        pytest.param(repeat(grey(128, 64, 48)), "broken", "frozen", id="a blank picture for ever"),
        pytest.param(repeat(scene(1, 32, 48)), "broken", "changes the size", id="another size"),
        pytest.param(iter(clip(5)), "broken", "sent before", id="begins again"),
    ],
)
def test_what_goes_wrong_in_mid_scan_ends_it(
    scan: Scan, then: Iterator[Reading], why: str, says: str
) -> None:
    count, error = scan(chain(clip(5), then))
    assert count <= 6
    assert (error.why, says in error.text) == (why, True), error.text


def test_unplugged_in_mid_scan(scan: Scan, node: Path) -> None:
    def pull() -> None:
        node.unlink(missing_ok=True)

    _, error = scan(chain(clip(5), repeat(pull)))
    assert (error.why, "was unplugged" in error.text) == ("missing", True)


def test_a_camera_that_delivers_nothing(scan: Scan) -> None:
    count, error = scan(repeat(None))
    assert (count, error.why) == (0, "broken")


@pytest.mark.parametrize("level", [0, 255])
def test_only_black_and_only_white_are_pictures_without_a_face(
    node: Path, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    """They do not end a scan: the person is told to open the shutter, and the session refuses."""
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Device(repeat(grey(level, 64, 48))))
    info = CameraInfo("id", "Webcam", str(node), "uvc", ("MJPG",), False, False, True, "")
    camera = Camera(info, 64, 48, 30, Memory())
    assert [shot is not None for shot in (camera.read() for _ in range(50))] == [True] * 50


def test_one_picture_a_second_never_suffices() -> None:
    """Ten good frames in a row take longer than a scan, whatever they show."""
    session = verify(frames=VerifyConfig.frames)
    changes = [{"at": float(second)} for second in range(int(VerifyConfig.timeout) + 1)]
    assert fed(session, changes) == (len(changes), None)
    assert session.expire().result == "timeout"
