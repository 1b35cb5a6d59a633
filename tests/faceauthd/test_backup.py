# SPDX-License-Identifier: MIT
"""Faces taken to another store: what arrives is what left, and nothing else is ever taken in."""

import json
import os
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceauthd import backup
from faceauthd.names import LONGEST_LABEL
from faceauthd.results import InvalidArgumentError, StorageError
from faceauthd.store import FaceRecord, Store
from faceauthd.vault import KEY_BYTES, Vault
from tests.faceauthd.frames import ALICE
from tests.faceauthd.stage import NEIGHBOUR, ROOT, USER, Caller, Stage

KEY = bytes(range(KEY_BYTES))
VAULT = Vault(KEY)


def face(**changes: Any) -> FaceRecord:
    record = FaceRecord(
        "0123456789abcdef", "alice", "desk", "dlib", "m-v1", "usb", 1_700_000_000,
        np.arange(6, dtype=np.float32).reshape(2, 3),
    )  # fmt: skip
    return replace(record, **changes)


def test_what_arrives_is_what_left() -> None:
    (back,) = backup.opened(backup.seal([face()], VAULT), VAULT)
    assert back.identity == face().identity
    assert np.array_equal(back.vectors, face().vectors)


@pytest.mark.parametrize("most", ["MOST_FACES", "LARGEST_BACKUP"])
def test_what_could_not_be_restored_is_not_sealed(
    most: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, most, 1)
    with pytest.raises(InvalidArgumentError, match="2 faces are too many"):
        backup.seal([face(), face(face_id="other")], VAULT)


@pytest.mark.parametrize("at", [0, 1, 20, -1])
def test_one_changed_byte_and_another_key_open_nothing(at: int) -> None:
    sealed = bytearray(backup.seal([face()], VAULT))
    with pytest.raises(InvalidArgumentError, match="wrong passphrase or key"):
        backup.opened(bytes(sealed), Vault(bytes(KEY_BYTES)))
    sealed[at] ^= 1
    with pytest.raises(InvalidArgumentError, match="wrong passphrase or key"):
        backup.opened(bytes(sealed), VAULT)


def test_a_template_of_the_store_is_no_backup() -> None:
    with pytest.raises(InvalidArgumentError):
        backup.opened(VAULT.seal(b"template", *face().identity), VAULT)


@pytest.mark.parametrize(
    "change",
    [{"user": ""}, {"user": "a\nb"}, {"label": " "}, {"label": "x" * 300}, {"face_id": ""},
     {"face_id": "é"}, {"created": -1}, {"rows": 0}, {"rows": 4}, {"vectors": ""},
     {"vectors": "AAAA"}, {"extra": 1}, {"camera": None}],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    sealed = backup.seal([face()], VAULT)
    content = json.loads(VAULT.open(sealed, backup.PURPOSE))
    content["faces"][0] |= change
    wrong = VAULT.seal(json.dumps(content).encode(), backup.PURPOSE)
    with pytest.raises(InvalidArgumentError):
        backup.opened(wrong, VAULT)


def test_a_later_format_is_refused() -> None:
    sealed = VAULT.seal(b'{"format": 2, "faces": []}', backup.PURPOSE)
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        backup.opened(sealed, VAULT)


# In a store


def test_a_face_that_is_here_stays_and_labels_differ(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "state", VAULT)) as store:
        assert [each.label for each in store.restore([face()])] == ["desk"]
        assert store.restore([face(label="other")]) == []
        more = store.restore([face(face_id="2"), face(face_id="3"), face(face_id="4", user="bob")])
        assert [each.label for each in more] == ["desk (2)", "desk (3)", "desk"]
        long = "x" * LONGEST_LABEL
        longs = store.restore([face(face_id=str(n), label=long) for n in range(5, 8)])
        assert len({each.label for each in longs}) == 3
        assert all(len(each.label) <= LONGEST_LABEL for each in longs)
        assert not any(each.damaged for each in store.all_faces())


