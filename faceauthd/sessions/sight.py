# SPDX-License-Identifier: MIT
"""What one frame shows, and whether it shows the same face as the frame before.

All of it comes from geometry, light and time, never from a score: so do the hints, and they tell
nobody how near they are to being let in.
"""

import math
from collections.abc import Sequence
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from faceauthd.sessions.verdict import CannotJudgeError
from models.face import Box
from models.observation import Observation

TURNED_AWAY = 0.5  # yaw, about -1 to 1, beyond which a face looks elsewhere

# The same face moves little from frame to frame: its boxes overlap, or, where frames are far
# apart, its centre moved no further than a head does.
OVERLAP = 0.3  # intersection over union
SPEED = 2.0  # face widths a second
GROWTH = 2.0  # how much larger or smaller it may become
LONGEST_GAP = 1.0  # seconds; whoever is not seen for longer may be someone else

UNIT_TOLERANCE = 1e-2  # of an embedding's length 1; the engines normalise in float32


class Sight(Enum):
    """What a frame shows. Only FACE is judged: one face, of usable size, bright enough."""

    FACE = auto()
    SEVERAL = auto()
    DARK = auto()
    SMALL = auto()
    NOBODY = auto()


def sight(frame: Observation, dark: float) -> Sight:
    """What the frame shows; below the brightness ``dark`` nothing can be judged."""
    if frame.faces > 1:
        return Sight.SEVERAL
    if frame.brightness < dark:
        return Sight.DARK
    if frame.faces == 1:
        return Sight.FACE
    return Sight.SMALL if frame.small else Sight.NOBODY


def advice(frame: Observation, seen: Sight, *, steady: bool) -> str:
    """What the person in front of the camera should do, as the Progress signal's hint."""
    match seen:
        case Sight.SEVERAL:
            return "one-person-only"
        case Sight.DARK:
            return "too-dark"
        case Sight.SMALL:
            return "move-closer"
        case Sight.NOBODY:
            return "look-at-camera"
    if abs(frame.yaw) > TURNED_AWAY:
        return "look-at-camera"
    return "scanning" if steady else "hold-still"


def followed(before: Observation, now: Observation) -> bool:
    """Whether two frames with a face in each, one after the other, show the same one."""
    gap = now.at - before.at
    if before.box is None or now.box is None or gap > LONGEST_GAP:
        return False
    if before.box.overlap(now.box) >= OVERLAP:
        return True
    widths = before.box.width, now.box.width
    reach = SPEED * gap * sum(widths) / 2
    return max(widths) <= GROWTH * min(widths) and (
        math.dist(before.box.centre, now.box.centre) <= reach
    )


def check_frame(before: Observation | None, now: Observation) -> None:
    """Raise CannotJudgeError unless time goes on and the measures are numbers."""
    if not all(map(math.isfinite, (now.at, now.brightness, now.sharpness, now.yaw))):
        raise CannotJudgeError("a frame's measures are not finite")
    if before is not None and (now.at <= before.at or now.index <= before.index):
        raise CannotJudgeError("the frames' times do not increase")
    if now.faces < 0 or now.small < 0:
        raise CannotJudgeError("a frame has a negative number of faces")


def probe(frame: Observation, dimension: int | None) -> NDArray[np.float32]:
    """The embedding of the frame's one face, (dimension,), of length 1; None allows any dimension.

    Raises CannotJudgeError.
    """
    if frame.box is None or not _is_sound(frame.box):
        raise CannotJudgeError("a face has no box")
    embedding = frame.embedding
    if embedding is None or embedding.ndim != 1:
        raise CannotJudgeError("a face has no embedding")
    if dimension not in (None, len(embedding)):
        raise CannotJudgeError("an embedding's dimension is not the templates'; enrol again")
    # Put so that it also holds for one that is not finite.
    if not abs(float(np.linalg.norm(embedding)) - 1) < UNIT_TOLERANCE:
        raise CannotJudgeError("an embedding's length is not 1")
    return embedding


def mean_direction(embeddings: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(d,) of length 1; it exists, as each embedding is alike to one and the same face."""
    total = np.sum(embeddings, axis=0, dtype=np.float64)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def _is_sound(box: Box) -> bool:
    numbers = (box.x, box.y, box.width, box.height)
    return all(map(math.isfinite, numbers)) and box.width > 0 and box.height > 0
