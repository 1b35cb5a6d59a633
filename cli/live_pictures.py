# SPDX-License-Identifier: MIT
"""The pictures that go with the frames of a Watch: the daemon's, or those of the file it looks at.

The daemon shows what its camera sees on a socket, and leaves pictures out that nobody fetched in
time. A file's pictures are decoded here, so that each is there and in its full size.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from faceauthd.camera import CameraError, open_source
from faceauthd.camera.preview import AT_ONCE, received
from faceauthd.camera.terms import Frame
from faceauthd.config import CameraConfig
from models.face import Image


class Pictures(Protocol):
    """``fd`` is what the daemon is given to show pictures on, if anything."""

    fd: int | None

    def of(self, index: int) -> Image | None:
        """The picture of this frame, where there is one; frames are asked for in their order."""

    def close(self) -> None: ...


class NoPictures:
    """Numbers will do."""

    fd: int | None = None

    def of(self, index: int) -> Image | None:
        del index
        return None

    def close(self) -> None:
        return


class CameraPictures:
    """What the daemon's camera sees."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.fd: int | None = self._theirs.fileno()
        self._come: dict[int, Image] = {}

    def of(self, index: int) -> Image | None:
        self._come.update(received(self._ours))
        for older in [one for one in self._come if one < index]:
            del self._come[older]
        while len(self._come) > AT_ONCE:  # so far ahead only a worker that was taken over is
            del self._come[max(self._come)]
        return self._come.pop(index, None)

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


class FilePictures:
    """The pictures in a video, or in a tar of images."""

    fd: int | None = None

    def __init__(self, fd: int) -> None:
        """``fd`` stays the caller's."""
        # Opened anew, since the daemon reads from ``fd`` and two readers would share one position.
        own = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
        self._source = open_source(CameraConfig(), own)
        self._frames: Iterator[Frame] = self._source.frames()

    def of(self, index: int) -> Image | None:
        with suppress(CameraError):  # which the daemon reports as well, and ends
            for frame in self._frames:
                if frame.index == index:
                    return frame.image
        return None

    def close(self) -> None:
        self._source.close()
