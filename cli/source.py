# SPDX-License-Identifier: MIT
"""Frames to enrol from that are not the camera's: a video file, or a folder of images.

They are read here, with the caller's rights, and handed to the daemon in memory, sealed: it reads
nothing that the caller could not (cli/memory.py). Images travel as an uncompressed tar.
"""

import os
import re
import shutil
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.exits import Exit, die
from cli.memory import new_memory, seal

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})
MOST_IMAGES = 1000
MOST_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Source:
    """What to enrol from: a descriptor for the daemon (None: its camera), open while we run.

    ``images`` says which file each name in the tar stands for; the daemon is not told.
    """

    fd: int | None = None
    images: Mapping[str, Path] = field(default_factory=dict)

    def in_our_words(self, message: str) -> str:
        """The daemon's message with the caller's own names of the images that it speaks of."""

        def ours(name: re.Match[str]) -> str:
            return str(self.images.get(name[0], name[0]))

        return re.sub(r"\b\d{4}\.[a-z]+\b", ours, message)


def open_source(video: Path | None, folder: Path | None) -> Source:
    """A video, a folder of images, or neither: then it is the camera."""
    if video:
        return Source(copy_video(video))
    return pack_images(folder) if folder else Source()


def open_video(path: Path) -> int:
    """A descriptor of a regular, non-empty file; anything else ends the command."""
    try:
        # Not to hang on a FIFO, nor to make a terminal device ours.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        status = os.fstat(fd)
    except (OSError, ValueError) as error:
        die(f"cannot open {path}: {reason(error)}", Exit.USAGE)
    if stat.S_ISDIR(status.st_mode):
        die(f"{path} is a folder, not a file", Exit.USAGE)
    if not stat.S_ISREG(status.st_mode):
        die(f"{path} is not a regular file", Exit.USAGE)
    if status.st_size == 0:
        die(f"{path} is empty", Exit.USAGE)
    return fd


def copy_video(path: Path) -> int:
    """A sealed copy of a video."""
    with os.fdopen(open_video(path), "rb") as video:
        if os.fstat(video.fileno()).st_size > MOST_BYTES:
            die(f"{path} is too large; at most {MOST_BYTES // 2**20} MB are taken", Exit.USAGE)
        fd = new_memory()
        try:
            with os.fdopen(os.dup(fd), "wb") as copy:
                shutil.copyfileobj(video, copy)
        except OSError as error:  # unreadable, or no memory
            die(f"cannot read {path}: {reason(error)}", Exit.USAGE)
    seal(fd)
    return fd


def pack_images(folder: Path) -> Source:
    """A sealed tar of the folder's images, in the order of their names."""
    numbered = enumerate(images_of(folder))
    images = {f"{number:04}{image.suffix.lower()}": image for number, image in numbered}
    fd = new_memory()
    with (
        os.fdopen(os.dup(fd), "wb") as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, image in images.items():
            pack(tar, image, name, room=MOST_BYTES - file.tell())
    seal(fd)
    return Source(fd, images)


def images_of(folder: Path) -> list[Path]:
    try:
        images = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    except (OSError, ValueError) as error:
        die(f"cannot read {folder}: {reason(error)}", Exit.USAGE)
    if not images:
        endings = ", ".join(sorted(IMAGE_SUFFIXES))
        die(f"{folder} holds no images ({endings})", Exit.USAGE)
    if len(images) > MOST_IMAGES:
        die(f"{folder} holds {len(images)} images; at most {MOST_IMAGES} are taken", Exit.USAGE)
    return images


def pack(tar: tarfile.TarFile, image: Path, name: str, room: int) -> None:
    """Add one image under a name that tells the daemon nothing about the caller's files."""
    fd = open_video(image)
    with os.fdopen(fd, "rb") as file:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(fd).st_size
        if member.size > room:
            most = MOST_BYTES // 2**20
            die(f"the images are too large together; at most {most} MB are taken", Exit.USAGE)
        try:
            tar.addfile(member, file)
        except OSError as error:  # unreadable, no memory, or it shrank while being read
            die(f"cannot pack {image}: {reason(error)}", Exit.USAGE)


def reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
