# SPDX-License-Identifier: MIT
"""``ChallengeSession``: the user is recognised, does what is asked, and is recognised again.

A scan goes through three stages, and one face is followed through all of them:

- *before*: a ``VerifySession`` or ``IdentifySession`` up to its match, as without a challenge. The
  poses of its last frames are the neutral one.
- *asked*: one gesture after the other, each within its time. Any other gesture is a refusal: a clip
  in which everything happens sooner or later must not pass. Most frames of a movement, and most
  of those between, are the user's.
- *after*: a fresh session as before, whose match is the verdict.

Once something was asked, the scan ends in a match or in a refusal that counts, also where the face
is lost, a second one comes, the caller cancels, the camera's cable is pulled or the worker talks
nonsense. Otherwise anybody
could ask again and again, until the gesture comes that their clip shows.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum, auto

from faceauthd.policy import Policy
from faceauthd.results import Result
from faceauthd.sessions.gallery import Gallery
from faceauthd.sessions.matching import IdentifySession
from faceauthd.sessions.movement import Gesture, Movements, neutral_pose
from faceauthd.sessions.sight import Sight, check_frame, followed, probe, sight
from faceauthd.sessions.verdict import CannotJudgeError, Template, Verdict
from models.observation import Observation
from models.pose import Pose

LOST = 0.5  # seconds for which a face that moves fast may not be found
FACING = 0.3  # of Pose.turn: beyond it a pose is not neutral

NOT_DONE = "what was asked for was not done in time"
OTHERWISE = "another movement was made than the one asked for"
NOT_FOLLOWED = "the face was not in view all the time"
SOMEBODY_ELSE = "somebody else moved than was recognised"
BROKEN_OFF = "the scan ended before what was asked for was done"


class Stage(Enum):
    BEFORE = auto()
    ASKED = auto()
    AFTER = auto()


class ChallengeSession:
    """``verdict``, ``hint`` and ``fraction`` are as those of the sessions it is made of.

    ``every`` is 0: each frame needs its embedding, its mirror image's, and its pose.
    """

    fraction = 0.0
    every = 0.0
    once = False

    def __init__(
        self,
        session: Callable[[], IdentifySession],
        policy: Policy,
        templates: Sequence[Template],
        threshold: float,
        gestures: Sequence[Gesture],
    ) -> None:
        """
        session    makes the sessions before and after, of this policy, templates and threshold
        gestures   what is asked for, in this order; the caller chooses them by chance
        """
        if not gestures:
            raise ValueError("a challenge asks for something")
        self._session = session
        self._policy = policy
        self._templates = templates
        self._threshold = threshold
        self._gestures = deque(gestures)
        self._stage = Stage.BEFORE
        self._now = session()
        self._poses: deque[Pose] = deque(maxlen=policy.frames)
        self._frames = 0
        self.hint = self._now.hint
        self.verdict = self._now.verdict  # an error, where nothing can be judged

    @property
    def in_a_row(self) -> int:
        """How many good frames there are in a row."""
        return 0 if self._stage is Stage.ASKED else self._now.in_a_row

    def feed(self, frame: Observation) -> Verdict | None:
        """Look at one more frame; the verdict, once there is one."""
        if self.verdict is None:
            self._frames += 1
            try:
                self.verdict = self._look(frame)
            except CannotJudgeError as error:
                self.verdict = self._nonsense(str(error))
        return self.verdict

    def expire(self) -> Verdict:
        """The deadline has come."""
        if self.verdict is None:
            before = self._stage is Stage.BEFORE
            self.verdict = self._now.expire() if before else self._refusal(NOT_DONE)
        return self.verdict

    def ended(self, why: str) -> Verdict:
        """The source has ended, as ``IdentifySession.ended`` says."""
        if self.verdict is None:
            before = self._stage is Stage.BEFORE
            self.verdict = self._now.ended(why) if before else self._refusal(BROKEN_OFF)
        return self.verdict

    def _look(self, frame: Observation) -> Verdict | None:
        if self._stage is Stage.BEFORE:
            return self._look_before(frame)
        if not self._follow(frame):
            return self._refusal(NOT_FOLLOWED)
        return self._watch(frame) if self._stage is Stage.ASKED else self._look_after(frame)

    def _nonsense(self, why: str) -> Verdict:
        """A frame makes no sense: that spares nobody the lockout, and lets nobody in."""
        if self._stage is not Stage.BEFORE:
            return self._refusal(BROKEN_OFF)
        so_far = self._now.ended("error")
        counts = so_far.result.judged_refusal
        return so_far if counts else Verdict(Result.ERROR, why, self._frames)

    # Before

    def _look_before(self, frame: Observation) -> Verdict | None:
        verdict = self._now.feed(frame)
        self.hint = self._now.hint
        if frame.faces == 1:
            self._poses.append(_pose(frame))
        if verdict is None or not verdict.user:  # only a match names one
            return verdict
        neutral = neutral_pose(self._poses)
        if abs(neutral.turn) > FACING or not self._is_still(neutral):
            self._now = self._session()
            self.hint = "look-at-camera"
            return None
        self._matched = verdict
        self._gallery = Gallery(self._templates)
        self._neutral = neutral
        self._seen = self._face = frame
        self._stage = Stage.ASKED
        self._ask(frame.at)
        return None

    def _is_still(self, neutral: Pose) -> bool:
        movements = Movements(neutral)
        for at, pose in enumerate(self._poses):
            movements.feed(at, pose)
            if movements.moving:
                return False
        return True

    # Asked

    def _ask(self, at: float) -> None:
        self.hint = self._gestures[0]
        self._asked_at = at
        self._movements = Movements(self._neutral)
        # Frames by whether the head moved, and whether it was recognised as the user's.
        self._recognised: Counter[tuple[bool, bool]] = Counter()

    def _follow(self, frame: Observation) -> bool:
        """Whether this can still be the face that was recognised."""
        check_frame(self._seen, frame)
        self._seen = frame
        seen = sight(frame, self._policy.dark)
        if seen is Sight.FACE:
            before, self._face = self._face, frame
            return followed(before, frame)
        return seen is not Sight.SEVERAL and frame.at - self._face.at <= LOST

    def _watch(self, frame: Observation) -> Verdict | None:
        done = self._move(frame) if self._face is frame else None
        if done is not None and done is not self._gestures[0]:
            return self._refusal(OTHERWISE)
        if done is not None:
            return self._next(frame)
        late = frame.at - self._asked_at > self._policy.challenge_timeout
        return self._refusal(NOT_DONE) if late else None

    def _move(self, frame: Observation) -> Gesture | None:
        embedding = probe(frame, self._gallery.dimension)
        users = self._gallery.likeness(embedding, self._threshold).users
        done = self._movements.feed(frame.at, _pose(frame))
        self._recognised[self._movements.moving, users == {self._matched.user}] += 1
        return done

    def _next(self, frame: Observation) -> Verdict | None:
        """What was asked for was done: ask for the next, or look for the last time."""
        seen = self._recognised
        if any(seen[moving, True] <= seen[moving, False] for moving in (True, False)):
            return self._refusal(SOMEBODY_ELSE, Result.NO_MATCH)
        self._gestures.popleft()
        if self._gestures:
            self._ask(frame.at)
            return None
        self._stage = Stage.AFTER
        self._now = self._session()
        self.hint = self._now.hint
        return None

    # After

    def _look_after(self, frame: Observation) -> Verdict | None:
        verdict = self._now.feed(frame)
        self.hint = self._now.hint
        if verdict is None:
            return None
        if not verdict.user:
            counts = verdict.result.judged_refusal
            return self._refusal(verdict.reason, verdict.result if counts else Result.NOT_LIVE)
        if verdict.user != self._matched.user:
            return self._refusal(SOMEBODY_ELSE, Result.NO_MATCH)
        return replace(verdict, frames=self._frames)

    def _refusal(self, reason: str, result: Result = Result.NOT_LIVE) -> Verdict:
        """A refusal after the user was recognised, whose scores it tells (to root)."""
        matched = replace(self._matched, face_id="", label="", user="")
        return replace(matched, result=result, reason=reason, frames=self._frames)


def _pose(frame: Observation) -> Pose:
    if frame.pose is None:
        raise CannotJudgeError("a face has no pose, and a challenge needs one")
    return frame.pose
