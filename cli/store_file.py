# SPDX-License-Identifier: MIT
"""A backup's file: one line that says how its key is found, then what the daemon sealed under it.

    {"faceauth-backup": 1, "scrypt": {"salt": …, "n": 131072, "r": 8, "p": 1}}
    {"faceauth-backup": 1, "x25519": {"recipient": …, "ephemeral": …}}

The key comes from a passphrase (scrypt, RFC 7914) or from an agreement with a recipient's key
(X25519, RFC 7748), in both cases through HKDF-SHA256 (RFC 5869) with the line itself in it: a line
that was changed gives another key, and the backup does not open. Nothing here knows a template.
"""

import base64
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

FORMAT = "faceauth-backup"
VERSION = 1
KEY_BYTES = 32
LONGEST_LINE = 1024  # bytes
# Half a second and 128 MiB for each guess; what a file asks for beyond that is refused.
SCRYPT = {"n": 2**17, "r": 8, "p": 1}
PUBLIC_PREFIX, PRIVATE_PREFIX = "faceauth-public-", "faceauth-private-"


class BackupFileError(ValueError):
    """This is no backup, or not for this key; the text is one line."""


@dataclass(frozen=True)
class Passphrase:
    """A way to a backup's key: whoever knows the passphrase."""

    text: str

    def begin(self) -> tuple[bytes, bytes]:
        """A new backup's first line, and its key."""
        salt = os.urandom(16)
        line = _line({"scrypt": {"salt": _encoded(salt), **SCRYPT}})
        return line, self.key(line)

    def key(self, line: bytes) -> bytes:
        """The key of the backup that begins with this line."""
        how = _how(line, "scrypt", {"salt", *SCRYPT})
        if {name: how[name] for name in SCRYPT} != SCRYPT:
            raise BackupFileError("this backup asks for another kind of passphrase key")
        secret = Scrypt(salt=_decoded(how["salt"], 16), length=KEY_BYTES, **SCRYPT).derive(
            self.text.encode("utf-8", "surrogateescape")  # a file's may be in any encoding
        )
        return _derived(secret, line)


@dataclass(frozen=True)
class Recipient:
    """A way to a new backup's key: for whoever has the private key of this public one."""

    public: bytes

    def begin(self) -> tuple[bytes, bytes]:
        """A new backup's first line, and its key."""
        ephemeral = X25519PrivateKey.generate()
        ours = ephemeral.public_key().public_bytes_raw()
        line = _line({"x25519": {"recipient": _encoded(self.public), "ephemeral": _encoded(ours)}})
        return line, _derived(_agreed(ephemeral, self.public), line)


@dataclass(frozen=True)
class Identity:
    """A way to a backup's key: the private key that it was made for."""

    private: bytes

    @property
    def public(self) -> bytes:
        return X25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()

    def key(self, line: bytes) -> bytes:
        """The key of the backup that begins with this line."""
        how = _how(line, "x25519", {"recipient", "ephemeral"})
        if _decoded(how["recipient"], 32) != self.public:
            raise BackupFileError("this backup was made for another key")
        ours = X25519PrivateKey.from_private_bytes(self.private)
        return _derived(_agreed(ours, _decoded(how["ephemeral"], 32)), line)


def new_identity() -> Identity:
    """A key pair of one's own."""
    return Identity(X25519PrivateKey.generate().private_bytes_raw())


def spelt(prefix: str, key: bytes) -> str:
    """A key as people pass it on; ``read_key`` reads it."""
    return prefix + _encoded(key)


def read_key(prefix: str, text: str) -> bytes:
    """The key of this kind in a text."""
    if not text.startswith(prefix):
        raise BackupFileError(f"this is no key: it must begin with {prefix}")
    return _decoded(text.removeprefix(prefix).strip(), 32)


def _line(how: dict[str, Any]) -> bytes:
    return json.dumps({FORMAT: VERSION, **how}).encode() + b"\n"


def _how(line: bytes, kind: str, names: set[str]) -> dict[str, Any]:
    """What the line says of this kind of key."""
    try:
        said = json.loads(line)
        version, how = said[FORMAT], said.get(kind)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BackupFileError("this is no backup of faceauth") from None
    if version != VERSION:
        raise BackupFileError("this backup was made by a newer faceauth")
    if how is None:
        other = "a recipient's key (--identity)" if kind == "scrypt" else "a passphrase"
        raise BackupFileError(f"this backup opens with {other}")
    if not isinstance(how, dict) or set(how) != names:
        raise BackupFileError("this is no backup of faceauth")
    return how


def _agreed(private: X25519PrivateKey, public: bytes) -> bytes:
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except (ValueError, InvalidKey):  # a point of small order
        raise BackupFileError("this backup, or its key, is damaged") from None


def _derived(secret: bytes, line: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=line).derive(secret)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: object, size: int) -> bytes:
    data = b""
    if isinstance(text, str):
        padded = text + "=" * (-len(text) % 4)
        with suppress(ValueError):
            data = base64.b64decode(padded, altchars=b"-_", validate=True)
    if len(data) != size:
        raise BackupFileError("this backup, or its key, is damaged")
    return data
