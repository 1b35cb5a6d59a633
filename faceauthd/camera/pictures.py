# SPDX-License-Identifier: MIT
"""A sequence of pictures as a film: a tar archive, or a single picture.

Pictures are decoded one by one when they are due. One that cannot be decoded ends the film with
an error that names it, so that nobody enrols from half of what they meant.
"""

import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from faceauthd.camera.picture import LARGEST_FILE, decode
from faceauthd.camera.stand_in import LARGEST_ARCHIVE, MOST_PICTURES, SUFFIXES
from faceauthd.camera.terms import CameraError, printable
from models.face import Image

MOST_MEMBERS = 2 * MOST_PICTURES  # of an archive, whatever they are
DEFAULT_FPS = 10.0

# What to call a picture, and how to get its bytes.
Entry = tuple[str, Callable[[], bytes]]


class Pictures:
    """Pictures in the order of their names, shown at a fixed rate."""

    def __init__(
        self, entries: Sequence[Entry], fps: float, of: str, fd: int | None = None
    ) -> None:
        """``fd`` is the file that the entries read from; it is closed with the film."""
        if not entries:
            raise CameraError("broken", f"{of} holds no picture ({', '.join(SUFFIXES)})")
        if len(entries) > MOST_PICTURES:
            raise CameraError("broken", f"{of} holds more than {MOST_PICTURES} pictures")
        self._entries = sorted(entries, key=lambda entry: entry[0])
        self._period = 1 / (fps or DEFAULT_FPS)
        self._next = 0
        self._fd = fd

    def read(self) -> tuple[Image, float] | None:
        """The next picture and its time in seconds; None after the last."""
        if self._next == len(self._entries):
            return None
        number = self._next
        self._next += 1
        name, load = self._entries[number]
        return decode(load(), name), number * self._period

    def rewind(self) -> None:
        self._next = 0

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)


def open_single(fd: int, name: str, fps: float) -> Pictures:
    """The one picture that the file ``fd`` is."""
    return Pictures([(name, lambda: _read(fd, LARGEST_FILE + 1, 0, name))], fps, name, fd)


def open_tar(fd: int, name: str, fps: float) -> Pictures:
    """The pictures in the uncompressed tar archive ``fd``; only regular files are looked at."""
    size = os.fstat(fd).st_size
    if size > LARGEST_ARCHIVE:  # tarfile takes a header's word for what to read into memory
        raise CameraError("broken", f"{name} is larger than {LARGEST_ARCHIVE >> 20} MiB")
    os.lseek(fd, 0, os.SEEK_SET)
    entries: list[Entry] = []
    try:
        with open(fd, "rb", closefd=False) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for count, member in enumerate(tar):
                if count > MOST_MEMBERS:  # tarfile remembers each of them
                    raise CameraError("broken", f"{name} holds more than {MOST_MEMBERS} files")
                if member.isreg() and not member.issparse():
                    entry = _tar_entry(fd, member)
                    entries += [entry] if entry else []
    except (tarfile.TarError, ValueError, OSError, EOFError, MemoryError, RecursionError):
        raise CameraError("broken", f"{name} is no archive that can be read") from None
    return Pictures(entries, fps, name, fd)


def _tar_entry(fd: int, member: tarfile.TarInfo) -> Entry | None:
    name = printable(member.name)
    if Path(member.name).suffix.lower() not in SUFFIXES:
        return None
    size, start = min(member.size, LARGEST_FILE + 1), member.offset_data
    return name, lambda: _read(fd, size, start, name)


def _read(fd: int, size: int, start: int, name: str) -> bytes:
    try:
        return os.pread(fd, size, start)
    except OSError as error:
        raise CameraError("broken", f"{name}: {error.strerror}") from None
