# SPDX-License-Identifier: MIT
"""A new key for the store: at no step is it without the key that it is under."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from faceauthd import keys, private
from faceauthd.keys import OLD, open_store, rotate
from faceauthd.results import InvalidArgumentError, StorageError
from faceauthd.store import Store, WrongKeyError
from faceauthd.vault import DATABASE, KEY_BYTES, KEY_FILE, Vault


def fill(folder: Path) -> None:
    with closing(open_store(folder)) as store:
        for number in range(3):
            vectors = np.full((1, 4), number + 1, np.float32)
            store.add_face("alice", "", engine="e", model="m", camera="c", vectors=vectors)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with three faces, and a copy that a migration kept."""
    folder = tmp_path / "state"
    fill(folder)
    (folder / f"{DATABASE}.v1").write_bytes(b"sealed under the old key")
    return folder


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """systemd's folder of credentials."""
    path = tmp_path / "credentials"
    path.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(path))
    return path


def give(credentials: Path, name: str, key: bytes) -> None:
    (credentials / name).write_bytes(key)
    (credentials / name).chmod(0o400)


def assert_whole(folder: Path) -> None:
    """All faces are there and open, under a key that is where it belongs."""
    with closing(open_store(folder)) as store:
        faces = store.faces("alice")
        assert [face.damaged for face in faces] == [False] * 3
        assert [float(face.vectors[0, 0]) for face in faces] == [1, 2, 3]


def key_of(folder: Path) -> bytes:
    return (folder / KEY_FILE).read_bytes()


def test_another_key_opens_it_and_the_old_one_does_not(folder: Path) -> None:
    old = key_of(folder)
    with closing(open_store(folder)) as store:
        rotate(store)
        assert len(store.faces("alice")) == 3  # it goes on working
    assert key_of(folder) != old
    with pytest.raises(WrongKeyError):
        Store(folder, Vault(old))
    assert_whole(folder)


def test_nothing_of_the_old_key_is_left(folder: Path) -> None:
    old = key_of(folder)
    with (folder / KEY_FILE).open("rb") as key, (folder / DATABASE).open("rb"):
        with closing(open_store(folder)) as store:
            sealed = [row[0] for row in store._database.rows("SELECT sealed FROM face")]
            rotate(store)
        assert key.read() == bytes(KEY_BYTES)  # its bytes were written over
    held = b"".join(path.read_bytes() for path in folder.iterdir())
    assert old not in held
    assert not any(text in held for text in sealed)
    assert sorted(path.name for path in folder.iterdir()) == [DATABASE, KEY_FILE]


STEPS: dict[str, str] = {
    "before the new key": "faceauthd.keys.make_key",
    "before all is sealed anew": "faceauthd.store.Store.rekey",
    "in the middle of sealing": "faceauthd.store.Store._seal",
    "before the new key takes its place": "faceauthd.private.replace",
    "before the old key is written over": "faceauthd.private._overwrite",
    "before the copies are dropped": "faceauthd.keys._drop_copies",
}


def killed(step: str, work: Callable[[], object]) -> None:
    """Do the work in a child, which is killed as it comes to the function ``step``."""

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:  # never returns into pytest
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(step, die)
                work()
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("step", STEPS)
def test_kill_9_at_every_step(folder: Path, step: str) -> None:
    killed(STEPS[step], lambda: rotate(open_store(folder)))
    assert_whole(folder)
    with closing(open_store(folder)) as store:  # and it can be done again
        rotate(store)
    assert_whole(folder)


