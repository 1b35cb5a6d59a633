# SPDX-License-Identifier: MIT
"""A video file as a film, through OpenCV's FFmpeg.

FFmpeg gets an open file descriptor and no name, and of its protocols only the one that reads a
descriptor. So a playlist or a script that pretends to be a video can reach no other file and no
network, a name cannot be a pattern or an address, and a file that its owner lent to us is read
with the owner's right, not ours.
"""

import os
import threading

import cv2
import numpy as np

from faceauthd.camera.terms import CameraError, check_size
from models.face import Image

# FFmpeg's names of the containers that are read: MP4 and MOV, Matroska and WebM, AVI.
_FORMATS = "mov,matroska,webm,avi"
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"  # OpenCV takes FFmpeg's options from here alone
_options_lock = threading.Lock()


def is_video(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (16 bytes suffice) is a container that is read."""
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
        or head.startswith(b"\x1aE\xdf\xa3")
        or (head[:4] == b"RIFF" and head[8:11] == b"AVI")
    )


class Video:
    """The pictures of a video file, in order, each with its media time."""

    def __init__(self, fd: int, name: str) -> None:
        """Reads from ``fd``, a regular file, and closes it with the film."""
        self._fd = fd
        self._name = name
        self._frames = 0
        self._film = self._open()

    def read(self) -> tuple[Image, float] | None:
        """The next picture and its time in seconds; None after the last."""
        try:
            ok, image = self._film.read()
        except cv2.error:
            ok, image = False, None
        if not ok or image is None:
            if not self._frames:
                raise CameraError("broken", f"{self._name} holds no picture that can be decoded")
            return None
        check_size(self._name, image.shape[1], image.shape[0])
        self._frames += 1
        at = self._film.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return np.asarray(image, np.uint8), at if np.isfinite(at) else 0.0

    def rewind(self) -> None:
        """From the start again: the file is opened anew, since not every container can seek."""
        self._film.release()
        self._film = self._open()

    def close(self) -> None:
        self._film.release()
        os.close(self._fd)

    def _open(self) -> cv2.VideoCapture:
        os.lseek(self._fd, 0, os.SEEK_SET)
        with _options_lock:
            os.environ[_OPTIONS] = (
                f"protocol_whitelist;fd|format_whitelist;{_FORMATS}|fd;{self._fd}"
            )
            try:
                film = cv2.VideoCapture("fd:", cv2.CAP_FFMPEG)
            finally:
                del os.environ[_OPTIONS]
        if not film.isOpened():
            raise CameraError("broken", f"{self._name} is no video that can be read")
        width, height = film.get(cv2.CAP_PROP_FRAME_WIDTH), film.get(cv2.CAP_PROP_FRAME_HEIGHT)
        try:
            check_size(self._name, int(width), int(height))
        except CameraError:
            film.release()
            raise
        return film
