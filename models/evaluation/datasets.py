# SPDX-License-Identifier: MIT
"""Labelled images of faces, for judging a liveness model and for training one.

Two layouts are read:

- ``manifest.csv`` beside the images, one row an image, with the columns ``path source view label
  species subject box_x box_y box_w box_h`` and, where there is one, ``session``; lines at the top
  that begin with ``#`` are for people;
- plain folders: ``real/*`` and ``fake/*``, or ``fake/<species>/*``. Nothing is known there about
  faces' places or people, and the folder counts as one source. A recording is a folder, or in one
  the files whose names differ in a last number only (``desk-001.png``, ``desk-002.png``).

Every wrong line is a DatasetError that names it. Nothing is loaded but the list.
"""

import csv
import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models import reading
from models.face import Box

IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
COLUMNS = {"path", "source", "view", "label", "species", "subject"}
BOX = ("box_x", "box_y", "box_w", "box_h")
LARGEST_MANIFEST = 256 << 20  # bytes; a line has some 200


class DatasetError(Exception):
    """The data set cannot be used; one line says why and where."""


@dataclass(frozen=True)
class Sample:
    """One labelled image.

    live     whether a person was before the camera; an attack has a ``species`` instead
    source   who recorded it, with what: the unit that a fair split never divides
    subject  the person, unique over all sources; "" where unknown
    session  the recording: images of one follow each other in time and resemble each other
    view     "fullframe" with surroundings, or "crop"
    box      the face in the image's pixels, None where unknown
    """

    path: Path
    live: bool
    species: str
    source: str
    subject: str
    session: str
    view: str
    box: Box | None


def read(directory: Path) -> list[Sample]:
    """The samples of a folder, in their recordings' order."""
    manifest = directory / "manifest.csv"
    samples = list(_manifest(manifest) if manifest.is_file() else _folders(directory))
    if not samples:
        raise DatasetError(
            f"{directory} holds no labelled images (real/ and fake/, or manifest.csv)"
        )
    return sorted(samples, key=lambda one: (one.source, one.session, _natural(one.path)))


def recordings(samples: Iterable[Sample]) -> dict[tuple[str, str], list[Sample]]:
    """(source, session) -> its samples, in order."""
    found: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.source, sample.session), []).append(sample)
    return found


def require_both_kinds(samples: Sequence[Sample]) -> None:
    """DatasetError unless there are live faces and attacks."""
    live = sum(sample.live for sample in samples)
    if not live:
        raise DatasetError("there are no images of live faces in the data")
    if live == len(samples):
        raise DatasetError("there are no images of attacks in the data")


def _manifest(path: Path) -> Iterator[Sample]:
    said, lines = lines_of(path)
    rows = csv.DictReader(lines)
    try:
        missing = COLUMNS - set(rows.fieldnames or ())
        if missing:
            raise DatasetError(f"{path}: the column {sorted(missing)[0]} is missing")
        for row in rows:
            yield _row(row, path, said + rows.line_num)
    except csv.Error as error:
        raise DatasetError(f"{path} cannot be read: {error}") from None


def lines_of(manifest: Path) -> tuple[int, list[str]]:
    """How many lines for people it begins with, and the lines that follow them."""
    try:
        text = reading.read(manifest, LARGEST_MANIFEST).decode("utf-8")
    except OSError as error:
        raise DatasetError(f"{manifest} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{manifest} is not UTF-8") from None
    if "\0" in text:
        raise DatasetError(f"{manifest} is not text")
    lines = list(io.StringIO(text, newline=""))
    said = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return said, lines[said:]


def _row(row: dict[str, str | None], path: Path, line: int) -> Sample:
    where = f"{path}, line {line}"
    values = {key: value or "" for key, value in row.items() if key}
    label = values["label"]
    if label not in ("real", "fake"):
        raise DatasetError(f'{where}: the label is "{label}"; it must be real or fake')
    image = path.parent / values["path"]
    # Not Path.resolve, which raises where links lead in a circle.
    folder, inside = (Path(os.path.realpath(one)) for one in (path.parent, image))
    if not values["path"] or not inside.is_relative_to(folder):
        raise DatasetError(f'{where}: the path "{values["path"]}" is not inside the data set')
    species = values["species"] if label == "fake" else ""
    person = f"{values['subject']}:{label}:{species}"
    return Sample(
        path=image,
        live=label == "real",
        species=species or ("" if label == "real" else "unknown"),
        source=values["source"],
        subject=values["subject"],
        session=values.get("session") or person,
        view=values["view"],
        box=_box(values, where),
    )


def _box(values: dict[str, str], where: str) -> Box | None:
    numbers = [values.get(name, "") for name in BOX]
    if not any(numbers):
        return None
    try:
        box = Box(*(float(number) for number in numbers))
    except ValueError:
        raise DatasetError(f"{where}: the box is not four numbers") from None
    if not all(map(math.isfinite, (box.x, box.y, box.width, box.height))):
        raise DatasetError(f"{where}: the box is not four numbers")
    if not (box.width > 0 and box.height > 0):
        raise DatasetError(f"{where}: the box is empty")
    return box


def _folders(directory: Path) -> Iterator[Sample]:
    name = _text(directory.resolve().name)
    for label in ("real", "fake"):
        root = directory / label
        for path in sorted(root.rglob("*")) if root.is_dir() else ():
            if path.suffix.lower() not in IMAGES or not path.is_file():
                continue
            inside = [_text(part) for part in path.relative_to(root).parts[:-1]]
            species = "" if label == "real" else (inside[0] if inside else "unknown")
            session = "/".join((label, *inside, *_series(path)))
            yield Sample(path, label == "real", species, name, "", session, "crop", None)


def _series(path: Path) -> tuple[str, ...]:
    """What the name says before the number that ends it, if it is set apart: desk-001, desk_2."""
    found = re.fullmatch(r"(.+)[-_]\d+", path.stem)
    return (_text(found[1]),) if found else ()


def _text(name: str) -> str:
    """A file's name, which may be in any encoding, as what can be written down."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key by which frame 9 comes before frame 10."""
    pieces = re.split(r"(\d+)", path.as_posix())
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]
