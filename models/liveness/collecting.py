# SPDX-License-Identifier: MIT
"""From the frames of a recording to labelled crops in a data set, all of them or none.

A frame is taken where it would be judged at run time: it holds exactly one usable face, light
enough. What is kept is that face with its surroundings, unscaled, as a PNG, so that the crop of
any network (models/liveness/crop.py) comes out of it as it would have out of the frame. Frames
that hardly differ from one that was kept are left out.

The data set is a folder: ``<session>/0001.png`` … and ``manifest.csv``, which says what its
columns mean and is what models/evaluation/datasets.py reads. A recording appears by one rename of
its folder and one of the manifest; after an error or a kill, what was there before is there, and
what a killed one has left is removed with the next.
"""

import csv
import fcntl
import io
import os
import re
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.evaluation.datasets import BOX, DatasetError, lines_of
from models.face import Box, Image
from models.liveness.files import NAME, locked
from models.liveness.passive import enlarged
from models.observation import Observation

# Enough for the widest network known (4.0 times the box) with its jitter; 2.7 is usual.
CONTEXT = 4.2
# Less of it, in box heights, and a picture counts as a crop without surroundings.
FULL = 1.8
# Mean difference in grey levels of 32x32 thumbnails. Between neighbouring frames of six webcam and
# phone clips the median is 0.4 to 5; a person who sits still for four seconds gives six frames.
ALIKE = 1.0
THUMBNAIL = 32
UNDER_WAY = ".recording-"  # begins the name of a folder that is not yet part of the data set
COLUMNS = (
    *("path", "source", "view", "label", "species", "subject", "session", "camera"),
    *("width", "height", *BOX, "landmarks", "frame", "collected"),
)
ABOUT = """\
# A liveness data set of faceauth. One line an image; lines that begin with # are for people.
# path       the image, a PNG cut from a frame, unscaled: the face's box enlarged 4.2 times
# source     who recorded it with what; a fair split never divides a source where there are several
# view       fullframe: with surroundings; crop: hardly more than the face
# label      real: a person before the camera; fake: an attack
# species    the kind of attack: print, phone, tablet, monitor, cutout, mask, ...
# subject    the person shown, where that was said
# session    the recording; a split never divides one, because its frames resemble each other
# camera     the id of the camera
# width, height, box_x, box_y, box_w, box_h   of the image and of the face in it, in pixels
# landmarks  x y of right eye, left eye, nose, right and left corner of the mouth, in pixels
# frame      its number in the recording, from 0
# collected  when it was added, UTC
"""


@dataclass(frozen=True)
class About:
    """What a whole recording shows. ``species`` is "" for live faces."""

    species: str
    session: str
    source: str
    camera: str
    subject: str = ""

    def __post_init__(self) -> None:
        for kind in ("species", "session", "source", "subject"):
            value = getattr(self, kind)
            optional = kind in ("species", "subject") and not value
            if not optional and not NAME.fullmatch(value):
                raise DatasetError(
                    f'"{value}" cannot name a {kind}: letters, digits and . _ + - are allowed'
                )


