# SPDX-License-Identifier: MIT
"""``faceauth store``: faces from one machine to another, and a new key, with real daemons."""

import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from cli.exits import Exit
from faceauthd.keys import open_store
from faceauthd.results import LARGEST_BACKUP, StorageError
from tests.cli.conftest import Outcome, Run, needs_root, one_line
from tests.harness.bus import PrivateBus
from tests.harness.daemon import running_daemon

SECRET = "correct horse battery"
MUCH = 4 << 20  # bytes


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(f"{SECRET}\n")
    return path


def fill(state: Path, *users: str) -> None:
    with closing(open_store(state)) as store:
        for user in users:
            vectors = np.full((2, 4), 0.5, np.float32)
            store.add_face(user, "desk", engine="dlib", model="m", camera="c", vectors=vectors)


@contextmanager
def machine(bus: PrivateBus, state: Path) -> Iterator[None]:
    """A daemon of a machine with this store."""
    folder = state.parent / f"{state.name}-models"
    folder.mkdir(exist_ok=True)
    with running_daemon(bus, f'engine = "dlib"\nmodels_dir = "{folder}"\n', state):
        yield


def users(state: Path) -> list[str]:
    with closing(open_store(state)) as store:
        faces = store.all_faces()
        assert not any(face.damaged for face in faces)
        return [face.user for face in faces]


@needs_root
def test_faces_go_to_another_machine(
    bus: PrivateBus, script: Run, tmp_path: Path, passphrase: Path
) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", tmp_path / "faces.backup"
    identity, sealed = tmp_path / "identity", tmp_path / "sealed.backup"
    fill(here, "alice", "bob")
    with machine(bus, here):
        outcome = script("store", "backup", str(file), "--passphrase-file", str(passphrase))
        assert outcome == (Exit.DONE, f"Wrote 2 faces to {file}\n", "")
        public = script("store", "keygen", str(identity)).out.strip()
        outcome = script("store", "backup", str(sealed), "--recipient", public, "-u", "bob")
        assert outcome == (Exit.DONE, f"Wrote 1 face to {sealed}\n", "")
        assert script("store", "rekey") == (Exit.DONE, "All templates are under a new key\n", "")
    assert users(here) == ["alice", "bob"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (file, sealed, identity)} == {0o600}
    with machine(bus, there):
        outcome = script("store", "restore", str(sealed), "--identity", str(identity))
        assert outcome == (Exit.DONE, "Added 1 face; 0 faces already here\n", "")
        outcome = script("store", "restore", str(sealed), "-i", str(identity), "-u", "alice")
        assert outcome.status == Exit.NO
        assert "holds no face of alice" in one_line(outcome)
        outcome = script("store", "restore", str(file), "--passphrase-file", str(passphrase))
        assert outcome == (Exit.DONE, "Added 1 face; 1 face already here\n", "")
        passphrase.write_text("another passphrase\n")
        wrong = script("store", "restore", str(file), "--passphrase-file", str(passphrase))
        assert wrong.status == Exit.USAGE
        assert "wrong passphrase or key" in one_line(wrong)
    assert sorted(users(there)) == ["alice", "bob"]


def sealed(_key: bytes, fd: int, _user: str) -> int:
    os.write(fd, b"sealed")
    return 1


def test_a_file_that_is_there_is_never_written_over(
    daemon: Any, faceauth: Run, tmp_path: Path, passphrase: Path
) -> None:
    file = tmp_path / "faces.backup"
    file.write_text("precious")
    outcome = faceauth("store", "backup", str(file), "--passphrase-file", str(passphrase))
    assert outcome.status == Exit.USAGE
    assert "File exists" in one_line(outcome)
    assert file.read_text() == "precious"
    daemon.backup_faces.assert_not_called()


def test_a_backup_that_fails_leaves_no_half_of_one(
    daemon: Any, faceauth: Run, tmp_path: Path, passphrase: Path
) -> None:
    daemon.backup_faces.side_effect = StorageError("the backup cannot be written: disk full")
    file = tmp_path / "faces.backup"
    outcome = faceauth("store", "backup", str(file), "--passphrase-file", str(passphrase))
    assert (outcome.status, file.exists()) == (Exit.STORE, False)


def test_a_backup_of_a_user_without_a_face_is_none(
    daemon: Any, faceauth: Run, tmp_path: Path, passphrase: Path
) -> None:
    daemon.backup_faces.return_value = 0
    file = tmp_path / "faces.backup"
    here = ("store", "backup", str(file), "--passphrase-file", str(passphrase))
    outcome = faceauth(*here, "-u", "alcie")
    assert outcome.status == Exit.NO
    assert "alcie has no face" in one_line(outcome)
    assert not file.exists()
    assert faceauth(*here).out == f"Wrote 0 faces to {file}\n", "nobody's is a backup, too"


@pytest.mark.parametrize(
    ("arguments", "blamed"),
    [
        (["backup", "{}/new", "-r", "alice"], "--recipient"),
        (["restore", "{}/old", "-i", "{}/k"], "k"),
    ],
)
def test_a_wrong_key_is_named_and_not_the_backup(
    arguments: list[str], blamed: str, daemon: Any, faceauth: Run, tmp_path: Path
) -> None:
    for name in ("old", "k"):
        (tmp_path / name).touch()
    outcome = faceauth("store", *(one.format(tmp_path) for one in arguments))
    blamed = blamed if blamed.startswith("-") else str(tmp_path / blamed)
    assert one_line(outcome).startswith(f"{blamed}: this is no key")


