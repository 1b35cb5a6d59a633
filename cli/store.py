# SPDX-License-Identifier: MIT
"""The verb ``store``: a new key for the templates, and backups of the faces. All of it is root's.

The daemon does the work and never sees a passphrase: it gets the key that came of it, and a file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from cli import connection, output
from cli.arguments import PATH, user_option
from cli.exits import Exit, die
from cli.language import _, plural
from cli.lazy import Verb, Verbs
from cli.memory import memory
from cli.terminal import has_terminal

if TYPE_CHECKING:
    from cli.store_file import Identity, Passphrase, Recipient

SHORTEST = 10  # characters of a passphrase: a backup can be guessed at for years
LONGEST = 1024
PRIVATE = 0o600

VERBS = {
    "rekey": "cli.store:rekey",
    "backup": "cli.store:backup",
    "restore": "cli.store:restore",
    "keygen": "cli.store:keygen",
}

passphrase_option = click.option(
    "--passphrase-file", type=PATH, metavar="FILE", help="The passphrase is FILE's first line."
)


@click.group(cls=Verbs, verbs=VERBS)
def store() -> None:
    """Look after the store of faces: its key, and backups."""


@click.command(cls=Verb)
def rekey() -> None:
    """Put all templates under a new key, and destroy the old one.

    Whatever happens meanwhile, they stay readable: what was interrupted is finished at the next
    start of the daemon. Backups are not under this key.
    """
    connection.connect().rekey()
    output.answer({"rekeyed": True}, _("All templates are under a new key"))


@click.command(cls=Verb)
@click.argument("file", type=PATH)
@user_option
@click.option("-r", "--recipient", metavar="KEY", help="Encrypt it for this public key (keygen).")
@passphrase_option
def backup(
    file: Path, user: str | None, recipient: str | None, passphrase_file: Path | None
) -> None:
    """Write all faces, or USER's, encrypted, into a new FILE.

    It opens with the passphrase, or with the private key of the recipient, on any machine.
    """
    if recipient and passphrase_file:
        raise click.UsageError("--recipient and --passphrase-file exclude each other")
    with failures(file):
        way = _recipient(recipient) if recipient else _passphrase(passphrase_file, twice=True)
        line, key = way.begin()
    with new_file(file) as out, memory() as sealed:
        faces = connection.connect().backup_faces(key, sealed.fileno(), user or "")
        if user and not faces:
            die(f"{user} has no face to back up; nothing was written", Exit.NO)
        sealed.seek(0)
        out.write(line + sealed.read())
    wrote = _("Wrote {faces} to {file}").format(faces=count(faces), file=file)
    output.answer({"file": str(file), "faces": faces}, wrote)


@click.command(cls=Verb)
@click.argument("file", type=PATH)
@user_option
@click.option("-i", "--identity", type=PATH, metavar="FILE", help="The private key (keygen).")
@passphrase_option
def restore(
    file: Path, user: str | None, identity: Path | None, passphrase_file: Path | None
) -> None:
    """Bring the faces in FILE, or USER's among them, into this machine's store.

    Faces that are here already stay as they are.
    """
    from cli.store_file import LONGEST_LINE
    from faceauthd.results import LARGEST_BACKUP

    if identity and passphrase_file:
        raise click.UsageError("--identity and --passphrase-file exclude each other")
    with failures(file), file.open("rb") as data:
        line = data.readline(LONGEST_LINE)
        way = _identity(identity) if identity else _passphrase(passphrase_file, twice=False)
        key = way.key(line)
        content = data.read(LARGEST_BACKUP + 1)
        if len(content) > LARGEST_BACKUP:
            die(f"{file}: this is too large for a backup", Exit.USAGE)
        with memory(content) as sealed:
            added, known = connection.connect().restore_faces(key, sealed.fileno(), user or "")
    if user and not added + known:
        die(f"{file} holds no face of {user}; nothing was added", Exit.NO)
    answer = {"file": str(file), "added": added, "known": known}
    told = _("Added {added}; {known} already here").format(added=count(added), known=count(known))
    output.answer(answer, told)


@click.command(cls=Verb)
@click.argument("file", type=PATH)
def keygen(file: Path) -> None:
    """Make a key pair for backups: the private key into a new FILE, the public one is told."""
    from cli.store_file import PRIVATE_PREFIX, PUBLIC_PREFIX, new_identity, spelt

    identity = new_identity()
    with new_file(file) as out:
        out.write(f"{spelt(PRIVATE_PREFIX, identity.private)}\n".encode())
    public = spelt(PUBLIC_PREFIX, identity.public)
    output.answer({"file": str(file), "public": public}, public)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file of the caller's alone, that was not there; gone again where the block fails."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    except OSError as error:
        die(f"{path}: {error.strerror}", Exit.USAGE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            die(f"{path}: {error.strerror}", Exit.UNAVAILABLE)
        raise


@contextmanager
def failures(path: Path | str) -> Iterator[None]:
    """What is wrong with a file or a key ends the command in one line, which names it."""
    from cli.store_file import BackupFileError

    try:
        yield
    except BackupFileError as error:
        die(f"{path}: {error}", Exit.USAGE)
    except OSError as error:
        die(f"{error.filename or path}: {error.strerror}", Exit.USAGE)


def _passphrase(file: Path | None, *, twice: bool) -> "Passphrase":
    from cli.store_file import Passphrase

    if file:
        with file.open(encoding="utf-8", errors="surrogateescape") as lines:
            text = lines.readline(LONGEST + 1).removesuffix("\n")
    elif has_terminal():
        text = click.prompt(_("Passphrase"), hide_input=True, confirmation_prompt=twice, err=True)
    else:
        die("there is no terminal to ask on; use --passphrase-file or a key pair", Exit.USAGE)
    if twice and len(text) < SHORTEST:
        die(f"a passphrase has at least {SHORTEST} characters", Exit.USAGE)
    if len(text) > LONGEST:
        die(f"a passphrase has at most {LONGEST} characters", Exit.USAGE)
    return Passphrase(text)


def _recipient(text: str) -> "Recipient":
    from cli.store_file import PUBLIC_PREFIX, Recipient, read_key

    with failures("--recipient"):
        return Recipient(read_key(PUBLIC_PREFIX, text))


def _identity(file: Path) -> "Identity":
    from cli.store_file import PRIVATE_PREFIX, Identity, read_key

    with failures(file), file.open(encoding="utf-8", errors="replace") as key:
        return Identity(read_key(PRIVATE_PREFIX, key.read(LONGEST)))


def count(faces: int) -> str:
    return plural("{number} face", "{number} faces", faces)
