# SPDX-License-Identifier: MIT
"""Changing the configuration file: checked before it is replaced, replaced in one step.

A change that faceauthd would refuse never reaches the file, and a reader, or a crash, never meets
half of one. Comments and layout stay (tomlkit).
"""

import fcntl
import os
import stat
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cli.exits import Exit, die
from faceauthd.config import LARGEST_FILE

MODE = 0o644  # of a new file: there is no secret in it
PATIENCE = 5.0  # seconds for another command; each holds the lock for hundredths


def read(path: Path) -> str:
    """The file's text; that of a missing file is empty."""
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer. A device may have no end.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                die(f"{path}: this is not a regular file", Exit.CONFIG)
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            die(f"{path}: larger than {LARGEST_FILE // 1024} KiB", Exit.CONFIG)
        return content.decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        die(f"{path}: this is not UTF-8", Exit.CONFIG)
    except OSError as error:
        die(f"{path}: {error.strerror}", status_of(error))


def change(path: Path, key: list[str], value: object) -> None:
    """Set one setting in the file. Raises faceauthd's ConfigError, the file untouched."""
    with alone(path):  # or of two changes at once, both of them reported, one would be lost
        replace(path, with_value(read(path), key, value, str(path)))


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """No other command of faceauth changes the file meanwhile; it is waited for, PATIENCE at most.

    Whoever may read the folder can hold its lock for ever, and must not hold up `faceauth disable`.
    """
    try:
        folder = os.open(target_of(path).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        die(f"{path}: {error.strerror}", status_of(error))
    try:
        patience = time.monotonic() + PATIENCE
        while not _locked(folder) and time.monotonic() < patience:
            time.sleep(0.01)
        yield
    finally:
        os.close(folder)


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody holds it; or it is none that can be had, as of a folder on NFS
        return False
    return True


def replace(path: Path, text: str) -> None:
    """Make ``text`` the file's content, once it is a configuration that faceauthd takes.

    A link is followed, owner and mode stay. Raises faceauthd's ConfigError, the file untouched.
    """
    from faceauthd.config import parse

    content = text.encode()
    parse(content, str(path))
    target = target_of(path)
    new = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            write(new, content, like=target)
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)
        sync_folder(target.parent)
    except OSError as error:
        die(f"{path}: cannot write it: {error.strerror}", status_of(error))


def target_of(path: Path) -> Path:
    """Where links lead; a loop of them stays, and opening it says so (Path.resolve would raise)."""
    return Path(os.path.realpath(path))


def write(new: Path, content: bytes, like: Path) -> None:
    """A file that is on the disk when this returns, with the owner and mode of ``like``."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
        try:
            old = like.stat()
        except FileNotFoundError:
            os.fchmod(file.fileno(), MODE)
        else:
            os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def status_of(error: OSError) -> Exit:
    return Exit.DENIED if isinstance(error, PermissionError) else Exit.CONFIG


def with_value(text: str, key: list[str], value: object, source: str) -> str:
    """The file's text with one setting changed or added, and all else as it was.

    ``source`` names the file in errors.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, RecursionError) as error:
        die(f"{source}: this is not TOML: {error}; mend it by: faceauth config edit", Exit.CONFIG)
    *sections, last = key
    table: Any = document
    for section in sections:
        if section not in table:
            table[section] = tomlkit.table()
        table = table[section]
        if not isinstance(table, dict):
            die(f"{'.'.join(key)}: {section} is a value and not a section", Exit.USAGE)
    table[last] = value
    return tomlkit.dumps(document)


def parse_key(text: str) -> list[str]:
    """``verify.fmr`` or ``service."x.y".fmr`` as TOML reads a key."""
    key: list[str] = []
    try:
        if set(text) & set("=#\n"):
            raise ValueError
        table: Any = tomllib.loads(f"{text} = true")
        while isinstance(table, dict):
            ((name, table),) = table.items()
            key.append(name)
    except ValueError:
        raise click.UsageError(f"{text[:80]!r} is not a key, such as verify.fmr") from None
    return key


def parse_value(text: str) -> object:
    """A value as TOML reads it; what TOML does not read is text: ``dlib`` is ``"dlib"``."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.value(text)
    except (TOMLKitError, ValueError, RecursionError):
        return text
