# SPDX-License-Identifier: MIT
"""Folders that all can read, that appear as a whole or not at all, and that one command has."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")  # of a folder that a person may name


def make_folder(path: Path) -> None:
    """Make the folder, and those above it that are missing; all can read them, whatever the umask.

    The daemon has a user of its own, and root's umask may be 077. What is there stays as it is.
    Raises OSError.
    """
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir()
        path.chmod(0o755)


def write_folder(directory: Path, files: Mapping[str, bytes]) -> None:
    """Make ``directory``, which must not exist, with these files (name -> content).

    A name may lie in folders of its own ("report/index.html"). All can read the files, whatever the
    umask. Nothing is left of it after an error (OSError: a full disk, a folder that is there) or a
    kill, but at worst a hidden folder beside it.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}-"))
    try:
        for name, data in files.items():
            path = fresh / name
            make_folder(path.parent)
            with path.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            path.chmod(0o644)
        fresh.chmod(0o755)
        if directory.exists():
            raise FileExistsError(f"{directory} is there already")
        fresh.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def locked(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Commands that work in one folder take turns; a lock goes with its process.

    With fcntl.LOCK_NB nobody is waited for: BlockingIOError. OSError where there is no folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
