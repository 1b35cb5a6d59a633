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

A face is recognised by its embedding alone, *once*, where that is comfortably more than sure. Else
the frame counts as one that was followed, and for the rest of the scan the worker averages the
embedding with the mirror image's. docs/decisions/0023-mirror-image.md has these reasons.
"""

from collections.abc import Sequence
from itertools import pairwise

from faceauthd.sessions.run import RECOGNISED
from models.observation import Observation

EVERY = 0.15  # seconds between two recognised frames, before the camera's pace is known,
FEW = 6  # in runs of so many frames at least; in shorter ones each frame is recognised until then
WIDEST = 0.21  # seconds that two recognised frames are meant to be apart, at most,
WIDE = 0.11  # where the user's similarity might soon be below the sure one,
LONGEST = 0.25  # and may be, since frames that a slow machine leaves out lengthen it
SURER = 10
# This far above the sure similarity it will hardly be below a few frames later: of 111 pairs of
# MobileFaceNet's frames, a fifth of a second apart, 9 in 10 differed by less than 0.12. With
# dlib's network nobody gets there. And whom one embedding puts so far above is surely the user by
# the mean with the mirror image's, too: the two similarities differ by 0.078 at most, in 1,520,701
# comparisons of LFW.
COMFORTABLE = 0.1
SAME_PLACE = 0.5  # intersection over union of two boxes, one frame apart


def at_first(length: int) -> float:
    """How far apart the first frames of a scan need to be recognised, for runs of this length."""
    return EVERY if length >= FEW else 0.0


class Following:
    """The frames since the last one that was recognised."""

    def __init__(self, sure: float | None) -> None:
        """``sure`` is the similarity from which on the user is surely the user; None: never."""
        self._sure = sure
        self._surely = sure is not None  # until a frame says otherwise
        self._comfortably = self._once = self.is_comfortable(1.0)  # so, too
        self._pace = 0.0  # seconds from one frame to the next
        self._since: Observation | None = None  # the last recognised frame, where it was sure
        self._frames: list[Observation] = []

    def every(self, length: int, missing: int) -> float:
        """How far apart the next frames need to be recognised, in seconds; 0 is every frame.

        So that a run of ``length`` frames, of which so many are ``missing``, has recognised frames
        at both its ends and between. One that is complete and was denied goes on with its
        next frames, and must have as many in each of its windows (run.py).
        """
        if not self._surely:
            return 0.0
        if not self._pace:
            return at_first(length)
        apart = (WIDEST if self._comfortably else WIDE) / self._pace
        widest = min(length // 2 if missing else length // RECOGNISED, apart)
        step = min(missing or length, int(widest))
        return round(max(step - 0.5, 0.0) * self._pace, 2)  # a camera's jitter is no news

    @property
    def once(self) -> bool:
        """Whether the next frames need no mirror image."""
        return self._once and self._comfortably

    def is_comfortable(self, score: float) -> bool:
        """Whether a similarity is so far above the sure one."""
        return self._sure is not None and score >= self._sure + COMFORTABLE

    def see(self, before: Observation, now: Observation) -> None:
        """Two frames that followed each other."""
        self._pace = now.at - before.at

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
        self._surely = sure
        self._comfortably = self.is_comfortable(score)
        self._since, self._frames = frame if sure else None, []
        if not between:
            return ()
        if since is None or not sure or frame.at - since.at > LONGEST:
            return None
        return between if _stays([since, *between, frame]) else None

    def doubt(self, frame: Observation) -> None:
        """The user's face, by one embedding that was not enough to be comfortable."""
        self.add(frame)
        self._surely = self._once = False

    def refuse(self) -> None:
        """A frame was recognised as not the user's."""
        self.lose()
        self._surely = self._once = False


def _stays(frames: Sequence[Observation]) -> bool:
    """Whether each frame's face is at the place of the frame's before."""
    return all(
        before.box is not None and now.box is not None and before.box.overlap(now.box) >= SAME_PLACE
        for before, now in pairwise(frames)
    )
