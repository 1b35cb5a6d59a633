# SPDX-License-Identifier: MIT
"""Files of faces → embeddings, each file at most once: what was measured is cached.

A file is an image or a clip; where a frame shows several faces, the one nearest to its middle is
the person, as in the calibration. Nothing here raises for a bad file: a frame in which no face
can be measured is a failure to acquire, which the rates count.

The cache is one SQLite file for each model, beside a fingerprint of the code that detects, aligns
and embeds, so that a change of either measures anew. It holds biometric data: its folder is the
user's alone, and to remove it loses nothing but time.
"""

import hashlib
import io
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models import quality
from models.engine import Engine
from models.errors import ModelError
from models.evaluation.datasets import IMAGES, DatasetError
from models.face import Image

CLIPS = {".avi", ".mkv", ".mov", ".mp4", ".webm"}
MOST_FRAMES = 90  # of a clip, from its beginning
COMMIT_EVERY = 50  # files; what an interrupted run loses at most

MEASURES = ("width", "brightness", "sharpness", "yaw")
UNREADABLE, NO_FACE, UNUSABLE = "unreadable", "no face", "unusable face"

MODELS = Path(__file__).resolve().parents[1]
CODE = ("registry.toml", "quality.py", "preprocessing.py", "detection/*.py", "recognition/*.py")

Progress = Callable[[int, int], None]  # files done, files in all


@dataclass(frozen=True, eq=False)
class Frames:
    """One file's faces, frame by frame; an image has one frame.

    failures  (n,) str: why nothing could be measured, "" where it could
    vectors   (n, d) float32, each row of length 1, or 0 where it failed
    measures  (n, 4) float32, in the order of MEASURES; 0 where it failed
    """

    failures: NDArray[np.str_]
    vectors: NDArray[np.float32]
    measures: NDArray[np.float32]


class Cache:
    """What was measured with one engine, by the file's SHA-256. Close it to keep it."""

    def __init__(self, folder: Path | None, engine: Engine) -> None:
        """Open it in ``folder``, made if missing; None keeps nothing. DatasetError."""
        self.where = folder / f"{engine.model}-{_fingerprint()}.sqlite" if folder else None
        try:
            if self.where is not None:
                self.where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.where.touch(mode=0o600)
            self._database = sqlite3.connect(self.where or ":memory:")
            self._database.execute(
                "create table if not exists files (sha256 text primary key, frames blob not null)"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None

    def get(self, sha256: str) -> Frames | None:
        try:
            row = self._database.execute(
                "select frames from files where sha256 = ?", (sha256,)
            ).fetchone()
            return _unpack(row[0]) if row else None
        except (sqlite3.Error, OSError, ValueError, KeyError) as error:
            raise self._unusable(error) from None

    def put(self, sha256: str, frames: Frames) -> None:
        try:
            self._database.execute(
                "insert or replace into files values (?, ?)", (sha256, _pack(frames))
            )
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def commit(self) -> None:
        try:
            self._database.commit()
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def close(self) -> None:
        self._database.close()

    def _unusable(self, error: Exception) -> DatasetError:
        return DatasetError(f"{self.where}: the cache cannot be used: {error}; remove it")


def measure(
    engine: Engine, files: Iterable[Path], cache: Cache, progress: Progress = lambda *_: None
) -> dict[Path, Frames]:
    """Every file's frames, from the cache where it has them. DatasetError for the cache alone."""
    found: dict[Path, Frames] = {}
    wanted = list(dict.fromkeys(files))
    try:
        for number, path in enumerate(wanted, 1):
            found[path] = _measure(engine, path, cache)
            if number % COMMIT_EVERY == 0:
                cache.commit()
            progress(number, len(wanted))
    finally:
        cache.commit()
    return found


def _measure(engine: Engine, path: Path, cache: Cache) -> Frames:
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return _frames([_failed(engine, UNREADABLE)])
    frames = cache.get(sha256)
    if frames is None:
        rows = [acquire(engine, image) for image in _images(path)]
        frames = _frames(rows or [_failed(engine, UNREADABLE)])
        cache.put(sha256, frames)
    return frames


Row = tuple[str, NDArray[np.float32], tuple[float, ...]]


def acquire(engine: Engine, image: Image) -> Row:
    """(failure, embedding, measures) of the face nearest to the middle of ``image``."""
    middle = image.shape[1] / 2, image.shape[0] / 2
    try:
        faces = engine.detect(image)
        if not faces:
            return _failed(engine, NO_FACE)
        face = min(faces, key=lambda face: math.dist(face.box.centre, middle))
        measures = (
            face.box.width,
            quality.brightness(image, face.box),
            quality.sharpness(image, face.landmarks),
            quality.yaw(face.landmarks),
        )
        return "", engine.embed(image, face), measures
    except (ModelError, cv2.error):
        return _failed(engine, UNUSABLE)


def _failed(engine: Engine, why: str) -> Row:
    return why, np.zeros(engine.dimension, np.float32), (0.0,) * len(MEASURES)


def _frames(rows: list[Row]) -> Frames:
    failures, vectors, measures = zip(*rows, strict=True)
    return Frames(np.array(failures), np.stack(vectors), np.array(measures, np.float32))


def _images(path: Path) -> Iterator[Image]:
    """The frames of an image or a clip that can be decoded; none where it is neither."""
    try:
        if path.suffix.lower() in IMAGES:
            data = np.fromfile(path, np.uint8)
            image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
            if image is not None:
                yield np.asarray(image, np.uint8)
        else:
            yield from islice(_film(path), MOST_FRAMES)
    except (OSError, cv2.error):
        return


def _film(path: Path) -> Iterator[Image]:
    film = cv2.VideoCapture(str(path))
    try:
        while (shot := film.read())[0]:
            yield np.asarray(shot[1], np.uint8)
    finally:
        film.release()


def _pack(frames: Frames) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, failures=frames.failures, vectors=frames.vectors, measures=frames.measures)
    return stream.getvalue()


def _unpack(blob: bytes) -> Frames:
    with closing(np.load(io.BytesIO(blob), allow_pickle=False)) as arrays:
        return Frames(arrays["failures"], arrays["vectors"], arrays["measures"])


def _fingerprint() -> str:
    """Of the code and the registered models that an embedding depends on."""
    digest = hashlib.sha256(cv2.__version__.encode())
    for path in sorted(path for pattern in CODE for path in MODELS.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
