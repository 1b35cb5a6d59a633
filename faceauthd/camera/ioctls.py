# SPDX-License-Identifier: MIT
"""The three questions that V4L2 is asked directly: what are you, what can you send, are you taken.

OpenCV can open a camera but not describe one. Layouts and numbers are those of the kernel's
linux/videodev2.h (stable userspace interface); the request numbers hold for x86, ARM and RISC-V.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_CAPABILITY = struct.Struct("16s 32s 32s I I I 12x")  # struct v4l2_capability, 104 bytes
_FORMAT = struct.Struct("I I I 32s 4s 16x")  # struct v4l2_fmtdesc, 64 bytes
_BUFFERS = struct.Struct("I I I I 4x")  # struct v4l2_requestbuffers, 20 bytes

_READ, _WRITE = 2, 1


def _request(direction: int, number: int, size: int) -> int:
    """The kernel's _IOC('V', …)."""
    return direction << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP = _request(_READ, 0, _CAPABILITY.size)
ENUM_FMT = _request(_READ | _WRITE, 2, _FORMAT.size)
REQBUFS = _request(_READ | _WRITE, 8, _BUFFERS.size)

_CAN_CAPTURE = 0x1
_CAN_CAPTURE_PLANES = 0x1000
_CAN_STREAM = 0x04000000
_HAS_OWN_CAPABILITIES = 0x80000000  # device_caps, which speak of this node alone, are valid

_TYPE_CAPTURE = 1
_TYPE_CAPTURE_PLANES = 9
_MEMORY_MMAP = 1
_MOST_FORMATS = 64  # no driver has so many; one that never says "no more" must not hold us


@dataclass(frozen=True)
class Capability:
    """What a V4L2 node says of itself."""

    driver: str
    card: str
    bus: str
    flags: int

    @property
    def captures(self) -> bool:
        """It sends pictures: no metadata node, no output, no codec."""
        return bool(self.flags & (_CAN_CAPTURE | _CAN_CAPTURE_PLANES)) and bool(
            self.flags & _CAN_STREAM
        )

    @property
    def buffer_type(self) -> int:
        return _TYPE_CAPTURE if self.flags & _CAN_CAPTURE else _TYPE_CAPTURE_PLANES


def parse_capability(data: bytes) -> Capability:
    """The kernel's answer to QUERYCAP; ``data`` is 104 bytes."""
    driver, card, bus, _version, whole_device, this_node = _CAPABILITY.unpack(data)
    flags = this_node if whole_device & _HAS_OWN_CAPABILITIES else whole_device
    return Capability(_text(driver), _text(card), _text(bus), flags)


def parse_format(data: bytes) -> str:
    """The four-character code in the kernel's answer to ENUM_FMT; ``data`` is 64 bytes."""
    code: bytes = _FORMAT.unpack(data)[4]
    return code.decode("ascii", "replace").rstrip(" \0")


def query(node: str) -> tuple[Capability, tuple[str, ...]]:
    """Asks ``node`` what it is and which formats it sends; OSError where it cannot be asked."""
    fd = _open(node)
    try:
        capability = parse_capability(fcntl.ioctl(fd, QUERYCAP, bytes(_CAPABILITY.size)))
        if not capability.captures:
            return capability, ()
        return capability, tuple(dict.fromkeys(_formats(fd, capability.buffer_type)))
    finally:
        os.close(fd)


def is_taken(node: str) -> bool:
    """Whether another program is streaming from ``node``; OSError where it cannot be asked.

    Asking for no buffers changes nothing, and is refused while another program holds some.
    """
    fd = _open(node)
    try:
        capability = parse_capability(fcntl.ioctl(fd, QUERYCAP, bytes(_CAPABILITY.size)))
        fcntl.ioctl(fd, REQBUFS, _BUFFERS.pack(0, capability.buffer_type, _MEMORY_MMAP, 0))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        raise
    finally:
        os.close(fd)
    return False


def _open(node: str) -> int:
    return os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _formats(fd: int, buffer_type: int) -> Iterator[str]:
    for index in range(_MOST_FORMATS):
        question = _FORMAT.pack(index, buffer_type, 0, b"", b"")
        try:
            yield parse_format(fcntl.ioctl(fd, ENUM_FMT, question))
        except OSError as error:
            if error.errno == errno.EINVAL:  # no more
                return
            raise


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