def test_a_passphrase_may_be_in_any_encoding(
    daemon: Any, faceauth: Run, tmp_path: Path, passphrase: Path
) -> None:
    passphrase.write_bytes("schöne Grüße an alle\n".encode("latin-1"))
    daemon.backup_faces.side_effect = sealed
    daemon.restore_faces.return_value = (1, 0)
    file, how = tmp_path / "faces.backup", ("--passphrase-file", str(passphrase))
    assert faceauth("store", "backup", str(file), *how).status == Exit.DONE
    assert faceauth("store", "restore", str(file), *how).status == Exit.DONE
    assert daemon.restore_faces.call_args.args[0] == daemon.backup_faces.call_args.args[0]


def test_the_passphrase_never_reaches_the_daemon(
    daemon: Any, faceauth: Run, tmp_path: Path, passphrase: Path
) -> None:
    daemon.backup_faces.side_effect = sealed
    file = tmp_path / "faces.backup"
    assert faceauth("store", "backup", str(file), "--passphrase-file", str(passphrase)).status == 0
    key, _fd, user = daemon.backup_faces.call_args.args
    assert (len(key), user) == (32, "")
    assert SECRET not in str(daemon.mock_calls)
    assert file.read_bytes().endswith(b"}}\nsealed")


def test_a_file_too_large_for_a_backup_is_not_read_to_its_end(
    daemon: Any, faceauth: Run, tmp_path: Path, passphrase: Path
) -> None:
    daemon.backup_faces.side_effect = sealed
    daemon.restore_faces.return_value = (1, 0)
    file = tmp_path / "faces.backup"
    given = ("--passphrase-file", str(passphrase))
    assert faceauth("store", "backup", str(file), *given).status == 0
    largest = file.read_bytes().index(b"\n") + 1 + LARGEST_BACKUP
    os.truncate(file, largest)
    assert faceauth("store", "restore", str(file), *given).status == 0
    daemon.restore_faces.reset_mock()
    os.truncate(file, largest + 1)
    outcome = faceauth("store", "restore", str(file), *given)
    assert (outcome.status, one_line(outcome)) == (
        Exit.USAGE,
        f"{file}: this is too large for a backup",
    )
    daemon.restore_faces.assert_not_called()


@pytest.mark.parametrize("option", ["--passphrase-file", "--identity"])
def test_a_secret_that_has_no_end_is_not_read_to_it(
    option: str, daemon: Any, faceauth: Run, tmp_path: Path, passphrase: Path
) -> None:
    """The writer of a pipe without end is told that nobody reads on."""
    daemon.backup_faces.side_effect = sealed
    file, pipe = tmp_path / "faces.backup", tmp_path / "pipe"
    assert faceauth("store", "backup", str(file), "--passphrase-file", str(passphrase)).status == 0
    os.mkfifo(pipe)
    taken = Future[int]()

    def write() -> None:
        count = 0
        with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as end:
            while count < MUCH:
                count += end.write(b"x" * 4096)
        taken.set_result(count)

    Thread(target=write).start()
    outcome = faceauth("store", "restore", str(file), option, str(pipe))
    assert outcome.status == Exit.USAGE
    one_line(outcome)
    assert taken.result() < MUCH
    daemon.restore_faces.assert_not_called()


Call = Callable[[Path, Path], list[str]]
WRONG: dict[str, Call] = {
    "no file": lambda file, _: ["restore", f"{file}.none", "--passphrase-file", str(file)],
    "no backup": lambda file, _: ["restore", str(file), "--passphrase-file", str(file)],
    "no identity": lambda file, _: ["restore", str(file), "--identity", f"{file}.none"],
    "no key in it": lambda file, _: ["restore", str(file), "--identity", str(file)],
    "no recipient": lambda file, _: ["backup", f"{file}.new", "--recipient", "alice"],
    "two ways": lambda file, p: ["backup", f"{file}.new", "-r", "x", "--passphrase-file", str(p)],
    "two ways back": lambda file, p: ["restore", str(file), "-i", "x", "--passphrase-file", str(p)],
    "nobody to ask": lambda file, _: ["backup", f"{file}.new"],
    "too short": lambda file, _: ["backup", f"{file}.new", "--passphrase-file", "/dev/null"],
    "a folder": lambda file, _: ["keygen", str(file.parent)],
    "nobody's": lambda file, p: ["backup", f"{file}.new", "-u", "", "--passphrase-file", str(p)],
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(
    daemon: Any,
    faceauth: Run,
    tmp_path: Path,
    passphrase: Path,
    case: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cli.store.has_terminal", lambda: False)
    file = tmp_path / "file"
    file.write_bytes(os.urandom(100))
    before = sorted(tmp_path.iterdir())
    outcome: Outcome = faceauth("store", *WRONG[case](file, passphrase))
    assert outcome.status == Exit.USAGE
    one_line(outcome)
    assert sorted(tmp_path.iterdir()) == before
    daemon.backup_faces.assert_not_called()
    daemon.restore_faces.assert_not_called()