def name_of(text: str) -> str:
    """A word that can stand in the manifest for any text, such as a camera's id."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-._+")[:100] or "unnamed"


class Recording:
    """One recording under way: frames are offered, some are kept, then all become visible."""

    def __init__(self, data: Path, about: About, dark: float = 0.0) -> None:
        """DatasetError where the data set cannot take this recording; ``dark``: least light."""
        self.left_out: Counter[str] = Counter()
        self._about = about
        self._dark = dark
        self._target = data / about.session
        self._rows: list[dict[str, object]] = []
        self._seen: list[NDArray[np.int16]] = []
        try:
            data.mkdir(parents=True, mode=0o700, exist_ok=True)  # pictures of people
            with locked(data):
                _require_free(data, about.session)
                _forget_killed(data)
                self._fresh = Path(tempfile.mkdtemp(dir=data, prefix=UNDER_WAY))
                self._held = ExitStack()
                self._held.enter_context(locked(self._fresh))
        except OSError as error:
            raise DatasetError(f"{data} cannot take a recording: {error.strerror}") from None

    @property
    def kept(self) -> int:
        return len(self._rows)

    def offer(self, image: Image, seen: Observation) -> str:
        """Keep the frame, or say why not, which ``left_out`` counts. OSError: disk."""
        why = self._kept(image, seen)
        if why:
            self.left_out[why] += 1
        return why

    def _kept(self, image: Image, seen: Observation) -> str:
        why = self._objection(seen)
        if why or seen.box is None:
            return why
        left, top, right, bottom = enlarged(seen.box, CONTEXT, image)
        crop = np.ascontiguousarray(image[top:bottom, left:right])
        thumbnail = _thumbnail(crop)
        if any(np.abs(thumbnail - other).mean() < ALIKE for other in self._seen):
            return "like one before"
        self._seen.append(thumbnail)
        name = f"{self.kept + 1:04}.png"
        _write_png(self._fresh / name, crop)
        self._rows.append(self._row(name, crop, seen, (left, top)))
        return ""

    def finish(self) -> int:
        """Make the recording part of the data set; how many images it has. OSError: disk.

        A recording without an image leaves no trace.
        """
        if self._rows:
            data = self._target.parent
            with locked(data):
                _require_free(data, self._about.session)
                self._fresh.rename(self._target)
                try:
                    _append(data / "manifest.csv", self._rows)
                except BaseException:
                    shutil.rmtree(self._target, ignore_errors=True)
                    raise
        self.discard()
        return len(self._rows)

    def discard(self) -> None:
        """Forget the recording, unless it is finished."""
        shutil.rmtree(self._fresh, ignore_errors=True)
        self._held.close()

    def _objection(self, seen: Observation) -> str:
        if seen.faces > 1:
            return "several faces"
        if seen.faces == 0:
            return "face too small" if seen.small else "no face"
        return "too dark" if seen.brightness < self._dark else ""

    def _row(
        self, name: str, crop: Image, seen: Observation, corner: tuple[int, int]
    ) -> dict[str, object]:
        about = self._about
        assert seen.box is not None and seen.landmarks is not None  # one face was seen
        box = Box(seen.box.x - corner[0], seen.box.y - corner[1], seen.box.width, seen.box.height)
        height, width = crop.shape[:2]
        points = (seen.landmarks - np.array(corner, np.float32)).ravel()
        return {
            "path": f"{about.session}/{name}",
            "source": about.source,
            "view": "fullframe" if height >= FULL * box.height else "crop",
            "label": "fake" if about.species else "real",
            "species": about.species,
            "subject": about.subject,
            "session": about.session,
            "camera": about.camera,
            "width": width,
            "height": height,
            **dict(zip(BOX, (f"{v:.1f}" for v in _values(box)), strict=True)),
            "landmarks": " ".join(f"{value:.1f}" for value in points),
            "frame": seen.index,
            "collected": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def sessions(data: Path) -> set[str]:
    """The sessions that the data set has; DatasetError where its manifest is not of this kind."""
    manifest = data / "manifest.csv"
    if not manifest.exists():
        return set()
    _, lines = lines_of(manifest)
    rows = csv.DictReader(lines)
    try:
        if tuple(rows.fieldnames or ()) == COLUMNS:
            return {row["session"] or "" for row in rows}
    except csv.Error as error:
        raise DatasetError(f"{manifest} cannot be read: {error}") from None
    raise DatasetError(f"{manifest} was not made by faceauth; collect into a folder of its own")


def _require_free(data: Path, session: str) -> None:
    if session in sessions(data):
        raise DatasetError(f"{data} has the recording {session} already")
    if (data / session).exists():
        raise DatasetError(f"{data / session} is there, but not in the manifest; move it away")
    if (data / "real").is_dir() or (data / "fake").is_dir():
        raise DatasetError(
            f"{data} holds plain folders (real/, fake/); collect them into a folder of its own"
        )


def _append(manifest: Path, rows: list[dict[str, object]]) -> None:
    """Add rows to the manifest, in one step."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    if manifest.exists():
        text.write(manifest.read_text(encoding="utf-8"))
    else:
        text.write(ABOUT)
        writer.writeheader()
    writer.writerows(rows)
    fresh = manifest.with_name(".manifest.new")
    try:
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(manifest)
    finally:
        fresh.unlink(missing_ok=True)


def _forget_killed(data: Path) -> None:
    """Remove the pictures of recordings that were killed: one under way holds its folder."""
    for left in data.glob(f"{UNDER_WAY}*"):
        with suppress(OSError), locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(left)


def _write_png(path: Path, image: Image) -> None:
    done, encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert done, "a PNG of any image can be made"
    path.write_bytes(encoded.tobytes())


def _thumbnail(image: Image) -> NDArray[np.int16]:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.int16)


def _values(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.width, box.height
