# SPDX-License-Identifier: MIT
"""An older store becomes this version's, and whatever goes wrong leaves it as it was."""

import os
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from faceauthd import migrations, private
from faceauthd.lockout import Lockout, Moment
from faceauthd.results import StorageError
from faceauthd.store import Store
from faceauthd.vault import DATABASE, KEY_BYTES, Vault

VAULT = Vault(bytes(KEY_BYTES))
COPY = f"{DATABASE}.v1"
# The tables of version 1 that are no longer as they were.
VERSION_1 = """
DROP TABLE lockout;
DROP TABLE password;
DROP TABLE event;
CREATE TABLE lockout (
    user     TEXT PRIMARY KEY,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    boot     TEXT NOT NULL,
    seconds  REAL NOT NULL
) STRICT;
INSERT INTO lockout VALUES ('alice', 7, 'boot', 12.5);
PRAGMA user_version = 1;
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of version 1 with a face and a lockout of alice's."""
    folder = tmp_path / "state"
    with closing(Store(folder, VAULT)) as store:
        vectors = np.full((1, 4), 0.5, np.float32)
        store.add_face("alice", "desk", engine="e", model="m", camera="c", vectors=vectors)
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.executescript(VERSION_1)
    return folder


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def assert_kept(folder: Path) -> None:
    with closing(Store(folder, VAULT)) as store:
        (face,) = store.faces("alice")
        assert (face.label, face.damaged) == ("desk", False)
        assert store.get_lockout("alice") == Lockout(7, Moment("boot", 12.5))
        assert store.last_password("alice") is None


@pytest.mark.parametrize("way", ["remove", "clear"])
def test_a_removed_face_is_in_no_copy(folder: Path, way: str) -> None:
    with closing(Store(folder, VAULT)) as store:
        assert (folder / COPY).exists()
        if way == "clear":
            store.clear_faces("alice")
        else:
            store.remove_face("alice", store.faces("alice")[0].face_id)
        assert not (folder / COPY).exists()
        assert store.faces("alice") == []


def test_a_copy_that_keeps_a_removed_face_is_told_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with closing(Store(folder, VAULT)) as store:
        monkeypatch.setattr(private, "wipe", refused)
        with pytest.raises(StorageError, match=r"not from the copy .*v1: Permission denied"):
            store.clear_faces("alice")
        assert store.faces("alice") == []


def test_everything_is_kept_and_so_is_a_copy(folder: Path) -> None:
    assert_kept(folder)
    assert version(folder / DATABASE) == migrations.VERSION
    assert version(folder / COPY) == 1
    assert stat.S_IMODE((folder / COPY).stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [DATABASE, COPY]


def test_the_copy_is_a_store_to_go_back_to(folder: Path) -> None:
    Store(folder, VAULT).close()
    (folder / COPY).replace(folder / DATABASE)
    assert_kept(folder)


def test_an_attempt_that_fails_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(migrations.STEPS, 1, f"{migrations.STEPS[1]} DROP TABLE nowhere;")
        with pytest.raises(StorageError, match="no such table"):
            Store(folder, VAULT)
    assert version(folder / DATABASE) == 1
    assert_kept(folder)


def test_without_room_for_the_copy_nothing_is_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("faceauthd.private.publish", full)
        with pytest.raises(StorageError, match="cannot keep a copy before its upgrade: No space"):
            Store(folder, VAULT)
    assert version(folder / DATABASE) == 1
    assert not (folder / COPY).exists()
    assert_kept(folder)


def statements() -> Iterator[str]:
    yield from (part for part in migrations.STEPS[1].split(";") if part.strip())


@pytest.mark.parametrize("died_behind", range(len(list(statements()))))
def test_kill_9_at_any_step(folder: Path, died_behind: int) -> None:
    """The child dies after so many statements of the transaction, before the commit."""
    child = os.fork()
    if child == 0:  # never returns into pytest
        connection = sqlite3.connect(folder / DATABASE, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        for _, statement in zip(range(died_behind + 1), statements(), strict=False):
            connection.execute(statement)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert version(folder / DATABASE) == 1
    assert_kept(folder)
