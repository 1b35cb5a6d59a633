# SPDX-License-Identifier: MIT
"""The store with its key: opened at the start, given another key, and never without either.

A change of the key file goes in three steps: the new key is on the disk as ``faceauth.key.new``;
all is sealed anew in one transaction; the new file takes the old one's place. What was interrupted
is picked up at the next start, by which of the two keys opens the store.

A credential is systemd's, and is changed there: the daemon starts with the new one as
``faceauth.key`` and finds the old one as ``faceauth.key.old``, or in the key file; then it seals
all anew, once. Copies that a migration kept are under the old key, and go with it. A key file that
was to be wiped then, and is still there, is wiped at the next start.

No key is destroyed but one that the store was under until its present one, which the store itself
knows: a key that opens nothing here may be that of a store which somebody put aside.
"""

import logging
import os
from pathlib import Path

from faceauthd import migrations, private
from faceauthd.results import InvalidArgumentError, StorageError
from faceauthd.store import Store, WrongKeyError
from faceauthd.vault import (
    DATABASE,
    KEY_FILE,
    Vault,
    credential,
    load_key,
    make_key,
    read_key,
)

NEW = f"{KEY_FILE}.new"
OLD = f"{KEY_FILE}.old"  # the name of a credential
log = logging.getLogger(__name__)


def open_store(state: Path) -> Store:
    """The store in the state directory, under the key that it is to have. Raises StorageError."""
    vault = _vault(load_key(state))
    try:
        store = Store(state, vault)
    except WrongKeyError as error:
        store, key = _opened_with_another(state, error)
        if credential(KEY_FILE):
            store.rekey(vault)
            log.info("the store is under the key of the credential now")
            _retire(state, key)
        else:
            _finish(state)
    else:
        if credential(KEY_FILE):
            _retire_what_was_left(store)
    return store


def rotate(store: Store) -> None:
    """Put the store under a new key in the key file. Raises StorageError, and nothing is lost."""
    if credential(KEY_FILE):
        raise InvalidArgumentError(
            "the key is a credential of systemd's: change it there (docs/store.md says how)"
        )
    new = store.directory / NEW
    try:
        _settle(store.directory)
        new.unlink(missing_ok=True)
        make_key(new)
        store.rekey(_vault(read_key(new, from_root=False)))
        _finish(store.directory)
    except OSError as error:
        raise StorageError(f"{new}: {error.strerror}; start faceauthd again") from None


def _settle(state: Path) -> None:
    """Finish a change that was interrupted: its new key may be all that opens the store."""
    if not os.path.lexists(state / NEW):
        return
    try:
        Store(state, _vault(read_key(state / KEY_FILE, from_root=False))).close()
    except WrongKeyError:
        _finish(state)


def _opened_with_another(state: Path, error: WrongKeyError) -> tuple[Store, Path]:
    """The store, under a key that it still has, or has already; and the file of that."""
    old = credential(OLD) if credential(KEY_FILE) else None
    kept = [(old, True)] if old else []
    kept += [(path, False) for path in _key_files(state)]
    for path, from_root in kept:
        try:
            return Store(state, _vault(read_key(path, from_root=from_root))), path
        except WrongKeyError:
            continue
    raise error


def _finish(state: Path) -> None:
    """The last step: the new key file takes the old one's place."""
    try:
        private.replace(state / NEW, state / KEY_FILE)
    except OSError as error:
        raise StorageError(f"{state / NEW}: it cannot be renamed: {error.strerror}") from None
    _drop_copies(state)


def _retire(state: Path, key: Path) -> None:
    """Destroy what is left of the key that the store was under until its credential.

    ``key`` is its file, and goes last: as long as it is there, the next start can go on.
    """
    _drop_copies(state)
    if key.parent == state:
        for path in sorted(_key_files(state), key=key.__eq__):
            _wipe(path)


def _retire_what_was_left(store: Store) -> None:
    """Go on where an earlier start sealed all under its credential, and died before it was done."""
    for path in _key_files(store.directory):
        try:
            key = read_key(path, from_root=False)
        except StorageError:
            continue  # whatever it is, it is no key of ours
        wiped = not any(key)
        if wiped or store.was_under(_vault(key)):
            log.info("%s: the store is under the credential; what was left of it is wiped", path)
            _wipe(path) if wiped else _retire(store.directory, path)


def _key_files(state: Path) -> list[Path]:
    return [path for name in (NEW, KEY_FILE) if os.path.lexists(path := state / name)]


def _drop_copies(state: Path) -> None:
    for path in migrations.copies(state / DATABASE):
        _wipe(path)


def _wipe(path: Path) -> None:
    try:
        private.wipe(path)
    except OSError as error:
        log.warning("%s is no longer used, and cannot be wiped: %s", path, error.strerror)


def _vault(key: bytearray) -> Vault:
    """A vault of the key, which is wiped: the cipher has its own copy, and none else is left."""
    try:
        return Vault(key)
    finally:
        key[:] = bytes(len(key))
