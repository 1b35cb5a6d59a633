# SPDX-License-Identifier: MIT
"""What a session is given, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceauthd.results import Result


class CannotJudgeError(Exception):
    """What a session was given makes no sense, so it ends in an error; the text is one line."""


@dataclass(frozen=True, eq=False)
class Template:
    """One enrolled face, to compare with. ``vectors`` is (k, d) float32, each row of length 1."""

    face_id: str
    user: str
    label: str
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Verdict:
    """How a verification ended.

    reason    one line for people; it holds no score
    frames    how many frames were looked at
    score     median similarity of the last judged frames; 0 where none was judged
    threshold the similarity that a good frame reaches
    liveness  liveness model id -> the median probability that was, or would have been, decisive
    face_id   the enrolled face, its label and its user; empty unless the result is match
    """

    result: Result
    reason: str
    frames: int = 0
    score: float = 0.0
    threshold: float = 0.0
    liveness: Mapping[str, float] = field(default_factory=dict)
    face_id: str = ""
    label: str = ""
    user: str = ""


@dataclass(frozen=True, eq=False)
class Enrolment:
    """How an enrolment ended.

    vectors  (k, d) float32, each row of length 1, row 0 the mean; None where it failed
    reason   one line for people: why it failed; empty otherwise
    frames   how many frames were used
    """

    vectors: NDArray[np.float32] | None
    reason: str = ""
    frames: int = 0
