# SPDX-License-Identifier: MIT
"""The store: enrolled faces, sealed by the vault, and each user's lockout.

What was reported as stored is on the disk; what died half way was never there. A damaged face is
reported as damaged and never compared, and the others still work. Errors that are not the
caller's are ``StorageError`` of one line. One process, one thread.
"""

import secrets
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceauthd import migrations, private
from faceauthd.database import Database
from faceauthd.lockout import Lockout, Moment
from faceauthd.names import check_label, check_user, free_label, new_label
from faceauthd.results import InvalidArgumentError, NotEnrolledError, StorageError
from faceauthd.vault import DATABASE, SealError, Vault

MOST_EVENTS = 10_000
OWN = -1  # a lockout's caller: the user themself, or root for them

COLUMNS = "face_id, user, label, engine, model, camera, created, sealed"
KEY_CHECK = "key check"  # what the text is bound to by which a wrong key is found out
SHAPE = struct.Struct("<II")  # rows and columns, before the numbers of a sealed template


@dataclass(frozen=True, eq=False)
class FaceRecord:
    """One enrolled face.

    ``created`` is in seconds since 1970. ``vectors`` is (k, d) float32, each row of length 1; it
    has no rows where the face is damaged.
    """

    face_id: str
    user: str
    label: str
    engine: str
    model: str
    camera: str
    created: int
    vectors: NDArray[np.float32]

    @property
    def damaged(self) -> bool:
        """Whether the stored template was changed or moved: it is never compared."""
        return len(self.vectors) == 0

    @property
    def identity(self) -> tuple[str | int, ...]:
        """What the sealed template is bound to."""
        return (
            self.face_id,
            self.user,
            self.label,
            self.engine,
            self.model,
            self.camera,
            self.created,
        )


class WrongKeyError(StorageError):
    """The store is under another key."""


