# SPDX-License-Identifier: MIT
"""``EnrollSession``: good frames of one person in, a template out.

A frame is used when it shows exactly one face, near, bright and sharp enough and not turned away,
that is the person of the frames before. Frames need not follow each other, so that single
pictures will do: the embeddings themselves must agree, each with their mean, at a threshold.
Where too many do not, there was more than one person, and nothing is enrolled.
"""

import statistics
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from faceauthd.sessions.sight import (
    TURNED_AWAY,
    Sight,
    advice,
    check_frame,
    mean_direction,
    probe,
    sight,
)
from faceauthd.sessions.verdict import CannotJudgeError, Enrolment
from models.observation import Observation

# A blurred face is one that is much less sharp than this scan's usual one; what is usual depends
# on the camera, so there is no absolute measure.
SHARP_ENOUGH = 0.5

# A source that ends, as a folder of pictures does, may have fewer frames than were asked for.
FEWEST = 3

# Below this spread of the yaw after half of the frames, the person is asked to turn a little: a
# template of one pose alone refuses its owner in another.
POSE_SPREAD = 0.15

MISSED: Mapping[Sight, str] = {
    Sight.SEVERAL: "there was more than one face",
    Sight.DARK: "it was too dark",
    Sight.SMALL: "the face was too far away",
    Sight.NOBODY: "there was no face",
}


class EnrollSession:
    """``enrolment`` is the answer once there is one; the first answer stays.

    ``hint`` is what the person should do now, ``fraction`` how far it is, 0 to 1. ``every`` is 0:
    each frame needs its embedding, and its mirror image's.
    """

    every = 0.0
    once = False

    def __init__(self, frames: int, dark: float, consistency: float) -> None:
        """
        frames       how many good frames make a template
        dark         mean brightness 0-255 below which a face is not used
        consistency  the cosine, above 0 and up to 1, that one person's frames reach with their mean
        """
        if frames < 1 or not 0 < consistency <= 1:
            raise ValueError("an enrolment takes frames, and a consistency that could refuse")
        self.enrolment: Enrolment | None = None
        self.hint = "scanning"
        self._frames = frames
        self._dark = dark
        self._consistency = consistency
        self._before: Observation | None = None
        self._used: list[NDArray[np.float32]] = []
        self._yaws: list[float] = []
        self._sharpness: list[float] = []
        self._strangers = 0
        self._missed: Counter[str] = Counter()  # frames that were not used, by what they showed

    @property
    def fraction(self) -> float:
        return len(self._used) / self._frames

    def feed(self, frame: Observation) -> Enrolment | None:
        """Look at one more frame; how the enrolment ended, once it has."""
        if self.enrolment is None:
            try:
                self.enrolment = self._look(frame)
            except CannotJudgeError as error:
                self.enrolment = self._failure(str(error))
        return self.enrolment

    def expire(self) -> Enrolment:
        """The deadline has come."""
        if self.enrolment is None:
            self.enrolment = self._too_few()
        return self.enrolment

    def ended(self, why: str) -> Enrolment:
        """The source has ended: "end" suffices with a few frames, anything else fails."""
        if self.enrolment is None:
            if why == "end":
                enough = len(self._used) >= min(FEWEST, self._frames)
                self.enrolment = self._finish() if enough else self._too_few()
            else:
                self.enrolment = self._failure("the camera stopped before it was done")
        return self.enrolment

    def _look(self, frame: Observation) -> Enrolment | None:
        check_frame(self._before, frame)
        self._before = frame
        seen = sight(frame, self._dark)
        self.hint = advice(frame, seen, steady=True)
        if seen is not Sight.FACE:
            self._missed[MISSED[seen]] += 1
            return None
        if abs(frame.yaw) > TURNED_AWAY:
            self._missed["the face was turned away"] += 1
            return None
        if self._is_blurred(frame):
            self.hint = "hold-still"
            self._missed["the face was blurred"] += 1
            return None
        return self._use(frame, probe(frame, len(self._used[0]) if self._used else None))

    def _is_blurred(self, frame: Observation) -> bool:
        self._sharpness.append(frame.sharpness)
        return frame.sharpness < SHARP_ENOUGH * statistics.median(self._sharpness)

    def _use(self, frame: Observation, embedding: NDArray[np.float32]) -> Enrolment | None:
        if self._used and float(embedding @ mean_direction(self._used)) < self._consistency:
            self._strangers += 1
            if self._strangers > max(self._frames // 2, 1):
                return self._failure("the frames show more than one person")
            if len(self._used) > 1:
                return None
            # One against one: the first frame may be the odd one, so begin again with this.
            self._used, self._yaws = [], []
        self._used.append(embedding)
        self._yaws.append(frame.yaw)
        if len(self._used) >= self._frames:
            return self._finish()
        half = 2 * len(self._used) >= self._frames
        if half and max(self._yaws) - min(self._yaws) < POSE_SPREAD:
            self.hint = "turn-a-little"
        return None

    def _finish(self) -> Enrolment:
        template = mean_direction(self._used)
        # A mean that drifted from one face to another is neither's.
        if min(float(embedding @ template) for embedding in self._used) < self._consistency:
            return self._failure("the frames show more than one person")
        return Enrolment(template[np.newaxis], frames=len(self._used))

    def _too_few(self) -> Enrolment:
        used = f"only {len(self._used)} of {self._frames} frames could be used"
        if self._strangers > self._missed.total():
            return self._failure(f"{used}: the frames show more than one person")
        if self._missed:
            return self._failure(f"{used}: {self._missed.most_common(1)[0][0]}")
        return self._failure(used)

    def _failure(self, reason: str) -> Enrolment:
        return Enrolment(None, reason, len(self._used))
