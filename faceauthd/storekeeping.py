# SPDX-License-Identifier: MIT
"""Rekey, BackupFaces and RestoreFaces: what root does with the store as a whole."""

import os
from collections.abc import Callable

from faceauthd import audit, backup, keys
from faceauthd.arguments import check_file
from faceauthd.bus import Credentials
from faceauthd.calls import Call
from faceauthd.gate import Gate
from faceauthd.names import check_user
from faceauthd.parts import Parts
from faceauthd.results import LARGEST_BACKUP, InvalidArgumentError, StorageError
from faceauthd.store import FaceRecord
from faceauthd.vault import KEY_BYTES, Vault

CHUNK = 1 << 20
FILE = "the backup's file"


class Storekeeping:
    """The handlers of the three methods."""

    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts, self._gate = parts, gate

    def rekey(self, call: Call) -> None:
        def then(caller: Credentials) -> None:
            keys.rotate(self._parts.store)
            audit.store("rekey", caller=caller.uid, faces=len(self._parts.store.all_faces()))
            call.reply()

        self._admit(call, then)

    def backup(self, call: Call) -> None:
        user, key, handle = call.arguments

        def then(caller: Credentials) -> None:
            faces = [face for face in self._faces(user) if not face.damaged]
            _write(call.fd(handle), backup.seal(faces, _vault(key)))
            audit.store("backup", caller=caller.uid, faces=len(faces))
            call.reply(len(faces))

        self._admit(call, then)

    def restore(self, call: Call) -> None:
        user, key, handle = call.arguments

        def then(caller: Credentials) -> None:
            faces = backup.opened(_read(call.fd(handle)), _vault(key))
            wanted = [face for face in faces if user in ("", face.user)]
            added = self._parts.store.restore(wanted)
            for face in added:
                audit.change("restore", user=face.user, caller=caller.uid, face=face.face_id)
            call.reply(len(added), len(wanted) - len(added))

        self._admit(call, then)

    def _faces(self, user: str) -> list[FaceRecord]:
        if not user:
            return self._parts.store.all_faces()
        check_user(user)
        return self._parts.store.faces(user)

    def _admit(self, call: Call, then: Callable[[Credentials], None]) -> None:
        caller = self._gate.caller(call)
        self._gate.admit(call, caller, None, lambda: then(caller))


def _vault(key: list[int]) -> Vault:
    if len(key) != KEY_BYTES:
        raise InvalidArgumentError(f"the key of a backup has {KEY_BYTES} bytes")
    return Vault(bytes(key))


def _write(fd: int, data: bytes) -> None:
    """Put the data where the file's offset is, and on the disk."""
    check_file(fd, FILE, to_write=True)
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(fd, left) :]
        os.fsync(fd)
    except OSError as error:
        raise StorageError(f"the backup cannot be written: {error.strerror}") from None


def _read(fd: int) -> bytes:
    """What is behind the file's offset."""
    check_file(fd, FILE)
    data = bytearray()
    try:
        while part := os.read(fd, CHUNK):
            data += part
            if len(data) > LARGEST_BACKUP:
                raise InvalidArgumentError("this is too large for a backup")
    except OSError as error:
        raise StorageError(f"the backup cannot be read: {error.strerror}") from None
    return bytes(data)
