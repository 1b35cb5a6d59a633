# SPDX-License-Identifier: MIT
"""The store's SQLite file: made whole or not at all, checked when opened, changed in transactions.

Every error is a ``StorageError`` of one line. A file that is damaged, empty, newer or not ours is
refused and left as it is; an older one is brought up to date by migrations.py.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from faceauthd import migrations, private
from faceauthd.migrations import VERSION
from faceauthd.results import StorageError

APPLICATION = 0x46414345  # "FACE", in the file's header
PATIENCE = 1.0  # seconds to wait for another program's lock; the daemon answers nobody meanwhile
DAMAGED = "it is damaged; put a copy of it back, or remove it and enrol again"

SCHEMA = f"""
BEGIN IMMEDIATE;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
-- A text of ours under the key, so that a wrong key is found out at once.
CREATE TABLE key_check (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;
-- `sealed` is the template; it is bound to all other columns of its row.
CREATE TABLE face (
    face_id TEXT PRIMARY KEY,
    user    TEXT NOT NULL,
    label   TEXT NOT NULL,
    engine  TEXT NOT NULL,
    model   TEXT NOT NULL,
    camera  TEXT NOT NULL,
    created INTEGER NOT NULL,
    sealed  BLOB NOT NULL,
    UNIQUE (user, label)
) STRICT;
{migrations.LOCKOUT_TABLE}
{migrations.PROOF_TABLE}
{migrations.EVENT_TABLE}
COMMIT;
"""


class Database:
    """The open file. One thread."""

    def __init__(self, path: Path, key_check: bytes) -> None:
        """Open the file; where it is missing, make it, with ``key_check`` in its table."""
        if not os.path.lexists(path):
            _create(path, key_check)
        private.check_file(path)
        self._connection = _connect(path)
        try:
            version = _check(self._connection)
            _keep_a_log(self._connection)
            if version < VERSION:
                migrations.upgrade(self._connection, path, version)
        except (sqlite3.Error, StorageError) as error:
            self.close()
            words = _words(error) if isinstance(error, sqlite3.Error) else error
            raise StorageError(f"{path}: {words}") from None

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a question, or of a change that returns some."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"the store: {_words(error)}") from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes in the block, or none of them."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        finally:
            # After a commit there is nothing to undo; a full disk may have undone it already.
            if self._connection.in_transaction:
                self._connection.rollback()

    def wipe(self) -> None:
        """Take what was deleted out of the write-ahead log too, if nobody is reading it."""
        # It is deleted in any case, and the log is written over in time.
        with suppress(StorageError):
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()


def _create(path: Path, key_check: bytes) -> None:
    """Make the file under another name, and give it its own when it is whole."""
    new = path.with_name(f".{path.name}.new")
    if os.path.lexists(log := path.with_name(f"{path.name}-wal")):
        raise StorageError(
            f"{path}: it is missing, but {log.name} is there and holds its last changes; put the "
            "store back, or remove both and enrol again"
        )
    try:
        for left in (new, new.with_name(f"{new.name}-wal"), new.with_name(f"{new.name}-journal")):
            left.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = _connect(new)
        try:
            _keep_a_log(connection)
            connection.executescript(SCHEMA)
            connection.execute("INSERT INTO key_check VALUES (1, ?)", (key_check,))
        finally:
            connection.close()
        private.publish(new, path)
    except sqlite3.Error as error:
        raise StorageError(f"{path}: cannot make the store: {_words(error)}") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot make the store: {error.strerror}") from None


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file, which must be there; nothing is written yet."""
    uri = f"file:{quote(os.fspath(path))}?mode=rw"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE)
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {_words(error)}") from None
    # A text that is not UTF-8 was written by someone else: its face is damaged, the others are not.
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Changes go to a write-ahead log, each on the disk when it is reported. Writes to the file."""
    for pragma in (
        *("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"),
        # KiB. SQLite would fill 2 MiB with pages of events, 300 bytes a scan, for nothing.
        "cache_size = -256",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _check(connection: sqlite3.Connection) -> int:
    """The version of the file; raise unless it is a whole store of ours."""

    def pragma(name: str) -> Any:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    if pragma("application_id") != APPLICATION:
        raise StorageError("this is no store of faceauth; put the store back, or remove this file")
    if not 1 <= (version := int(pragma("user_version"))) <= VERSION:
        raise StorageError(
            f"made by a newer faceauth (store version {version}; known here is {VERSION})"
        )
    if pragma("quick_check(1)") != "ok":
        raise StorageError(DAMAGED)
    return version


def _words(error: sqlite3.Error) -> str:
    """What a person can do about it, in one line."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DAMAGED
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another program is using it"
    if primary == sqlite3.SQLITE_FULL:
        return "the disk is full; nothing was changed"
    return str(error).replace("\n", " ")
