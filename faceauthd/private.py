# SPDX-License-Identifier: MIT
"""Files and folders that belong to the daemon alone: the state directory, the key, the store.

A link, a stranger's file or one that others can read is refused and never mended: what it holds
may be known, or made, by someone else. Errors are ``StorageError`` of one line.
"""

import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from faceauthd.results import StorageError

OWN = re.compile(r"\.?faceauth\..+|models")  # what is in the state directory


def make_directory(path: Path) -> None:
    """Make the folder, or take the one that is there, if it is ours; its mode becomes 0700.

    One that others may enter and that holds more than the daemon's own stays as it is, and is
    refused: it was named by mistake, and may be the root of the system.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise StorageError(f"{path}: this must be a folder, and no link")
        _check_owner(path, status, (os.geteuid(),))
        # The files in it are private by themselves; a loose folder that is ours is only tightened.
        if stat.S_IMODE(status.st_mode) != 0o700:
            if not all(OWN.fullmatch(entry.name) for entry in path.iterdir()):
                raise StorageError(
                    f"{path}: it holds other things; name a folder for faceauth alone"
                )
            path.chmod(0o700)
    except OSError as error:
        raise StorageError(f"{path}: cannot make this folder: {error.strerror}") from None


def check_file(path: Path) -> None:
    """Raise unless the path is a regular file of ours that nobody else can read."""
    try:
        status = path.lstat()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    _check_private(path, status, (os.geteuid(),), 0o077)


def read_secret(path: Path, size: int, *, from_root: bool = False) -> bytearray:
    """A private file that has ``size`` bytes, in memory that the caller can wipe.

    ``from_root`` is for a systemd credential: root's or ours, and readable for us by an access
    control list, which shows as a group's right to read.
    """
    owners, forbidden = ((0, os.geteuid()), 0o037) if from_root else ((os.geteuid(),), 0o077)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            _check_private(path, status, owners, forbidden)
            secret = bytearray(size)
            if status.st_size != size or file.readinto(secret) != size:
                raise StorageError(f"{path}: this is no key: it must have {size} bytes")
            return secret
    except OSError as error:
        raise StorageError(f"{path}: cannot read it: {error.strerror}") from None


def wipe(path: Path) -> None:
    """Write over the file, and remove it. How well that destroys it is up to the disk."""
    with path.open("r+b") as file:
        _overwrite(file)
    path.unlink()
    _sync(path.parent)


def replace(new: Path, path: Path) -> None:
    """Give the file ``new``, which is on the disk, the name ``path``; what had it is wiped."""
    with path.open("r+b") as old:
        new.replace(path)
        _sync(path.parent)
        _overwrite(old)


def _overwrite(file: BinaryIO) -> None:
    file.write(bytes(os.fstat(file.fileno()).st_size))
    file.flush()
    os.fsync(file.fileno())


def publish(new: Path, path: Path) -> bool:
    """Give the finished file ``new`` the name ``path``, durably, unless that name is taken.

    Returns whether it got the name; ``new`` itself is gone either way. Raises OSError.
    """
    with new.open("rb") as file:
        os.fsync(file.fileno())
    try:
        path.hardlink_to(new)  # unlike a rename, this never replaces what is there
    except FileExistsError:
        return False
    finally:
        new.unlink()
    _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_private(
    path: Path, status: os.stat_result, owners: tuple[int, ...], forbidden: int
) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(f"{path}: this must be a regular file, and no link")
    _check_owner(path, status, owners)
    if status.st_mode & forbidden:
        mode = stat.S_IMODE(status.st_mode)
        raise StorageError(f"{path}: its mode is {mode:04o}, so others may use it; it must be 0600")


def _check_owner(path: Path, status: os.stat_result, owners: tuple[int, ...]) -> None:
    if status.st_uid not in owners:
        raise StorageError(f"{path}: owned by uid {status.st_uid}, not by uid {os.geteuid()}")
