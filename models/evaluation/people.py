# SPDX-License-Identifier: MIT
"""Faces of known people, in folders.

- ``DIR/<person>/*.jpg``: images; every one is compared with every other;
- ``DIR/<person>/<session>/*.jpg`` or ``DIR/<person>/<session>.mp4``: recorded sessions; one is
  enrolled, the others are verified.

Every wrong folder is a DatasetError, one line. No file is opened.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from models.evaluation.datasets import IMAGES, DatasetError
from models.evaluation.embeddings import CLIPS


@dataclass(frozen=True)
class Session:
    """Files of one person that belong together, in their order; an image alone is one too."""

    person: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class People:
    """``recorded``: whether the sessions are recordings, and not images one by one."""

    sessions: tuple[Session, ...]
    recorded: bool


def read(folder: Path) -> People:
    """The people of a folder, in the order of their names."""
    try:
        people = sorted(path for path in folder.iterdir() if path.is_dir())
        found = [(person.name, *_inside(person)) for person in people]
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}") from None
    images = [Session(name, (path,)) for name, paths, _ in found for path in paths]
    recordings = [Session(name, files) for name, _, several in found for files in several]
    if images and recordings:
        raise DatasetError(
            f"{folder} mixes images of people ({images[0].files[0]}) with recorded sessions "
            f"({recordings[0].files[0]}); give them one by one"
        )
    sessions = tuple(images or recordings)
    if len({session.person for session in sessions}) < 2:
        raise DatasetError(f"{folder} does not hold images of two people, in a folder for each")
    return People(sessions, recorded=bool(recordings))


def _inside(person: Path) -> tuple[list[Path], list[tuple[Path, ...]]]:
    """A person's images, and recordings as the files of each."""
    entries = sorted(person.iterdir(), key=_natural)
    images = [path for path in entries if path.suffix.lower() in IMAGES and path.is_file()]
    recordings: list[tuple[Path, ...]] = []
    for path in entries:
        if path.is_dir():
            inside = sorted(path.iterdir(), key=_natural)
            recordings.append(tuple(one for one in inside if one.suffix.lower() in IMAGES))
        elif path.suffix.lower() in CLIPS:
            recordings.append((path,))
    return images, [files for files in recordings if files]


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key by which frame 9 comes before frame 10."""
    pieces = re.split(r"(\d+)", path.name)
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]