class Store:
    """The faces and lockouts in a folder, which is made where it is missing."""

    def __init__(self, directory: Path, vault: Vault) -> None:
        """Open or make the store. Raises StorageError, also where the key is not this store's."""
        private.make_directory(directory)
        self.directory = directory
        self._vault = vault
        # By user and caller, what the disk did not take: or who can fill it had tries without end.
        self._unwritten: dict[tuple[str, int], Lockout] = {}
        self._database = Database(directory / DATABASE, vault.seal(b"", KEY_CHECK))
        try:
            ((sealed,),) = self._database.rows("SELECT sealed FROM key_check")
            self._former = vault.open(sealed, KEY_CHECK)
        except (ValueError, SealError):
            self._database.close()
            raise WrongKeyError(
                f"{directory / DATABASE}: the key does not belong to this store; put the right key "
                "back, or remove the store and enrol again"
            ) from None

    def close(self) -> None:
        self._database.close()

    def rekey(self, vault: Vault) -> None:
        """Seal everything anew under another key, or nothing; damaged faces are left as they are.

        Pages under the old key are written over, as far as the disk allows. Which key that was can
        be asked of the store from then on (``was_under``).
        """
        old, faces = self._vault, self.all_faces()
        former = old.seal(b"", KEY_CHECK)
        try:
            with self._database.transaction():
                self._vault = vault
                check = vault.seal(former, KEY_CHECK)
                self._database.rows("UPDATE key_check SET sealed = ?", check)
                for face in (face for face in faces if not face.damaged):
                    self._database.rows(
                        "UPDATE face SET sealed = ? WHERE face_id = ?",
                        self._seal(face),
                        face.face_id,
                    )
        except BaseException:
            self._vault = old
            raise
        self._former = former
        self._database.wipe()

    def was_under(self, vault: Vault) -> bool:
        """Whether the store was under this key before its present one, and no face still is."""
        try:
            vault.open(self._former, KEY_CHECK)
        except SealError:
            return False
        rows = self._database.rows(f"SELECT {COLUMNS} FROM face")  # noqa: S608
        return not any(len(_template(vault, *row)) for row in rows)

    def restore(self, faces: Iterable[FaceRecord]) -> list[FaceRecord]:
        """Store faces of a backup, all or none; those that were added.

        A face that is here already stays as it is. A label that another face has gets a number.
        """
        added = []
        with self._database.transaction():
            known = {face_id for (face_id,) in self._database.rows("SELECT face_id FROM face")}
            for face in faces:
                if face.face_id not in known:
                    free = replace(face, label=free_label(face.label, self._labels(face.user)))
                    self._insert(free)
                    added.append(free)
        return added

    def add_face(
        self,
        user: str,
        label: str,
        *,
        engine: str,
        model: str,
        camera: str,
        vectors: NDArray[np.float32],
    ) -> FaceRecord:
        """Store a face; an empty label becomes "face N". A user's labels differ.

        ``vectors`` is (k, d) float32 with k >= 1, all finite. Raises InvalidArgumentError.
        """
        check_user(user)
        if label:
            check_label(label)
        if vectors.ndim != 2 or vectors.size == 0 or not np.isfinite(vectors).all():
            raise InvalidArgumentError("the template is not a table of finite numbers")
        with self._database.transaction():
            labels = self._labels(user)
            record = FaceRecord(
                face_id=secrets.token_hex(8),
                user=user,
                label=new_label(label, labels),
                engine=engine,
                model=model,
                camera=camera,
                created=int(time.time()),
                vectors=vectors.astype(np.float32),
            )
            self._insert(record)
        return record

    def _insert(self, face: FaceRecord) -> None:
        self._database.rows(
            f"INSERT INTO face ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            *face.identity,
            self._seal(face),
        )

    def faces(self, user: str) -> list[FaceRecord]:
        """The user's faces, oldest first; damaged ones too."""
        check_user(user)
        return self._select("WHERE user = ? ORDER BY rowid", user)

    def all_faces(self) -> list[FaceRecord]:
        """Everybody's faces, oldest first; damaged ones too."""
        return self._select("ORDER BY rowid")

    def rename_face(self, user: str, face_id: str, label: str) -> None:
        """Give a face another label. A damaged one can only be removed."""
        check_user(user)
        check_label(label)
        with self._database.transaction():
            face = self._one(user, face_id)
            if face.damaged:
                raise StorageError("this face is damaged; remove it and enrol again")
            if face.label == label:
                return
            renamed = replace(face, label=new_label(label, self._labels(user)))
            self._database.rows(
                "UPDATE face SET label = ?, sealed = ? WHERE face_id = ?",
                label,
                self._seal(renamed),
                face_id,
            )

    def remove_face(self, user: str, face_id: str) -> None:
        """Remove one face, damaged or not."""
        check_user(user)
        with self._database.transaction():
            self._one(user, face_id)
            self._database.rows("DELETE FROM face WHERE user = ? AND face_id = ?", user, face_id)
        self._wipe_deleted()

    def clear_faces(self, user: str) -> int:
        """Remove all faces of the user; how many there were."""
        check_user(user)
        with self._database.transaction():
            gone = self._database.rows("DELETE FROM face WHERE user = ? RETURNING 1", user)
        self._wipe_deleted()
        return len(gone)

    def _wipe_deleted(self) -> None:
        """Take it out of the write-ahead log, and away with the copies that an upgrade kept."""
        self._database.wipe()
        for path in migrations.copies(self.directory / DATABASE):
            try:
                private.wipe(path)
            except OSError as error:
                raise StorageError(
                    f"it is removed, but not from the copy {path}: {error.strerror}"
                ) from None

    def user_count(self) -> int:
        """How many users have a face."""
        ((count,),) = self._database.rows("SELECT COUNT(DISTINCT user) FROM face")
        return int(count)

    def get_lockout(self, user: str, caller: int = OWN) -> Lockout:
        """The user's refusals in a row; a clean slate where nothing is stored.

        ``caller`` is the uid of the other user who asked, or OWN: the user, or root for them.
        """
        check_user(user)
        if unwritten := self._unwritten.get((user, caller)):
            return unwritten
        rows = self._database.rows(
            "SELECT failures, boot, seconds FROM lockout WHERE user = ? AND caller = ?",
            user,
            caller,
        )
        return next((Lockout(n, Moment(boot, seconds)) for n, boot, seconds in rows), Lockout())

    def set_lockout(self, user: str, lockout: Lockout, caller: int = OWN) -> None:
        """Store the user's refusals in a row; until the next start they count in any case."""
        check_user(user)
        self._unwritten[user, caller] = lockout
        with self._database.transaction():
            self._database.rows(
                "REPLACE INTO lockout (user, caller, failures, boot, seconds) "
                "VALUES (?, ?, ?, ?, ?)",
                user,
                caller,
                lockout.failures,
                lockout.last.boot,
                lockout.last.seconds,
            )
        self._unwritten.pop((user, caller), None)

    def clear_lockouts(self, user: str) -> None:
        """A clean slate for the user, whoever had them scanned."""
        check_user(user)
        with self._database.transaction():
            self._database.rows("DELETE FROM lockout WHERE user = ?", user)
        self._forget_unwritten(user)

    def _forget_unwritten(self, user: str) -> None:
        for key in [key for key in self._unwritten if key[0] == user]:
            del self._unwritten[key]

    def last_password(self, user: str) -> Moment | None:
        """When the user last gave their password; None where that was never."""
        check_user(user)
        rows = self._database.rows("SELECT boot, seconds FROM password WHERE user = ?", user)
        return next((Moment(boot, seconds) for boot, seconds in rows), None)

    def password_given(self, user: str, when: Moment) -> None:
        """The user has given their password: remember it, and start the lockouts afresh."""
        check_user(user)
        with self._database.transaction():
            self._database.rows(
                "REPLACE INTO password (user, boot, seconds) VALUES (?, ?, ?)",
                user,
                when.boot,
                when.seconds,
            )
            self._database.rows("DELETE FROM lockout WHERE user = ?", user)
        self._forget_unwritten(user)

    def add_event(self, at: int, user: str, fields: str) -> None:
        """Keep an event, at a time in seconds since 1970; of too many the oldest is forgotten."""
        with self._database.transaction():
            self._database.rows(
                "INSERT INTO event (at, user, fields) VALUES (?, ?, ?)", at, user, fields
            )
            self._database.rows(
                "DELETE FROM event WHERE id <= (SELECT MAX(id) FROM event) - ?", MOST_EVENTS
            )

    def events(self, user: str | None, since: int, most: int) -> list[tuple[int, str]]:
        """The last events of a user (None: of everybody), oldest first: times and fields."""
        whose, values = ("", []) if user is None else ("user = ? AND ", [user])
        rows = self._database.rows(
            f"SELECT at, fields FROM event WHERE {whose} at >= ? "  # noqa: S608
            "ORDER BY id DESC LIMIT ?",
            *(*values, since, most),
        )
        return [(at, fields) for at, fields in reversed(rows)]

    def _labels(self, user: str) -> set[str]:
        return {
            label for (label,) in self._database.rows("SELECT label FROM face WHERE user = ?", user)
        }

    def _one(self, user: str, face_id: str) -> FaceRecord:
        # An id from the bus may be any text; SQLite takes only what is valid Unicode.
        if not face_id.isascii() or not (
            found := self._select("WHERE user = ? AND face_id = ?", user, face_id)
        ):
            raise NotEnrolledError("there is no such face")
        return found[0]

    def _select(self, which: str, *values: object) -> list[FaceRecord]:
        rows = self._database.rows(f"SELECT {COLUMNS} FROM face {which}", *values)  # noqa: S608
        return [self._opened(*row) for row in rows]

    def _opened(self, *row: Any) -> FaceRecord:
        """The face in a row of COLUMNS, which are its identity and the sealed template."""
        face_id, user, label, engine, model, camera, created, _ = row
        vectors = _template(self._vault, *row)
        return FaceRecord(face_id, user, label, engine, model, camera, created, vectors)

    def _seal(self, face: FaceRecord) -> bytes:
        return self._vault.seal(_packed(face.vectors), *face.identity)


def _packed(vectors: NDArray[np.float32]) -> bytes:
    return SHAPE.pack(*vectors.shape) + vectors.astype("<f4").tobytes()


def _template(vault: Vault, *row: Any) -> NDArray[np.float32]:
    """The template in a row of COLUMNS; one without rows where it does not open."""
    try:
        return _unpacked(vault.open(row[-1], *row[:-1]))
    except SealError:
        return np.empty((0, 0), np.float32)


def _unpacked(text: bytes) -> NDArray[np.float32]:
    """What _packed made; it is authentic, since the vault opened it."""
    numbers = np.frombuffer(text, "<f4", offset=SHAPE.size)
    return numbers.reshape(SHAPE.unpack_from(text)).astype(np.float32)