@pytest.mark.parametrize("step", list(STEPS.values())[:4])
def test_a_full_disk_at_every_step(
    folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with closing(open_store(folder)) as store:
        with monkeypatch.context() as patch:
            patch.setattr(step, full)
            with pytest.raises((StorageError, OSError)):
                rotate(store)
        assert len([face for face in store.faces("alice") if not face.damaged]) == 3
    assert_whole(folder)


def test_a_change_behind_one_that_was_not_finished(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new key of the first is the only one that opens the store, when the second begins."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with closing(open_store(folder)) as store:
        for step in ("faceauthd.private.replace", "faceauthd.keys.make_key"):
            with monkeypatch.context() as patch:
                patch.setattr(step, full)
                with pytest.raises(StorageError):
                    rotate(store)
    assert_whole(folder)


def test_the_key_of_a_store_that_was_put_aside_is_not_destroyed(
    folder: Path, credentials: Path
) -> None:
    aside = folder.parent / "aside"
    (folder / DATABASE).rename(aside)
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    open_store(folder).close()  # a store of its own, under the credential
    (credentials / KEY_FILE).rename(credentials / OLD)
    give(credentials, KEY_FILE, b"d" * KEY_BYTES)
    open_store(folder).close()  # which is under another one now
    (credentials / OLD).unlink()
    open_store(folder).close()
    (folder / DATABASE).unlink()
    (credentials / KEY_FILE).unlink()
    aside.rename(folder / DATABASE)
    assert_whole(folder)


def test_the_key_is_wiped_from_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[bytearray] = []

    def remember(read: Callable[..., bytearray]) -> Callable[..., bytearray]:
        def reading(*args: object, **kwargs: object) -> bytearray:
            loaded.append(read(*args, **kwargs))
            return loaded[-1]

        return reading

    monkeypatch.setattr(private, "read_secret", remember(private.read_secret))
    with closing(open_store(folder)) as store:
        rotate(store)
        assert not store.faces("alice")[0].damaged
    assert len(loaded) == 2
    assert all(key == bytes(KEY_BYTES) for key in loaded)


# Credentials


def test_a_credential_takes_over_from_the_key_file(folder: Path, credentials: Path) -> None:
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    assert_whole(folder)
    assert sorted(path.name for path in folder.iterdir()) == [DATABASE]
    assert_whole(folder)


TAKEOVER: dict[str, str] = {
    "before all is sealed anew": "faceauthd.store.Store.rekey",
    "in the middle of sealing": "faceauthd.store.Store._seal",
    "behind the commit": "faceauthd.keys._retire",
    "before the copies are dropped": "faceauthd.keys._drop_copies",
    "before the old key is written over": "faceauthd.private._overwrite",
    "before its file is removed": "pathlib.Path.unlink",
}


@pytest.mark.parametrize("unfinished", [False, True], ids=["settled", "unfinished"])
@pytest.mark.parametrize("step", TAKEOVER)
def test_kill_9_while_a_credential_takes_over(
    folder: Path, credentials: Path, step: str, unfinished: bool
) -> None:
    if unfinished:  # the store is under a key that has not got its name yet
        killed("faceauthd.private.replace", lambda: rotate(open_store(folder)))
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    killed(TAKEOVER[step], lambda: open_store(folder))
    assert_whole(folder)
    assert sorted(path.name for path in folder.iterdir()) == [DATABASE]
    assert_whole(folder)


@pytest.mark.parametrize("step", ["faceauthd.keys._retire", "pathlib.Path.unlink"])
def test_what_is_wiped_later_is_told_in_one_line(
    folder: Path, credentials: Path, step: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / f"{DATABASE}.v1").unlink()
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    killed(step, lambda: open_store(folder))
    with caplog.at_level("INFO"):
        open_store(folder).close()
        open_store(folder).close()
    (line,) = caplog.messages
    assert line.startswith(f"{folder / KEY_FILE}: the store is under the credential")


def test_a_key_that_still_opens_a_face_is_not_wiped(folder: Path, credentials: Path) -> None:
    """As where somebody puts rows of an older store back behind the daemon's back."""
    old = key_of(folder)
    with closing(open_store(folder)) as store:
        rows = store._database.rows("SELECT sealed, face_id FROM face")
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    killed("faceauthd.keys._retire", lambda: open_store(folder))
    with closing(Store(folder, Vault(b"c" * KEY_BYTES))) as store:
        store._database.rows("UPDATE face SET sealed = ? WHERE face_id = ?", *rows[0])
    open_store(folder).close()
    assert key_of(folder) == old


@pytest.mark.parametrize("content", [b"d" * KEY_BYTES, b"no key"])
def test_a_file_that_never_was_the_stores_key_stays(
    folder: Path, credentials: Path, content: bytes
) -> None:
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    assert_whole(folder)
    (folder / KEY_FILE).write_bytes(content)
    (folder / KEY_FILE).chmod(0o600)
    assert_whole(folder)
    assert key_of(folder) == content


def test_one_credential_takes_over_from_another(folder: Path, credentials: Path) -> None:
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    assert_whole(folder)
    (credentials / KEY_FILE).rename(credentials / OLD)
    give(credentials, KEY_FILE, b"d" * KEY_BYTES)
    assert_whole(folder)
    (credentials / OLD).unlink()
    assert_whole(folder)


def test_an_old_credential_without_a_new_one_is_no_key(folder: Path, credentials: Path) -> None:
    give(credentials, OLD, key_of(folder))
    (folder / KEY_FILE).write_bytes(b"c" * KEY_BYTES)
    with pytest.raises(StorageError, match="the key does not belong to this store"):
        open_store(folder)


def test_a_credential_that_belongs_to_no_store_changes_nothing(
    folder: Path, credentials: Path
) -> None:
    key = key_of(folder)
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    (folder / KEY_FILE).rename(folder / "elsewhere")
    with pytest.raises(StorageError, match="the key does not belong to this store"):
        open_store(folder)
    (credentials / KEY_FILE).unlink()
    (folder / "elsewhere").rename(folder / KEY_FILE)
    assert key_of(folder) == key
    assert_whole(folder)


def test_a_credential_is_changed_in_systemd(folder: Path, credentials: Path) -> None:
    give(credentials, KEY_FILE, b"c" * KEY_BYTES)
    with closing(open_store(folder)) as store, pytest.raises(InvalidArgumentError, match="systemd"):
        rotate(store)
    assert_whole(folder)


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    yield


def test_the_names_are_the_documented_ones() -> None:
    assert (keys.NEW, keys.OLD) == ("faceauth.key.new", "faceauth.key.old")
