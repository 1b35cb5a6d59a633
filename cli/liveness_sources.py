# SPDX-License-Identifier: MIT
"""What to collect from: the camera, clips, images and folders of them, each as recordings.

A clip is one recording, and so are the images of one folder that are given together, since they
may be frames of one clip. A recording's id comes from its name and content, so that nothing is
added twice. Clips are opened and decoded as the daemon does (faceauthd.camera), pictures too.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cli.exits import Exit, die
from cli.source import IMAGE_SUFFIXES, open_video, reason
from faceauthd.camera.terms import Frame

CLIP_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})
BLOCK = 1 << 20


class Shot(NamedTuple):
    """A frame, or why there is none at its place, and how far its source is (0 to 1)."""

    frame: Frame | None
    trouble: str
    fraction: float


@dataclass(frozen=True)
class Files:
    """One recording: a clip, or images in their order. ``species`` is None where nobody says."""

    paths: tuple[Path, ...]
    species: str | None = None

    @property
    def name(self) -> str:
        first = self.paths[0]
        return str(first if self.is_clip else first.parent)

    @property
    def is_clip(self) -> bool:
        return self.paths[0].suffix.lower() in CLIP_SUFFIXES

    @property
    def session(self) -> str:
        """An id: what it is called, and the first of its content's SHA-256."""
        from models.liveness.collecting import name_of

        digest = hashlib.sha256()
        for path in self.paths:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
        called = self.paths[0].stem if self.is_clip else self.paths[0].parent.resolve().name
        return f"{name_of(called)[:40]}-{digest.hexdigest()[:10]}"

    def shots(self, skip: int) -> Iterator[Shot]:
        """Every ``skip``-th frame of a clip; of images, each one."""
        yield from self._clip(skip) if self.is_clip else self._images()

    def _clip(self, skip: int) -> Iterator[Shot]:
        from faceauthd.camera import open_source
        from faceauthd.config import CameraConfig

        fd = open_video(self.paths[0])
        place = os.dup(fd)  # shares its offset with the reader
        try:
            size = os.fstat(place).st_size
            with closing(open_source(CameraConfig(), fd)) as source:
                for frame in source.frames():
                    if frame.index % skip == 0:
                        yield Shot(frame, "", min(os.lseek(place, 0, os.SEEK_CUR) / size, 1.0))
        finally:
            os.close(place)

    def _images(self) -> Iterator[Shot]:
        from models.picture import LARGEST_FILE, PictureError, decode
        from models.silence import silence

        for index, path in enumerate(self.paths):
            fraction = (index + 1) / len(self.paths)
            try:
                with path.open("rb") as file:
                    data = file.read(LARGEST_FILE + 1)
                with silence():  # what is wrong is said by us, in one line
                    image = decode(data, str(path))
                yield Shot(Frame(image, float(index), index), "", fraction)
            except PictureError as error:
                yield Shot(None, str(error), fraction)


def recordings(given: Sequence[Path]) -> list[Files]:
    """The recordings in what was named on the command line; a wrong name ends the command."""
    found: list[Files] = []
    images: dict[Path, list[Path]] = {}
    for path in given:
        if path.is_dir():
            found += _inside(path)
        elif not path.is_file():
            die(f"{path} is not a file" if path.exists() else f"there is no {path}", Exit.USAGE)
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            images.setdefault(path.parent, []).append(path)
        elif path.suffix.lower() in CLIP_SUFFIXES:
            found.append(Files((path,)))
        else:
            endings = ", ".join(sorted(IMAGE_SUFFIXES | CLIP_SUFFIXES))
            die(f"{path} is no image or clip, by its name ({endings})", Exit.USAGE)
    return found + [Files(tuple(paths)) for paths in images.values()]


def _inside(folder: Path) -> list[Files]:
    """All below a folder; real/ and fake/<species>/ in it say what they show."""
    plain = (folder / "real").is_dir() or (folder / "fake").is_dir()
    found = []
    try:
        folders = [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
        for place in folders:
            species = _species(place.relative_to(folder).parts) if plain else None
            if plain and species is None:
                continue
            found += [Files(paths, species) for paths in _of_folder(place)]
    except OSError as error:
        die(f"cannot read {error.filename}: {reason(error)}", Exit.USAGE)
    if not found:
        die(f"{folder} holds no images and no clips", Exit.USAGE)
    return found


def _species(inside: Sequence[str]) -> str | None:
    """What a folder of the plain layout shows; None for one outside of it."""
    if not inside or inside[0] not in ("real", "fake"):
        return None
    if inside[0] == "real":
        return ""
    return inside[1] if len(inside) > 1 else "unknown"


def _of_folder(folder: Path) -> Iterator[tuple[Path, ...]]:
    """The recordings directly in a folder: its images together, and each clip."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    images = tuple(path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES)
    if images:
        yield images
    yield from ((path,) for path in paths if path.suffix.lower() in CLIP_SUFFIXES)
