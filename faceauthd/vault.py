# SPDX-License-Identifier: MIT
"""The key, and AES-256-GCM over a template.

What is sealed is bound to the identity of its row: a row that is moved to another user, or whose
model or label is changed behind our back, does not open. It cannot be told whether a whole row,
or the whole store, was put back to an older state.

A sealed text is: version byte, 96-bit random nonce, ciphertext, 128-bit tag. Random nonces allow
2^32 seals under one key (NIST SP 800-38D); nobody enrols that often.
"""

import os
import secrets
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faceauthd import private
from faceauthd.results import StorageError

KEY_FILE = "faceauth.key"
KEY_BYTES = 32
DATABASE = "faceauth.db"  # what the key belongs to

_VERSION = b"\x01"
_NONCE_BYTES = 12


class SealError(StorageError):
    """A sealed text does not open: wrong key, changed text or another identity."""


class Vault:
    """Seals texts under one key of 32 bytes; the caller may wipe its own copy of that."""

    def __init__(self, key: bytes | bytearray) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._cipher = AESGCM(key)

    def seal(self, text: bytes, *identity: str | int) -> bytes:
        """The text, encrypted and bound to the identity."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text, _associated(identity))

    def open(self, sealed: bytes, *identity: str | int) -> bytes:
        """The text that was sealed for this identity. Raises SealError."""
        nonce, encrypted = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
            raise SealError("this is not sealed by a version of faceauth that is known here")
        try:
            return self._cipher.decrypt(nonce, encrypted, _associated(identity))
        except InvalidTag:
            raise SealError("this was not sealed by this key for this place") from None


def _associated(identity: tuple[str | int, ...]) -> bytes:
    """One encoding for each identity: a length before each part, so that no two run together."""
    parts = [str(part).encode("utf-8", "surrogatepass") for part in identity]
    return _VERSION + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def load_key(state: Path) -> bytearray:
    """The key: systemd's credential ``faceauth.key``, else the file in the state directory.

    The file is made, once, where there is neither a key nor a store yet; an existing one is never
    replaced. Raises StorageError.
    """
    if given := credential(KEY_FILE):
        return read_key(given, from_root=True)
    private.make_directory(state)
    path = state / KEY_FILE
    if not os.path.lexists(path):
        if os.path.lexists(state / DATABASE):
            raise StorageError(
                f"{path}: the key is missing, and {DATABASE} cannot be read without it; put the "
                "key back, or remove the store and enrol again"
            )
        make_key(path)
    return read_key(path, from_root=False)


def credential(name: str) -> Path | None:
    """systemd's credential of this name, where it was given to us.

    StorageError where that cannot be told: a policy may keep us from the folder, and a store whose
    key is a credential must not go on under a file.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder) / name
    try:
        path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    return path


def read_key(path: Path, *, from_root: bool) -> bytearray:
    """The key in a file, for the caller to wipe."""
    return private.read_secret(path, KEY_BYTES, from_root=from_root)


def make_key(path: Path) -> None:
    """A new key in a file; one that is there stays."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{KEY_FILE}.", dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        private.publish(Path(name), path)
    except OSError as error:
        raise StorageError(f"{path}: cannot make the key: {error.strerror}") from None
