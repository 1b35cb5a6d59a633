# SPDX-License-Identifier: MIT
"""The annotated video that a live view writes: Motion-JPEG in AVI, which any machine can write."""

import statistics
from itertools import pairwise
from pathlib import Path

import cv2

from cli.exits import Exit, die
from models.face import Image

SUFFIX = ".avi"
FIRST = 10  # pictures that tell the rate: a file's is known only from its frames' times
QUALITY = 90  # of JPEG, 0 to 100
RATES = (1.0, 60.0)


class Film:
    """Pictures with their times in, a video out; none without a picture.

    What cannot be written ends the command, before there is anything to lose.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != SUFFIX:
            die(f"{path}: a video is written as {SUFFIX}", Exit.USAGE)
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            die(f"{path} is there already; it is not written over", Exit.USAGE)
        except OSError as error:
            die(f"{path} cannot be written: {error.strerror}", Exit.USAGE)
        self._path = path
        self._waiting: list[tuple[float, Image]] = []
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, at: float, picture: Image) -> None:
        if self._writer is not None:
            self._write(picture)
            return
        self._waiting.append((at, picture))
        if len(self._waiting) >= FIRST:
            self._open()

    def close(self) -> None:
        if self._waiting:
            self._open()
        if self._writer is not None:
            self._writer.release()
        else:
            self._path.unlink()

    def _open(self) -> None:
        times = [at for at, _ in self._waiting]
        between = statistics.median(b - a for a, b in pairwise(times)) if len(times) > 1 else 0.1
        rate = min(max(1 / max(between, 1e-3), RATES[0]), RATES[1])
        height, width = self._waiting[0][1].shape[:2]
        self._size = width, height
        code = cv2.VideoWriter.fourcc(*"MJPG")
        writer = cv2.VideoWriter(str(self._path), code, rate, self._size)
        if not writer.isOpened():
            die(f"{self._path} cannot be written", Exit.UNAVAILABLE)
        self._writer = writer
        self._writer.set(cv2.VIDEOWRITER_PROP_QUALITY, QUALITY)
        waiting, self._waiting = self._waiting, []
        for _, picture in waiting:
            self._write(picture)

    def _write(self, picture: Image) -> None:
        assert self._writer is not None
        if picture.shape[1::-1] != self._size:  # images of a folder may differ
            picture = cv2.resize(picture, self._size)
        self._writer.write(picture)
