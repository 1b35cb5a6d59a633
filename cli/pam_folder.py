# SPDX-License-Identifier: MIT
"""The PAM files of a system: read with care, replaced in one step, with a backup.

A service's file is /etc/pam.d's; where that has none, the distribution's own (/usr/lib/pam.d),
which is never changed: a changed copy of it goes to /etc/pam.d, as libpam intends. Backups lie
outside of both, for each file in libpam's folder is a service; and below /etc, which is root's
alone and there before other file systems are mounted. Failures are `StackError`.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.config_file import sync_folder, write
from cli.pam_stack import StackError
from models.liveness.files import make_folder

LARGEST = 256 * 1024  # bytes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
LABELS = ("security.selinux", "system.posix_acl_access")  # that a new file must take over


class PamFolder:
    """The folders of the system whose root is ``root``."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.own = root / "etc/pam.d"
        self.distribution = (root / "usr/lib/pam.d", root / "usr/etc/pam.d")
        self.backups = root / "etc/faceauth/pam-backup"

    def files(self) -> dict[str, bytes]:
        """Every file that can be read; links are followed, as libpam does."""
        found: dict[str, bytes] = {}
        for folder in (*reversed(self.distribution), self.own):
            for path in _inside(folder):
                with suppress(OSError):
                    if path.is_file() and path.stat().st_size <= LARGEST:
                        found[path.name] = path.read_bytes()
        return found

    def has(self, service: str) -> bool:
        """Whether there is a file for the service, readable or not."""
        folders = (self.own, *self.distribution)
        return any(os.path.lexists(folder / service) for folder in folders)

    def path(self, service: str) -> Path:
        """Where the service's file is, or would be put."""
        for folder in (self.own, *self.distribution):
            if os.path.lexists(folder / service):
                return folder / service
        return self.own / service

    def distributed(self, service: str) -> bytes | None:
        """The distribution's own file for the service, where there is one."""
        for folder in self.distribution:
            if os.path.lexists(folder / service):
                return read_guarded(folder / service)
        return None

    def read(self, service: str) -> tuple[bytes, bool]:
        """A service's file, and whether it is one of /etc/pam.d, which may be replaced."""
        if not NAME.fullmatch(service):
            raise StackError("this is not the name of a PAM service")
        if Path(os.path.realpath(self.own)) != self.own.absolute():
            raise StackError(f"{self.own} is a link, or below one")
        path = self.path(service)
        return read_guarded(path), path.parent == self.own

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the folder, as far as other commands of faceauth go."""
        try:
            make_folder(self.backups.parent)  # the daemon's configuration is in it
            self.backups.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.backups, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StackError(f"{self.backups}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def replace(self, service: str, before: bytes | None, after: bytes | None) -> None:
        """Make ``after`` the file of /etc/pam.d (None: no file), if ``before`` still is.

        A reader, or a crash, meets the one or the other and never half of one.
        """
        path = self.own / service
        now = read_guarded(path) if os.path.lexists(path) else None
        if now != before:
            raise StackError("the file was changed by somebody else just now; nothing was written")
        try:
            if after is None:
                path.unlink()
            else:
                put(path, after, like=path if before is not None else self.path(service))
            sync_folder(self.own)
        except OSError as error:
            raise StackError(f"{path}: cannot write it: {error.strerror}") from error

    def keep(self, service: str, content: bytes, copied: bool) -> None:
        """Back up a file before it is changed; ``copied``: it is the distribution's."""
        self.forget(service)
        name = self.backups / (f"{service}.distribution" if copied else service)
        try:
            put(name, content, like=self.path(service))
            sync_folder(self.backups)
        except OSError as error:
            raise StackError(f"{name}: cannot write it: {error.strerror}") from error

    def was_copied(self, service: str) -> bool:
        """Whether the service's file in /etc/pam.d is there only because we put a copy there."""
        return (self.backups / f"{service}.distribution").exists()

    def forget(self, service: str) -> None:
        """Remove the backup."""
        for name in (service, f"{service}.distribution"):
            with suppress(OSError):  # it does no harm
                (self.backups / name).unlink()


def _inside(folder: Path) -> list[Path]:
    """What is in a folder, by name; nothing where that cannot be seen."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def read_guarded(path: Path) -> bytes:
    """The bytes of a regular file that only its owner, root or the caller, may write."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise StackError("there is no such PAM service here") from None
    except OSError as error:
        if path.is_symlink():
            raise StackError(f"{path} is a link to {path.readlink()}: change that one") from None
        raise StackError(f"{path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise StackError(f"{path} is not a regular file")
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            raise StackError(f"{path} can be written by others than root; mend that first")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise StackError(f"{path} is larger than {LARGEST // 1024} KiB")
    return content


def put(path: Path, content: bytes, like: Path) -> None:
    """A file in one step, on the disk when this returns; owner, mode and labels are ``like``'s."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(new, content, like=like)
        for label in LABELS:
            with suppress(OSError):  # most systems have neither
                os.setxattr(new, label, os.getxattr(like, label))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