def test_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store(tmp_path / "state", VAULT)) as store:
        insert, count = store._insert, iter(range(9))

        def full(record: FaceRecord) -> None:
            if next(count) == 2:
                raise StorageError("the disk is full")
            insert(record)

        monkeypatch.setattr(store, "_insert", full)
        with pytest.raises(StorageError):
            store.restore([face(face_id=str(n), label=f"{n}") for n in range(4)])
        assert store.all_faces() == []


# On the bus


def call(who: Caller, method: str, fd: int, user: str = "", key: bytes = KEY) -> Any:
    return who.call(method, "(sayh)", user, list(key), 0, fds=[fd])


def test_a_backup_is_written_behind_what_is_there_and_restored_elsewhere(
    stage: Stage, tmp_path: Path
) -> None:
    stage.enrolled(USER, ALICE)
    stage.enrolled(NEIGHBOUR, ALICE)
    root, path = stage.caller(ROOT), tmp_path / "backup"
    with path.open("wb", buffering=0) as file:
        file.write(b"header\n")
        assert call(root, "BackupFaces", file.fileno()).values() == (2,)
    stage.store.clear_faces(USER)
    with path.open("rb", buffering=0) as file:
        assert file.read(7) == b"header\n"
        assert call(root, "RestoreFaces", file.fileno()).values() == (1, 1)
    assert [each.damaged for each in stage.store.faces(USER)] == [False]


def test_one_user_s_faces_alone(stage: Stage, tmp_path: Path) -> None:
    stage.enrolled(USER, ALICE)
    stage.enrolled(NEIGHBOUR, ALICE)
    root, path = stage.caller(ROOT), tmp_path / "backup"
    with path.open("wb") as file:
        assert call(root, "BackupFaces", file.fileno(), USER).values() == (1,)
    stage.store.clear_faces(USER)
    stage.store.clear_faces(NEIGHBOUR)
    with path.open("rb") as file:
        assert call(root, "RestoreFaces", file.fileno(), NEIGHBOUR).values() == (0, 0)
        file.seek(0)
        assert call(root, "RestoreFaces", file.fileno(), USER).values() == (1, 0)


@pytest.mark.parametrize("method", ["BackupFaces", "RestoreFaces"])
def test_what_is_no_file_for_it_is_refused(stage: Stage, tmp_path: Path, method: str) -> None:
    root = stage.caller(ROOT)
    reader, writer = os.pipe()
    wrong_way = os.O_RDONLY if method == "BackupFaces" else os.O_WRONLY
    (tmp_path / "file").touch()
    file = os.open(tmp_path / "file", wrong_way)
    for fd in (reader, writer, file):
        assert call(root, method, fd).error() == "InvalidArgument"
        os.close(fd)


def test_a_wrong_key_is_refused_in_one_line(stage: Stage) -> None:
    root = stage.caller(ROOT)
    with tempfile.TemporaryFile() as file:
        assert call(root, "BackupFaces", file.fileno(), key=b"short").error() == "InvalidArgument"
        assert call(root, "RestoreFaces", file.fileno()).error() == "InvalidArgument"


def test_a_full_disk_is_one_line(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _data: object) -> int:
        raise OSError(28, "No space left on device")

    stage.enrolled()
    with tempfile.TemporaryFile() as file, monkeypatch.context() as patch:
        patch.setattr("faceauthd.storekeeping.os.write", full)
        answer = call(stage.caller(ROOT), "BackupFaces", file.fileno())
        assert answer.error() == "Storage"
    assert "No space left" in answer.text()


def test_rekey_on_the_bus(stage: Stage) -> None:
    """The stage's store has no key file of its own: the new one becomes it."""
    stage.enrolled()
    (stage.store.directory / "faceauth.key").write_bytes(bytes(KEY_BYTES))
    (stage.store.directory / "faceauth.key").chmod(0o600)
    assert stage.caller(ROOT).call("Rekey").values() == ()
    assert [each.damaged for each in stage.store.faces(USER)] == [False]
    assert (stage.store.directory / "faceauth.key").read_bytes() != bytes(KEY_BYTES)
