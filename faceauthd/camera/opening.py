# SPDX-License-Identifier: MIT
"""From what the configuration says, or a passed file, to an open source of frames.

A configured file is a stand-in for a camera: it loops for ever, and is paced in real time unless
``paced`` is false. A passed file is what somebody wants to enrol from: every frame of it once, at
full speed. Links are followed at each opening, so what a link shows can be switched.
"""

import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from faceauthd.camera.discovery import find_camera, list_cameras
from faceauthd.camera.terms import CameraError, printable

if TYPE_CHECKING:
    from faceauthd.camera.capture import Rewindable, Source
    from faceauthd.config import CameraConfig

PASSED_FILE = "the passed file"
_FIRST_PICTURE = 4.0  # seconds: a USB camera may need more than one before its first picture
_HEAD = 512  # bytes: enough to tell a tar archive, whose mark is at 257


def open_source(camera: "CameraConfig", fd: int | None = None) -> "Source":
    """Opens what ``camera.device`` names or, where ``fd`` is given, that file.

    ``fd`` is taken over: it is closed with the source, or here on an error. Raises CameraError.
    """
    from faceauthd.camera.capture import EveryFrame, Numbered  # OpenCV, only once it is needed

    if fd is not None:
        film = _open_file(fd, PASSED_FILE, fps=0)
        return EveryFrame("file", PASSED_FILE, Numbered(film, rotate=0))
    path = Path(camera.device)
    if path.is_absolute() and not _is_device(path):
        return _open_stand_in(camera, path)
    return _open_camera(camera)


def _open_camera(camera: "CameraConfig") -> "Source":
    from faceauthd.camera.capture import NewestFrame, Numbered
    from faceauthd.camera.v4l2 import Camera

    info = find_camera(camera.device, list_cameras(camera.allow_virtual))
    film = Numbered(Camera(info, camera.width, camera.height, camera.fps), camera.rotate)
    return NewestFrame(info.id, info.name, film, threading.Event(), _FIRST_PICTURE)


def _open_stand_in(camera: "CameraConfig", path: Path) -> "Source":
    from faceauthd.camera.capture import EveryFrame, Looping, NewestFrame, Numbered, Paced
    from faceauthd.camera.pictures import open_folder

    name = printable(path.name)
    film: Rewindable
    if path.is_dir():
        film = open_folder(path.resolve(), camera.fps)
    else:
        film = _open_file(_open_regular(path), name, camera.fps)
    id_ = f"file:{name}"
    if not camera.paced:
        return EveryFrame(id_, name, Numbered(Looping(film), camera.rotate))
    stopped = threading.Event()
    paced = Numbered(Paced(Looping(film), stopped), camera.rotate)
    return NewestFrame(id_, name, paced, stopped, patience=None)


def _open_file(fd: int, name: str, fps: float) -> "Rewindable":
    """The film in the file ``fd``, which is taken over."""
    try:
        return _recognise(fd, name, fps)
    except BaseException:
        os.close(fd)
        raise


def _recognise(fd: int, name: str, fps: float) -> "Rewindable":
    """A file is what its first bytes say, whatever it is called."""
    from faceauthd.camera.picture import is_picture
    from faceauthd.camera.pictures import open_single, open_tar
    from faceauthd.camera.video import Video, is_video

    head = _head(fd, name)
    if is_picture(head):
        return open_single(fd, name, fps)
    if head[257:262] == b"ustar":
        return open_tar(fd, name, fps)
    if is_video(head):
        return Video(fd, name)
    raise CameraError(
        "broken",
        f"{name} is no video (MP4, MOV, Matroska, WebM, AVI), no picture (JPEG, PNG, WebP, BMP)"
        " and no tar archive of pictures",
    )


def _head(fd: int, name: str) -> bytes:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise CameraError("refused", f"{name} is no regular file")
    try:
        head = os.pread(fd, _HEAD, 0)
    except OSError as error:
        raise CameraError("broken", f"{name}: {error.strerror}") from None
    if not head:
        raise CameraError("broken", f"{name} is empty")
    return head


def _open_regular(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold us
    except FileNotFoundError:
        raise CameraError("missing", f"there is no {path}") from None
    except OSError as error:
        raise CameraError("refused", f"{path}: {error.strerror}") from None


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False
