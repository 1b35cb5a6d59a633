# SPDX-License-Identifier: MIT
"""The store: what it keeps, what it refuses, and what damage does to it."""

import os
import resource
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from faceauthd.lockout import Lockout, Moment
from faceauthd.results import InvalidArgumentError, NotEnrolledError, StorageError
from faceauthd.store import FaceRecord, Store
from faceauthd.vault import DATABASE, KEY_BYTES, Vault

VAULT = Vault(bytes(KEY_BYTES))


def vector(seed: int = 0) -> NDArray[np.float32]:
    """A (1, 128) template."""
    values = np.random.default_rng(seed).standard_normal((1, 128))
    return np.asarray(values / np.linalg.norm(values), np.float32)


def add(store: Store, user: str = "alice", label: str = "", seed: int = 0) -> FaceRecord:
    return store.add_face(
        user, label, engine="dlib", model="dlib-resnet-v1", camera="usb-cam", vectors=vector(seed)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with closing(Store(folder, VAULT)) as opened:
        yield opened


def tamper(folder: Path, sql: str, *values: object) -> None:
    """Do what somebody with the sqlite3 command would."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        assert connection.execute(sql, values).rowcount == 1


# Faces


def test_a_face_is_there_after_opening_again(folder: Path) -> None:
    with closing(Store(folder, VAULT)) as store:
        added = add(store, label="glasses")
    with closing(Store(folder, VAULT)) as store:
        (face,) = store.faces("alice")
    assert face.identity == added.identity
    assert (face.user, face.label, face.engine) == ("alice", "glasses", "dlib")
    assert (face.model, face.camera, face.damaged) == ("dlib-resnet-v1", "usb-cam", False)
    assert face.created > 1_700_000_000
    assert face.vectors.dtype == np.float32
    assert np.array_equal(face.vectors, vector())


def test_several_rows_are_kept(store: Store) -> None:
    vectors = np.concatenate([vector(1), vector(2)])
    store.add_face("alice", "", engine="e", model="m", camera="c", vectors=vectors)
    assert np.array_equal(store.faces("alice")[0].vectors, vectors)


def test_users_have_their_own_faces(store: Store) -> None:
    alice, bob = add(store, "alice"), add(store, "bob")
    assert [face.face_id for face in store.faces("alice")] == [alice.face_id]
    assert [face.face_id for face in store.all_faces()] == [alice.face_id, bob.face_id]
    assert store.faces("carol") == []
    assert store.user_count() == 2


def test_faces_are_numbered_where_no_label_is_given(store: Store) -> None:
    first, second = add(store), add(store)
    assert (first.label, second.label, add(store, "bob").label) == ("face 1", "face 2", "face 1")
    store.remove_face("alice", first.face_id)
    assert add(store).label == "face 1"


def test_labels_of_a_user_differ(store: Store) -> None:
    one, other = add(store, label="one"), add(store, label="other")
    add(store, "bob", "one")
    with pytest.raises(InvalidArgumentError, match='there is a face "one" already'):
        add(store, label="one")
    with pytest.raises(InvalidArgumentError, match='there is a face "one" already'):
        store.rename_face("alice", other.face_id, "one")
    store.rename_face("alice", one.face_id, "one")
    assert [face.label for face in store.faces("alice")] == ["one", "other"]


def test_a_renamed_face_still_opens(store: Store) -> None:
    store.rename_face("alice", add(store).face_id, "new")
    (face,) = store.faces("alice")
    assert (face.label, face.damaged) == ("new", False)
    assert np.array_equal(face.vectors, vector())


def test_faces_are_removed(store: Store) -> None:
    first, second = add(store), add(store)
    add(store, "bob")
    store.remove_face("alice", first.face_id)
    assert [face.face_id for face in store.faces("alice")] == [second.face_id]
    assert store.clear_faces("alice") == 1
    assert store.clear_faces("alice") == 0
    assert store.user_count() == 1


@pytest.mark.parametrize("face_id", ["", "nothing", "\udcff", "é", "x" * 100_000])
def test_a_face_that_is_not_there(store: Store, face_id: str) -> None:
    with pytest.raises(NotEnrolledError, match="there is no such face"):
        store.remove_face("alice", face_id)
    with pytest.raises(NotEnrolledError, match="there is no such face"):
        store.rename_face("alice", face_id, "x")


def test_a_face_of_another_user_is_not_there(store: Store) -> None:
    face = add(store, "bob")
    with pytest.raises(NotEnrolledError):
        store.remove_face("alice", face.face_id)
    with pytest.raises(NotEnrolledError):
        store.rename_face("alice", face.face_id, "x")
    assert len(store.faces("bob")) == 1


@pytest.mark.parametrize("label", [" ", "x" * 65, "a\nb", "\x1b[31m", "\udcff", "x" * 10_000])
def test_a_label_that_is_none(store: Store, label: str) -> None:
    with pytest.raises(InvalidArgumentError, match="a label has 1 to 64 characters"):
        add(store, label=label)
    face = add(store)
    with pytest.raises(InvalidArgumentError, match="a label has 1 to 64 characters"):
        store.rename_face("alice", face.face_id, label)


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (os.fsdecode(b"al\xffice"), "the user name is not valid UTF-8"),
        ("", "a user name has 1 to 256 bytes"),
        ("x" * 257, "a user name has 1 to 256 bytes"),
        ("ü" * 129, "a user name has 1 to 256 bytes"),
        ("a\0b", "a user name has 1 to 256 bytes"),
    ],
)
def test_a_user_name_that_is_none(store: Store, user: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason):
        add(store, user)
    with pytest.raises(InvalidArgumentError, match=reason):
        store.faces(user)
    with pytest.raises(InvalidArgumentError, match=reason):
        store.clear_faces(user)
    with pytest.raises(InvalidArgumentError, match=reason):
        store.get_lockout(user)


@pytest.mark.parametrize(
    "vectors",
    [np.empty((0, 128)), np.empty((1, 0)), np.ones(128), np.full((1, 128), np.nan)],
)
def test_a_template_that_is_none(store: Store, vectors: NDArray[np.float32]) -> None:
    with pytest.raises(InvalidArgumentError, match="not a table of finite numbers"):
        store.add_face("alice", "", engine="e", model="m", camera="c", vectors=vectors)
    assert store.faces("alice") == []


def test_one_user_s_faces_are_found_among_100_000(store: Store) -> None:
    """By the plan that SQLite makes, since seconds would not tell on every machine."""
    plan = store._database.rows("EXPLAIN QUERY PLAN SELECT * FROM face WHERE user = ?", "alice")
    assert "USING INDEX" in plan[0][3]


# Lockouts


def test_a_lockout_is_kept(folder: Path) -> None:
    lockout = Lockout(3, Moment("boot", 12.5))
    with closing(Store(folder, VAULT)) as store:
        assert store.get_lockout("alice") == Lockout()
        store.set_lockout("alice", Lockout().refused(Moment.now()))
        store.set_lockout("alice", lockout)
    with closing(Store(folder, VAULT)) as store:
        assert store.get_lockout("alice") == lockout
        assert store.get_lockout("bob") == Lockout()
        store.clear_faces("alice")
        assert store.get_lockout("alice") == lockout, "to enrol again is no way out"


# Tampering


@pytest.mark.parametrize(
    "change",
    ["user = 'bob'", "label = 'x'", "engine = 'x'", "model = 'x'", "camera = 'x'",
     "created = 1", "face_id = 'x'", "sealed = x''", "sealed = zeroblob(600)",
     "user = CAST(x'ff' AS TEXT)"],
)  # fmt: skip
def test_a_changed_row_is_damaged_and_the_others_still_work(folder: Path, change: str) -> None:
    with closing(Store(folder, VAULT)) as store:
        add(store, "alice", "one")
        add(store, "alice", "two")
    tamper(folder, f"UPDATE face SET {change} WHERE label = 'one'")  # noqa: S608
    with closing(Store(folder, VAULT)) as store:
        damaged, whole = store.all_faces()
        assert (damaged.damaged, whole.damaged) == (True, False)
        assert damaged.vectors.size == 0
        assert whole.label == "two"


def test_a_row_moved_to_another_user_is_reported_and_can_only_be_removed(folder: Path) -> None:
    with closing(Store(folder, VAULT)) as store:
        face = add(store, "mallory")
        add(store, "alice", "hers")
    tamper(folder, "UPDATE face SET user = 'alice' WHERE user = 'mallory'")
    with closing(Store(folder, VAULT)) as store:
        assert [face.damaged for face in store.faces("alice")] == [True, False]
        with pytest.raises(StorageError, match="this face is damaged; remove it"):
            store.rename_face("alice", face.face_id, "x")
        store.remove_face("alice", face.face_id)
        assert [face.label for face in store.faces("alice")] == ["hers"]


def test_templates_swapped_between_users_do_not_open(folder: Path) -> None:
    with closing(Store(folder, VAULT)) as store:
        add(store, "alice", seed=1)
        add(store, "mallory", seed=2)
    tamper(
        folder,
        "UPDATE face SET sealed = (SELECT sealed FROM face WHERE user = 'mallory')"
        " WHERE user = 'alice'",
    )
    with closing(Store(folder, VAULT)) as store:
        assert [face.damaged for face in store.all_faces()] == [True, False]


def test_nothing_of_a_template_can_be_read_without_the_key(folder: Path) -> None:
    with closing(Store(folder, VAULT)) as store:
        add(store)
        content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert vector().tobytes() not in content
    assert vector().tobytes()[:16] not in content


def test_nothing_of_a_removed_template_stays_behind(folder: Path, store: Store) -> None:
    face = add(store)
    add(store, "bob")
    ((sealed,),) = store._database.rows("SELECT sealed FROM face WHERE user = ?", "alice")

    def left() -> bool:
        return any(sealed[-64:] in path.read_bytes() for path in folder.iterdir())

    assert left()
    store.remove_face("alice", face.face_id)
    assert not left()


# The file


def refused(folder: Path, vault: Vault = VAULT) -> str:
    """Why the store does not open; it must have left the file as it was."""
    path = folder / DATABASE
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StorageError) as caught:
        Store(folder, vault)
    if before is not None:
        assert path.read_bytes() == before
    message = str(caught.value)
    assert message.isprintable()
    return message.removeprefix(f"{path}: ")


def test_store_and_folder_are_private(folder: Path, store: Store) -> None:
    add(store)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert files == {DATABASE: 0o600, f"{DATABASE}-wal": 0o600, f"{DATABASE}-shm": 0o600}


def test_a_wrong_key_is_found_out_at_once(folder: Path) -> None:
    Store(folder, VAULT).close()
    message = refused(folder, Vault(bytes([1]) * KEY_BYTES))
    assert message.startswith("the key does not belong to this store; put the right key back")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "this is no store of faceauth"),
        (b"no database", "it is damaged"),
        (b"SQLite format 3\0" + bytes(10_000), "it is damaged"),
        (os.urandom(8192), "it is damaged"),
    ],
)
def test_what_is_no_store_is_refused_and_left(folder: Path, content: bytes, reason: str) -> None:
    folder.mkdir()
    path = folder / DATABASE
    path.write_bytes(content)
    path.chmod(0o600)
    assert refused(folder).startswith(reason)


def test_another_program_s_database_is_refused(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("CREATE TABLE t (x)")
    (folder / DATABASE).chmod(0o600)
    assert refused(folder).startswith("this is no store of faceauth")


def test_a_damaged_page_is_refused(folder: Path) -> None:
    with closing(Store(folder, VAULT)) as store:
        for number in range(50):
            add(store, seed=number)
    path = folder / DATABASE
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 5] = os.urandom(8192)
    path.write_bytes(content)
    assert refused(folder).startswith("it is damaged; put a copy of it back")


def test_a_newer_store_is_refused(folder: Path) -> None:
    Store(folder, VAULT).close()
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("PRAGMA user_version = 3")
    assert refused(folder).startswith("made by a newer faceauth (store version 3; known here is 2)")


def test_a_store_that_others_can_read_is_refused(folder: Path) -> None:
    Store(folder, VAULT).close()
    (folder / DATABASE).chmod(0o644)
    assert refused(folder) == "its mode is 0644, so others may use it; it must be 0600"


def test_a_link_is_no_store(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / DATABASE).symlink_to(tmp_path / "elsewhere")
    assert refused(folder) == "this must be a regular file, and no link"
    assert not (tmp_path / "elsewhere").exists()


def test_the_log_of_a_lost_store_is_not_applied_to_a_new_one(folder: Path) -> None:
    folder.mkdir()
    (folder / f"{DATABASE}-wal").write_bytes(b"changes")
    assert refused(folder).startswith("it is missing, but faceauth.db-wal is there")
    assert (folder / f"{DATABASE}-wal").read_bytes() == b"changes"


def test_what_was_left_of_a_store_half_made_is_made_anew(folder: Path) -> None:
    folder.mkdir()
    (folder / f".{DATABASE}.new").write_bytes(b"half")
    Store(folder, VAULT).close()
    assert [path.name for path in folder.iterdir()] == [DATABASE]


def test_another_program_that_holds_the_store_is_named(folder: Path, store: Store) -> None:
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="the store: another program is using it"):
            add(store)
    add(store)
    assert len(store.faces("alice")) == 1


def test_a_full_disk_loses_nothing(folder: Path) -> None:
    """A limit on the size of files, in a child: for SQLite that is a disk that takes no more."""
    Store(folder, VAULT).close()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # never returns into pytest
        try:
            os.close(reader)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            fill(folder, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as lines:
        *stored, end = lines.read().splitlines()
    os.waitpid(child, 0)
    assert end.startswith("refused: the store: ")
    assert end.endswith(f"still {len(stored)}, and room after removing")
    with closing(Store(folder, VAULT)) as store:
        faces = store.faces("alice")
    assert [face.face_id for face in faces] == stored
    assert len(stored) > 10
    assert not any(face.damaged for face in faces)


def fill(folder: Path, report: int) -> None:
    """Add faces until the store refuses, and tell of each that it took."""
    store = Store(folder, VAULT)
    taken = 0
    with os.fdopen(report, "w", buffering=1) as lines:
        while True:
            try:
                print(add(store, seed=taken).face_id, file=lines)
                taken += 1
            except StorageError as error:
                still = len(store.faces("alice"))
                print(f"refused: {error}; still {still}, and room after removing", file=lines)
                return
