# SPDX-License-Identifier: MIT
"""A backup's key: found again by who may, and by nobody else, whatever the first line says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import store_file
from cli.store_file import (
    KEY_BYTES,
    PRIVATE_PREFIX,
    PUBLIC_PREFIX,
    BackupFileError,
    Identity,
    Passphrase,
    Recipient,
    new_identity,
    read_key,
    spelt,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "SCRYPT", {"n": 2, "r": 8, "p": 1})


def test_the_passphrase_finds_the_key_and_another_does_not() -> None:
    line, key = Passphrase("correct horse").begin()
    assert len(key) == KEY_BYTES
    assert Passphrase("correct horse").key(line) == key
    assert Passphrase("correct horsf").key(line) != key


def test_the_recipient_finds_the_key_and_another_is_told() -> None:
    ours = new_identity()
    line, key = Recipient(ours.public).begin()
    assert ours.key(line) == key
    with pytest.raises(BackupFileError, match="made for another key"):
        new_identity().key(line)


def test_no_two_backups_have_the_same_key() -> None:
    ours = new_identity()
    for way in (Passphrase("correct horse"), Recipient(ours.public)):
        assert way.begin() != way.begin()


def test_a_changed_line_is_another_key() -> None:
    line, key = Passphrase("correct horse").begin()
    assert Passphrase("correct horse").key(line.replace(b", ", b",  ", 1)) != key


def test_the_wrong_kind_of_key_is_named() -> None:
    with pytest.raises(BackupFileError, match="opens with a passphrase"):
        new_identity().key(Passphrase("x").begin()[0])
    with pytest.raises(BackupFileError, match="opens with a recipient's key"):
        Passphrase("x").key(Recipient(new_identity().public).begin()[0])


@pytest.mark.parametrize("n", [1, 4, 2**40])
def test_a_file_cannot_ask_for_more_memory_or_fewer_guesses(n: int) -> None:
    said = json.loads(Passphrase("x").begin()[0])
    said["scrypt"]["n"] = n
    with pytest.raises(BackupFileError, match="another kind"):
        Passphrase("x").key(json.dumps(said).encode())


def test_a_point_that_gives_everybody_the_same_key_is_refused() -> None:
    with pytest.raises(BackupFileError, match="damaged"):
        Recipient(bytes(32)).begin()


def test_keys_are_spelt_and_read() -> None:
    ours = new_identity()
    text = spelt(PRIVATE_PREFIX, ours.private)
    assert read_key(PRIVATE_PREFIX, f"{text}\n") == ours.private
    for wrong in ("", text[:-1], text + "AAAA", text.replace("private", "public"), "x" * 60):
        with pytest.raises(BackupFileError):
            read_key(PRIVATE_PREFIX, wrong)
    assert spelt(PUBLIC_PREFIX, ours.public) != text


@given(st.binary(max_size=200))
def test_nonsense_is_no_backup(line: bytes) -> None:
    for way in (Passphrase("x"), Identity(bytes(range(32)))):
        with pytest.raises(BackupFileError):
            way.key(line)
