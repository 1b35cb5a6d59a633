# SPDX-License-Identifier: MIT
"""From what the configuration says, or a passed file, to an open source of frames.

A configured file is a stand-in for a camera: it loops for ever, and is paced in real time unless
``paced`` is false. A passed file is what somebody wants to enrol from: every frame of it once, at
full speed.
"""

import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from faceauthd.camera.discovery import find_camera, list_cameras
from faceauthd.camera.stand_in import is_stand_in, open_stand_in
from faceauthd.camera.terms import PASSED_FILE_ID, CameraError, printable

if TYPE_CHECKING:
    from faceauthd.camera.capture import Rewindable, Source
    from faceauthd.config import CameraConfig

PASSED_FILE = "the passed file"
_FIRST_PICTURE = 4.0  # seconds: a USB camera may need more than one before its first picture
_HEAD = 512  # bytes: enough to tell a tar archive, whose mark is at 257


def open_source(camera: "CameraConfig", fd: int | None = None) -> "Source":
    """Opens what ``camera.device`` names or, where ``fd`` is given, that file.

    Beside a ``device`` that is a path, ``fd`` is the stand-in that is there, opened; else it is a
    passed file. It is taken over: closed with the source, or here on an error. Raises CameraError.
    """
    from faceauthd.camera.capture import EveryFrame, Numbered  # OpenCV, only once it is needed

    if fd is None and not is_stand_in(camera.device):
        return _open_camera(camera)
    if isinstance(camera.device, str) and Path(camera.device).is_absolute():
        fd = open_stand_in(camera.device) if fd is None else fd
        return _show_stand_in(camera, printable(Path(camera.device).name), fd)
    assert fd is not None  # no path, no camera: a passed file
    film = _open_file(fd, PASSED_FILE, fps=0)
    return EveryFrame(PASSED_FILE_ID, PASSED_FILE, Numbered(film, rotate=0))


def _open_camera(camera: "CameraConfig") -> "Source":
    from faceauthd.camera.capture import NewestFrame, Numbered
    from faceauthd.camera.v4l2 import Camera

    info = find_camera(camera.device, list_cameras(camera.allow_virtual))
    film = Numbered(Camera(info, camera.width, camera.height, camera.fps), camera.rotate)
    return NewestFrame(info.id, info.name, film, threading.Event(), _FIRST_PICTURE)


def _show_stand_in(camera: "CameraConfig", name: str, fd: int) -> "Source":
    from faceauthd.camera.capture import EveryFrame, Looping, NewestFrame, Numbered, Paced

    film = _open_file(fd, name, camera.fps)
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
