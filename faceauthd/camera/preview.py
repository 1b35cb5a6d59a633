# SPDX-License-Identifier: MIT
"""What the camera sees, from the worker to whoever sets faceauth up: a picture in each datagram.

The way is a SOCK_SEQPACKET socketpair that root made for a Watch (only root may). A datagram is the
frame's index (eight bytes, little-endian) and a JPEG, ``LONG_SIDE`` pixels at most. The worker
never waits for the reader: a picture that there is no room for is dropped whole.
"""

import select
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import cv2

from models.face import Image
from models.picture import JPEG, PictureError, decode

LONG_SIDE = 640  # pixels; a larger picture would not fit into a socket's usual buffer
QUALITY = 80  # of JPEG, 0 to 100
LARGEST = 256 * 1024  # bytes of a datagram
AT_ONCE = 32  # more than a socket's usual buffer holds
_INDEX = struct.Struct("<Q")


class Preview:
    """The worker's end."""

    def __init__(self, fd: int) -> None:
        """``fd`` is taken over."""
        # By name, since the worker may not ask the kernel what it is.
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=fd)

    def show(self, index: int, image: Image) -> None:
        """Send a picture where there is room for it; what hinders that hinders nothing else."""
        if not select.select([], [self._sock], [], 0)[1]:
            return
        height, width = image.shape[:2]
        scale = LONG_SIDE / max(height, width)
        small = cv2.resize(image, None, fx=scale, fy=scale) if scale < 1 else image
        ok, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if ok:
            self._send(_INDEX.pack(index) + jpeg.tobytes())

    def close(self) -> None:
        self._sock.close()

    def _send(self, datagram: bytes) -> None:
        try:
            self._sock.send(datagram, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:  # full, too large for it, or nobody reads any more
            return


def received(sock: socket.socket) -> Iterator[tuple[int, Image]]:
    """The pictures that have come by now, AT_ONCE of them: frame index, (height, width, 3) BGR.

    The reader is root, and the worker may have been taken over by what it decoded: of all that
    OpenCV knows to decode only JPEG is, and none whose header asks for gigabytes.
    """
    for _ in range(AT_ONCE):
        try:
            datagram = sock.recv(LARGEST, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if len(datagram) <= _INDEX.size:
            return
        (index,) = _INDEX.unpack_from(datagram)
        data = datagram[_INDEX.size :]
        if data.startswith(JPEG):
            with suppress(PictureError):
                yield index, decode(data, "a picture of the camera's")
