# SPDX-License-Identifier: MIT
"""Many enrolled people: what their number costs one who logs in, and one who is searched for."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceauthd.config import Config
from faceauthd.policy import for_service
from faceauthd.sessions import Template, VerifySession
from faceauthd.sessions.gallery import Gallery
from faceauthd.store import COLUMNS, FaceRecord, Store
from faceauthd.vault import Vault
from tests.bench.times import Figures, typical

SIZES = (10, 1_000, 100_000)
DIMENSION = 128
RUNS = 100


def galleries(folder: Path, sizes: tuple[int, ...] = SIZES) -> Figures:
    """By the number of templates: milliseconds."""
    return {str(size): measured(folder / str(size), size) for size in sizes}


def measured(folder: Path, size: int) -> Figures:
    rng = np.random.default_rng(size)
    vectors = rng.normal(size=(size, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = Store(folder, Vault(bytes(32)))
    try:
        fill(store, vectors)
        user = f"user{size // 2}"
        gallery, probe = everybody(store), vectors[size // 2]
        return {
            "verification, up to its first frame": typical(begin(store, user), RUNS),
            "identification, up to its first frame": typical(lambda: everybody(store), 1),
            "identification, each frame": typical(lambda: gallery.likeness(probe, 0.9), RUNS),
        }
    finally:
        store.close()


def begin(store: Store, user: str) -> Callable[[], VerifySession]:
    policy = for_service(Config(), "")
    cues = {"passive": {"m": 0.5}}
    return lambda: VerifySession(policy, templates(store.faces(user)), 0.4, cues, 0.5)


def everybody(store: Store) -> Gallery:
    """Decrypted for a scan and forgotten with it; none is kept."""
    return Gallery(templates(store.all_faces()))


def templates(faces: Sequence[FaceRecord]) -> list[Template]:
    return [Template(face.face_id, face.user, face.label, face.vectors) for face in faces]


def fill(store: Store, vectors: NDArray[np.float32]) -> None:
    """One template a user, in one transaction: add_face waits for the disk each time."""
    with store._database.transaction():
        for number, vector in enumerate(vectors):
            face = FaceRecord(
                f"{number:016x}", f"user{number}", "face 1", "bench", "bench-1", "", 0, vector[None]
            )
            store._database.rows(
                f"INSERT INTO face ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                *face.identity,
                store._seal(face),
            )
