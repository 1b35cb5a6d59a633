# SPDX-License-Identifier: MIT
"""One picture file → pixels, its size checked before a pixel is decoded.

PNG, JPEG, WebP and BMP. A few bytes of header can ask for gigabytes (a decompression bomb), and
OpenCV decodes half a file without complaint; both are refused here. OpenCV is imported only when a
picture is decoded.
"""

import struct

import numpy as np

from models.face import Image

LARGEST_FILE = 32 << 20  # bytes
# A side, in pixels. 4096 admits every webcam and 12-megapixel photographs, and keeps a decoded
# picture below 51 MB; below 32 there is no face.
SMALLEST_SIDE = 32
LARGEST_SIDE = 4096

_PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
_BMP = b"BM"
# JPEG's frame headers, which hold the size: SOF0 to SOF15 without DHT, JPG and DAC.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA


class PictureError(Exception):
    """Why a picture cannot be used; one line that names it."""


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (16 bytes suffice) is a picture of a known kind."""
    return head.startswith((_PNG, JPEG, _BMP)) or _is_webp(head)


def check_size(name: str, width: int, height: int, smallest: int = SMALLEST_SIDE) -> None:
    """Refuses a size that cannot be meant, before the pixels are decoded."""
    if min(width, height) < smallest or max(width, height) > LARGEST_SIDE:
        raise PictureError(
            f"{name} is {width}×{height} pixels; a picture may be {smallest}×{smallest}"
            f" to {LARGEST_SIDE}×{LARGEST_SIDE}"
        )


def decode(data: bytes, name: str, smallest: int = SMALLEST_SIDE) -> Image:
    """The picture in ``data`` as (height, width, 3) uint8 BGR, upright as its EXIF data says.

    ``name`` is what to call it, ``smallest`` the least side in pixels. Raises PictureError.
    """
    import cv2

    if not data:
        raise PictureError(f"{name} is empty")
    if len(data) > LARGEST_FILE:
        raise PictureError(f"{name} is larger than {LARGEST_FILE >> 20} MiB")
    try:
        width, height = _size(data)
    except (struct.error, IndexError):
        raise PictureError(f"{name} is cut short") from None
    except ValueError as error:
        raise PictureError(f"{name} {error}") from None
    check_size(name, width, height, smallest)
    if not _is_whole(data):
        raise PictureError(f"{name} is cut short")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise PictureError(f"{name} is damaged")
    return np.asarray(image, np.uint8)


def _size(data: bytes) -> tuple[int, int]:
    """Width and height from the header; ValueError says what the file is not."""
    if data.startswith(_PNG):
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if data.startswith(JPEG):
        return _jpeg_size(data)
    if _is_webp(data):
        return _webp_size(data)
    if data.startswith(_BMP):
        width, height = struct.unpack_from("<ii", data, 18)
        return width, abs(height)  # negative: the upper row comes first
    raise ValueError("is no PNG, JPEG, WebP or BMP picture")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    position = 2
    while True:
        while data[position + 1] == 0xFF:  # fill bytes before a marker
            position += 1
        mark, marker, length = struct.unpack_from(">BBH", data, position)
        if mark != 0xFF or marker == _JPEG_SCAN:
            raise ValueError("is damaged")
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        position += 2 + length


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":  # extended: the canvas, each side less one, in 24 bits
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return width, height
    if kind == b"VP8L":  # lossless: each side less one, in 14 bits
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":  # lossy: 14 bits each, the other two are a scale
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("is damaged")


def _is_whole(data: bytes) -> bool:
    """Whether the file has its end; the decoders would fill what is missing with grey."""
    if data.startswith(_PNG):
        return b"IEND" in data[-64:]
    if data.startswith(JPEG):
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    if data.startswith(_BMP):
        return len(data) >= int.from_bytes(data[2:6], "little")
    return len(data) >= int.from_bytes(data[4:8], "little") + 8
