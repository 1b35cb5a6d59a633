# SPDX-License-Identifier: MIT
"""Small films to test with. Frame n of a clip is grey of brightness 10·n, to be known again."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from models.face import Image

STEP = 10


def grey(level: int, width: int = 64, height: int = 48) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def number_of(image: Image) -> int:
    """Which frame of a clip this is."""
    return round(float(image.mean()) / STEP)


def encoded(image: Image, suffix: str = ".png") -> bytes:
    ok, data = cv2.imencode(suffix, image)
    assert ok
    return bytes(data)


def write_clip(
    path: Path, count: int, fps: float = 30.0, width: int = 64, height: int = 48
) -> Path:
    """``count`` frames as Motion-JPEG in AVI."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    for number in range(count):
        writer.write(grey(number * STEP, width, height))
    writer.release()
    return path


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """An uncompressed tar archive of regular files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
