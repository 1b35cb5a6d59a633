# SPDX-License-Identifier: MIT
"""From an older store to this version's, in one transaction, with a copy of the old one beside it.

The copy (``faceauth.db.v1``) is whole and on the disk before anything is changed; it is as private
as the store, and its templates are under the same key. A migration that is interrupted, or has no
room, leaves the old store as it was. Raises StorageError, OSError or sqlite3.Error.

1 → 2  a lockout for each pair of user and caller, when a user last gave their password, events
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from faceauthd import private
from faceauthd.results import StorageError

VERSION = 2

# `caller` is -1 for the user's own refusals, else the uid of the stranger who had them scanned.
LOCKOUT_TABLE = """\
CREATE TABLE lockout (
    user     TEXT NOT NULL,
    caller   INTEGER NOT NULL,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    boot     TEXT NOT NULL,
    seconds  REAL NOT NULL,
    PRIMARY KEY (user, caller)
) STRICT;"""
# The last time that each user proved who they are by more than a face.
PROOF_TABLE = """\
CREATE TABLE password (
    user    TEXT PRIMARY KEY,
    boot    TEXT NOT NULL,
    seconds REAL NOT NULL
) STRICT;"""
# What audit.py recorded lately; `fields` is JSON.
EVENT_TABLE = """\
CREATE TABLE event (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    user   TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT;
CREATE INDEX event_of_user ON event (user, id);"""

STEPS = {
    1: f"""
ALTER TABLE lockout RENAME TO old_lockout;
{LOCKOUT_TABLE}
INSERT INTO lockout SELECT user, -1, failures, boot, seconds FROM old_lockout;
DROP TABLE old_lockout;
{PROOF_TABLE}
{EVENT_TABLE}
""",  # noqa: S608 (constants alone)
}


def upgrade(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Bring the store at ``path``, open as ``connection``, from ``version`` to VERSION."""
    try:
        _copy(connection, path.with_name(f"{path.name}.v{version}"))
    except OSError as error:
        raise StorageError(f"cannot keep a copy before its upgrade: {error.strerror}") from None
    steps = "".join(STEPS[step] for step in range(version, VERSION))
    try:
        connection.executescript(f"BEGIN IMMEDIATE;{steps}PRAGMA user_version = {VERSION};COMMIT;")
    finally:
        if connection.in_transaction:
            connection.rollback()


def copies(path: Path) -> list[Path]:
    """The copies of the store at ``path`` that were kept."""
    return sorted(path.parent.glob(f"{path.name}.v*"))


def _copy(connection: sqlite3.Connection, kept: Path) -> None:
    """A whole copy under the name ``kept``; one that is there already is of an earlier attempt."""
    new = kept.with_name(f".{kept.name}.new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(new)) as copy:
            connection.backup(copy)
        kept.unlink(missing_ok=True)
        private.publish(new, kept)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
