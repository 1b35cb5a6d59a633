# SPDX-License-Identifier: MIT
"""The annotated video that a live view writes: Motion-JPEG in AVI, which any machine can write."""

import os
import statistics
import tempfile
from itertools import pairwise
from pathlib import Path

import cv2

from cli.exits import Exit, die
from models.face import Image
from models.silence import silence

SUFFIX = ".avi"
FIRST = 10  # pictures that tell the rate: a file's is known only from its frames' times
RATES = (1.0, 60.0)


class Film:
    """Pictures with their times in, a video out; none without a picture.

    What cannot be written ends the command, before there is anything to lose, and so does at the
    end what was not written whole. The file is opened here, and OpenCV is handed this very one:
    root's work in somebody else's folder is led nowhere else by a link that comes in its place.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != SUFFIX:
            die(f"{path}: a video is written as {SUFFIX}", Exit.USAGE)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
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
        if self._writer is None:
            self._path.unlink()
        else:
            with silence():  # of a disk that is full, each frame is complained of
                self._writer.release()
            # OpenCV tells nobody what could not be written; the file says how long it should be.
            said = int.from_bytes(os.pread(self._file, 4, 4), "little") + 8
            if said > os.fstat(self._file).st_size:
                die(f"{self._path} is cut short: the disk may be full", Exit.UNAVAILABLE)
        os.close(self._file)

    def _open(self) -> None:
        times = [at for at, _ in self._waiting]
        between = statistics.median(b - a for a, b in pairwise(times)) if len(times) > 1 else 0.1
        rate = min(max(1 / max(between, 1e-3), RATES[0]), RATES[1])
        height, width = self._waiting[0][1].shape[:2]
        self._size = width, height
        code = cv2.VideoWriter.fourcc(*"MJPG")
        with tempfile.TemporaryDirectory() as place:
            name = Path(place) / f"film{SUFFIX}"  # OpenCV goes by a name, and by its suffix
            name.symlink_to(f"/proc/self/fd/{self._file}")
            writer = cv2.VideoWriter(str(name), code, rate, self._size)
        if not writer.isOpened():
            die(f"{self._path} cannot be written", Exit.UNAVAILABLE)
        self._writer = writer
        waiting, self._waiting = self._waiting, []
        for _, picture in waiting:
            self._write(picture)

    def _write(self, picture: Image) -> None:
        assert self._writer is not None
        if picture.shape[1::-1] != self._size:  # images of a folder may differ
            picture = cv2.resize(picture, self._size)
        with silence():
            self._writer.write(picture)
