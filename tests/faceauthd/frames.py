# SPDX-License-Identifier: MIT
"""Observations for the tests of sessions: what a camera at 10 frames a second would show."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceauthd.policy import Policy
from faceauthd.sessions import Template
from models.face import Box
from models.observation import Observation

RATE = 10  # frames a second
DIMENSION = 8
ALICE, BOB, STRANGER = np.eye(DIMENSION, dtype=np.float32)[:3]
BOX = Box(200, 150, 100, 120)
ELSEWHERE = Box(500, 150, 100, 120)
CUES: Mapping[str, Mapping[str, float]] = {"passive": {"m": 0.5}}

Change = Mapping[str, Any]

# One frame each, as changes to a good and live frame of Alice's.
GOOD: Change = {}
STRANGE: Change = {"embedding": STRANGER}
NOT_LIVE: Change = {"liveness": {"m": 0.1}}
NOBODY: Change = {"faces": 0, "box": None, "embedding": None, "liveness": {}}
SMALL: Change = {**NOBODY, "small": 1}
SEVERAL: Change = {**NOBODY, "faces": 2}
DARK: Change = {**NOBODY, "brightness": 20.0}
DARK_FACE: Change = {"brightness": 20.0}
JUMPED: Change = {"box": ELSEWHERE}
AWAY: Change = {"yaw": 0.9}


def frame(index: int, change: Change = GOOD) -> Observation:
    values: dict[str, Any] = {
        "index": index,
        "at": index / RATE,
        "faces": 1,
        "small": 0,
        "brightness": 120.0,
        "size": (640, 480),
        "box": BOX,
        "sharpness": 50.0,
        "yaw": 0.0,
        "embedding": ALICE,
        "liveness": {"m": 0.9},
    }
    return Observation(**{**values, **change})


def frames(changes: Iterable[Change]) -> list[Observation]:
    return [frame(index, change) for index, change in enumerate(changes)]


def between(
    one: NDArray[np.float32], other: NDArray[np.float32], cosine: float
) -> NDArray[np.float32]:
    """A vector of length 1 with this cosine to ``one``, turned towards ``other`` (orthogonal)."""
    return np.asarray(cosine * one + np.sqrt(1 - cosine**2) * other, np.float32)


def template(vector: NDArray[np.float32], user: str, face_id: str = "1") -> Template:
    return Template(face_id, user, f"{user}'s face", vector[np.newaxis])


def policy(**changes: Any) -> Policy:
    values: dict[str, Any] = {
        "service": "test",
        "confirm": "none",
        "fmr": 1e-4,
        "liveness": ("passive",),
        "frames": 4,
        "timeout": 5.0,
        "no_face_timeout": 2.0,
        "dark": 40.0,
        "challenge_steps": 1,
        "challenge_timeout": 5.0,
    }
    return Policy(**{**values, **changes})
