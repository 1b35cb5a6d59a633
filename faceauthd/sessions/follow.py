# SPDX-License-Identifier: MIT
"""Frames in which a face was followed and not recognised, and when they count.

To recognise a face in every frame is dear, so between two frames in which it is recognised the
worker may follow it. Such frames count for the user where nothing speaks against it:

- the frames before and behind them are the same user's, and *surely* so: at a false match rate
  that is ``SURER`` times stricter than the policy's, each;
- these two lie no more than ``LONGEST`` apart, too short to put another face in the place of one;
- one face was seen in each frame between, at the place where it was in the frame before.

Else they count for nothing and break the run; and where the user is not surely the user, the worker
is asked to recognise every frame. docs/decisions/0005-following.md has the reasons.
"""

from collections.abc import Sequence
from itertools import pairwise

from models.observation import Observation

EVERY = 0.09  # seconds between two frames that are recognised: every third at 30 frames a second
LONGEST = 0.25  # seconds; frames that a slow machine leaves out lengthen it
SURER = 10
SAME_PLACE = 0.5  # intersection over union of two boxes, one frame apart


class Following:
    """The frames since the last one that was recognised.

    ``every`` is how far apart the next ones need to be recognised, in seconds; 0 is every frame.
    """

    def __init__(self, sure: float | None) -> None:
        """``sure`` is the similarity from which on the user is surely the user; None: never."""
        self._sure = sure
        self.every = 0.0 if sure is None else EVERY
        self._since: Observation | None = None  # the last recognised frame, where it was sure
        self._frames: list[Observation] = []

    def lose(self) -> None:
        """The next frame does not show the face of the frames before."""
        self._since, self._frames = None, []

    def add(self, frame: Observation) -> None:
        """One face, not recognised."""
        self._frames.append(frame)

    def close(self, frame: Observation, score: float) -> Sequence[Observation] | None:
        """The user is recognised in ``frame``: the frames since, None where they break the run."""
        since, between = self._since, self._frames
        sure = self._sure is not None and score >= self._sure
        self.every = EVERY if sure else 0.0
        self._since, self._frames = frame if sure else None, []
        if not between:
            return ()
        if since is None or not sure or frame.at - since.at > LONGEST:
            return None
        return between if _stays([since, *between, frame]) else None

    def refuse(self) -> None:
        """A frame was recognised as not the user's."""
        self.lose()
        self.every = 0.0


def _stays(frames: Sequence[Observation]) -> bool:
    """Whether each frame's face is at the place of the frame's before."""
    return all(
        before.box is not None and now.box is not None and before.box.overlap(now.box) >= SAME_PLACE
        for before, now in pairwise(frames)
    )
