# SPDX-License-Identifier: MIT
"""The vault: what is sealed opens with the same key for the same identity, and not otherwise."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceauthd.results import StorageError
from faceauthd.vault import DATABASE, KEY_BYTES, KEY_FILE, SealError, Vault, load_key

KEY = bytes(range(KEY_BYTES))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to another user")

IDENTITIES = st.lists(st.one_of(st.text(max_size=8), st.integers(0, 2**40)), max_size=4)


@given(st.binary(max_size=64), IDENTITIES)
def test_what_is_sealed_opens(text: bytes, identity: list[str | int]) -> None:
    vault = Vault(KEY)
    assert vault.open(vault.seal(text, *identity), *identity) == text


@given(IDENTITIES, IDENTITIES)
def test_it_opens_for_no_other_identity(ours: list[str | int], other: list[str | int]) -> None:
    if [str(part) for part in ours] == [str(part) for part in other]:
        return
    with pytest.raises(SealError):
        Vault(KEY).open(Vault(KEY).seal(b"text", *ours), *other)


def test_parts_of_an_identity_do_not_run_together() -> None:
    sealed = Vault(KEY).seal(b"text", "alice", "laptop")
    for other in (
        ("alicelaptop",),
        ("alice", "lap", "top"),
        ("alicel", "aptop"),
        ("laptop", "alice"),
    ):
        with pytest.raises(SealError):
            Vault(KEY).open(sealed, *other)


def test_every_changed_byte_is_noticed() -> None:
    sealed = Vault(KEY).seal(b"text", "alice")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealError):
            Vault(KEY).open(bytes(changed), "alice")
    for length in range(len(sealed)):
        with pytest.raises(SealError):
            Vault(KEY).open(sealed[:length], "alice")


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(SealError, match="not sealed by this key"):
        Vault(bytes(KEY_BYTES)).open(Vault(KEY).seal(b"text"))


def test_the_same_text_is_never_sealed_the_same() -> None:
    assert len({Vault(KEY).seal(b"text") for _ in range(100)}) == 100


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="a key has 32 bytes"):
        Vault(bytes(length))


# The key's file


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    state = tmp_path / "state"
    key = load_key(state)
    assert len(key) == KEY_BYTES
    assert key != load_key(tmp_path / "another")
    assert load_key(state) == key
    assert [path.name for path in state.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / KEY_FILE).stat().st_mode) == 0o600


def test_two_who_make_a_key_at_once_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one finishes between our look whether there is a key and our making it."""
    first = load_key(tmp_path)
    monkeypatch.setattr(os.path, "lexists", lambda _path: False)
    assert load_key(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_store_without_its_key_gets_no_new_one(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    with pytest.raises(StorageError, match="the key is missing, and faceauth"):
        load_key(tmp_path)
    assert not (tmp_path / KEY_FILE).exists()


def refused(state: Path) -> str:
    with pytest.raises(StorageError) as caught:
        load_key(state)
    return str(caught.value).removeprefix(f"{state}/{KEY_FILE}: ")


def key_file(state: Path, content: bytes = KEY, mode: int = 0o600) -> Path:
    path = state / KEY_FILE
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("length", [0, 31, 33, 10_000])
def test_a_key_file_of_another_size_is_refused_and_left(tmp_path: Path, length: int) -> None:
    path = key_file(tmp_path, bytes(length))
    assert refused(tmp_path) == "this is no key: it must have 32 bytes"
    assert path.read_bytes() == bytes(length)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    key_file(tmp_path, mode=mode)
    assert refused(tmp_path) == f"its mode is {mode:04o}, so others may use it; it must be 0600"


def test_a_link_is_no_key(tmp_path: Path) -> None:
    real = key_file(tmp_path)
    link = tmp_path / "state"
    link.mkdir()
    (link / KEY_FILE).symlink_to(real)
    assert "cannot read it" in refused(link)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir()
    assert "Is a directory" in refused(tmp_path)


@as_root
def test_a_stranger_s_key_is_refused(tmp_path: Path) -> None:
    os.chown(key_file(tmp_path), 65534, 65534)
    assert refused(tmp_path) == "owned by uid 65534, not by uid 0"


@as_root
def test_a_stranger_s_folder_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    with pytest.raises(StorageError, match="owned by uid 65534, not by uid 0"):
        load_key(state)


def test_a_folder_of_other_things_is_not_shut_to_others(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    (state / "bin").mkdir()
    with pytest.raises(StorageError, match="name a folder for faceauth alone"):
        load_key(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o755
    assert [path.name for path in state.iterdir()] == ["bin"]


def test_a_loose_folder_of_ours_is_tightened(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    load_key(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(StorageError, match="this must be a folder, and no link"):
        load_key(link)


# systemd's credential


def test_the_credential_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, credentials = tmp_path / "state", tmp_path / "credentials"
    credentials.mkdir()
    # systemd lets the service read it by an access control list, which shows as a group's right.
    key_file(credentials, mode=0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert load_key(state) == KEY
    assert not state.exists(), "no second key lies about"


def test_a_folder_of_credentials_that_cannot_be_looked_into_is_no_folder_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that a policy keeps the daemon from; a root's test is kept from nothing."""
    (tmp_path / "credentials").write_text("no folder")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    with pytest.raises(StorageError, match=r"credentials/faceauth\.key: Not a directory"):
        load_key(tmp_path / "state")
    assert not (tmp_path / "state").exists(), "no key was made in its place"


def test_other_credentials_alone_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load_key(tmp_path / "state") == load_key(tmp_path / "state")


def test_a_credential_that_all_can_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file(tmp_path, mode=0o444)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(StorageError, match="its mode is 0444"):
        load_key(tmp_path / "state")
