# SPDX-License-Identifier: MIT
"""Is it the user, and live? ``VerifySession`` asks it of one user, ``IdentifySession`` of all.

A frame is *good* when it shows exactly one face, of usable size and light, that is the user's.
``match`` takes N good frames in a row that follow one face, whose mean embedding is the user's at
a stricter threshold, and that liveness does not deny (run.py); not in each of them need the face
have been recognised (follow.py). Everything else ends as a refusal:

- at once: nothing can be judged (no template, no liveness model), or a frame makes no sense;
- early: the last 2 N judged frames, over at least 1.5 s, were refused each, so that a stranger
  need not wait for the deadline; or 12 N frames of the scan were refused, however little time they
  claim to have taken, for each is a try; or nobody was there for ``no_face_timeout``;
- at the deadline or where the source ends (``expire``, ``ended``): by what was seen most.

Whoever was refused in N frames, or had N in a row that were refused together, was refused, however
the scan ends: to walk away, to cancel it or to pull the camera's cable must not spare one the
lockout. Fewer frames could not have matched.
"""

import statistics
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from faceauthd.policy import Policy
from faceauthd.results import Result
from faceauthd.sessions.follow import Following
from faceauthd.sessions.gallery import Gallery
from faceauthd.sessions.run import Run, required_models
from faceauthd.sessions.sight import Sight, advice, check_frame, followed, probe, sight
from faceauthd.sessions.verdict import CannotJudgeError, Template, Verdict
from models.observation import Observation

REFUSED_SPAN = 1.5  # seconds that an early refusal takes at least: one bad pose is no stranger
# Refused frames that end a scan, in N: 4 s of a camera with 30 a second. A frame's time is the
# worker's word; one that was taken over could play a list of ten thousand faces in a second.
MOST_REFUSED = 12

REASONS: Mapping[Result, str] = {
    Result.NO_MATCH: "the face was not recognised",
    Result.NOT_LIVE: "the face did not pass the liveness check",
    Result.MULTIPLE_FACES: "there was more than one face",
    Result.TOO_DARK: "it was too dark",
    Result.NO_FACE: "there was no face near enough",
    Result.TIMEOUT: "there were too few good frames in time",
    Result.CANCELLED: "the scan was cancelled",
    Result.CAMERA_MISSING: "the camera is missing",
    Result.BUSY: "the camera is in use",
    Result.ERROR: "the camera or the worker failed",
}

# Why a scan's source ended, in the worker's words; "end" is as the deadline.
SOURCE_ENDED: Mapping[str, Result] = {
    "stopped": Result.CANCELLED,
    "missing": Result.CAMERA_MISSING,
    "busy": Result.BUSY,
}


class IdentifySession:
    """Which of the gallery's users is it? Where two pass in one frame, that frame is refused.

    ``verdict`` is the answer once there is one, which may be before the first frame; the first
    answer stays. ``hint`` is what the person should do now. ``fraction`` stays 0: it would tell
    how near one is.
    """

    fraction = 0.0

    def __init__(
        self,
        policy: Policy,
        gallery: Sequence[Template],
        threshold: float,
        cues: Mapping[str, Mapping[str, float]],
        sure: float | None = None,
        run_threshold: float | None = None,
    ) -> None:
        """
        threshold  the cosine, above 0 and up to 1, that a good frame reaches with a template; it
                   is the caller's business to make it stricter for a larger gallery
        cues       liveness cue -> model id -> the probability below which the model denies
        sure       the cosine at which a face may be followed from; None asks for it in each frame
        run_threshold  the cosine that the mean of the run's embeddings reaches; None: ``threshold``
        """
        self.verdict: Verdict | None = None
        self.hint = "scanning"
        self._policy = policy
        self._threshold = threshold
        self._run_threshold = threshold if run_threshold is None else run_threshold
        self._run = Run(policy.frames, {})
        self._following = Following(sure)
        self._run_refused = False  # whether a complete run was not the user's, or not live
        self._user = ""  # whose run it is
        self._before: Observation | None = None
        self._face_before: Observation | None = None  # the frame before, where it had a face
        self._someone_at = 0.0
        self._scores: deque[float] = deque(maxlen=policy.frames)
        self._sights: Counter[Sight] = Counter()
        self._away: Counter[Sight] = Counter()  # the sights since somebody was there
        self._refused: Counter[Result] = Counter()  # judged frames, by why they were refused
        self._streak: Counter[Result] = Counter()  # the same, since the last good and live one
        self._streak_from = 0.0
        try:
            self._gallery = self._compared(gallery)
            self._run = Run(policy.frames, required_models(cues, policy.liveness))
            if not 0 < threshold <= self._run_threshold <= 1:
                raise CannotJudgeError("the threshold is no similarity that could refuse")
        except CannotJudgeError as error:
            self.verdict = self._refusal(Result.ERROR, str(error))

    def _compared(self, templates: Sequence[Template]) -> Gallery:
        return Gallery(templates)

    @property
    def every(self) -> float:
        """How far apart in seconds the next frames need an embedding; 0: each does."""
        length = self._policy.frames
        return self._following.every(length, length - len(self._run))

    @property
    def once(self) -> bool:
        """Whether the next frames are embedded without their mirror image."""
        return self._following.once

    @property
    def in_a_row(self) -> int:
        """How many good frames there are in a row."""
        return len(self._run)

    def feed(self, frame: Observation) -> Verdict | None:
        """Look at one more frame; the verdict, once there is one."""
        if self.verdict is None:
            try:
                self.verdict = self._look(frame)
            except CannotJudgeError as error:
                counted = self._counted_refusal()
                self.verdict = self._refusal(counted or Result.ERROR, "" if counted else str(error))
        return self.verdict

    def expire(self) -> Verdict:
        """The deadline has come."""
        if self.verdict is None:
            self.verdict = self._refusal(self._most_seen())
        return self.verdict

    def ended(self, why: str) -> Verdict:
        """The source has ended: "end", "stopped", "missing", "busy"; any other is an error."""
        if why == "end":
            return self.expire()
        if self.verdict is None:
            result = self._counted_refusal() or SOURCE_ENDED.get(why, Result.ERROR)
            self.verdict = self._refusal(result)
        return self.verdict

    def _look(self, frame: Observation) -> Verdict | None:
        check_frame(self._before, frame)
        if self._before is not None:
            self._following.see(self._before, frame)
        seen = sight(frame, self._policy.dark)
        earlier, self._face_before = self._face_before, frame if seen is Sight.FACE else None
        steady = earlier is None or followed(earlier, frame)
        self.hint = advice(frame, seen, steady=steady)
        if seen is not Sight.FACE or not steady:
            self._run.restart()
            self._following.lose()
        if self._before is None or seen in (Sight.FACE, Sight.SMALL):
            self._someone_at = frame.at
            self._away.clear()
        self._before = frame
        self._sights[seen] += 1
        if seen is Sight.FACE:
            return self._judge(frame)
        return self._miss_someone(frame, seen)

    def _judge(self, frame: Observation) -> Verdict | None:
        if frame.embedding is None:  # the face was followed
            self._following.add(frame)
            return None
        embedding = probe(frame, self._gallery.dimension)
        likeness = self._gallery.likeness(embedding, self._threshold)
        self._scores.append(likeness.score)
        if len(likeness.users) != 1:
            self._run.restart()
            self._following.refuse()
            return self._refuse(frame, Result.NO_MATCH)
        if likeness.template.user != self._user:
            self._run.restart()
            self._following.lose()
            self._user = likeness.template.user
        if frame.once and not self._following.is_comfortable(likeness.score):
            self._following.doubt(frame)
            return None
        refusal = self._add_followed(self._following.close(frame, likeness.score))
        if refusal is not None:
            return refusal
        live = self._run.add(frame.liveness, embedding)
        if self._run.complete and not self._is_the_users():
            # Begin again, so that a stranger does not get a new try with each frame.
            self._run_refused = True
            self._run.restart()
            self._following.refuse()
            return self._refuse(frame, Result.NO_MATCH)
        if self._run.complete and not self._run.denied:
            return self._verdict(Result.MATCH, "the face was recognised", likeness.template)
        self._run_refused = self._run_refused or self._run.complete
        if not live:
            return self._refuse(frame, Result.NOT_LIVE)
        self._streak.clear()
        if self._run.complete:  # so it was denied, though not by this frame
            self._refused[Result.NOT_LIVE] += 1
        return None

    def _is_the_users(self) -> bool:
        """Whether the run's mean face is the user's, and nobody else's."""
        likeness = self._gallery.likeness(self._run.face, self._run_threshold)
        return likeness.users == {self._user}

    def _add_followed(self, between: Sequence[Observation] | None) -> Verdict | None:
        """Take the frames in which the user was followed into the run; no match comes of these."""
        if between is None:
            self._run.restart()
        for one in between or ():
            if not self._run.add(one.liveness, None):
                refusal = self._refuse(one, Result.NOT_LIVE)
                if refusal is not None:
                    return refusal
        return None

    def _refuse(self, frame: Observation, why: Result) -> Verdict | None:
        """Count a judged frame as refused; the verdict, where that was the last straw."""
        if not self._streak:
            self._streak_from = frame.at
        self._streak[why] += 1
        self._refused[why] += 1
        long = frame.at - self._streak_from >= REFUSED_SPAN
        if long and self._streak.total() >= 2 * self._policy.frames:
            return self._refusal(_most(self._streak))
        if self._refused.total() >= MOST_REFUSED * self._policy.frames:
            return self._refusal(_most(self._refused))
        return None

    def _miss_someone(self, frame: Observation, seen: Sight) -> Verdict | None:
        """Count a frame that showed nobody to judge; the verdict, after no_face_timeout."""
        self._away[seen] += 1
        if frame.at - self._someone_at < self._policy.no_face_timeout:
            return None
        if counted := self._counted_refusal():
            return self._refusal(counted)
        frames = self._away.total()
        if self._away[Sight.SEVERAL] == frames:
            return self._refusal(Result.MULTIPLE_FACES)
        dark = 2 * self._away[Sight.DARK] >= frames
        return self._refusal(Result.TOO_DARK if dark else Result.NO_FACE)

    def _counted_refusal(self) -> Result | None:
        """What the refused frames say, where they suffice for a refusal however the scan ends.

        A refused run is a try that failed. If it did not count, a recapture that wavers could be
        shown and cancelled again and again, each time with a clean scan median, until it passed.
        """
        enough = self._run_refused or self._refused.total() >= self._policy.frames
        return _most(self._refused) if enough else None

    def _most_seen(self) -> Result:
        """Why there was no match: what most frames showed; of equals, the first listed here."""
        refused = self._refused.total()
        causes = (
            (refused, _most(self._refused)),
            (self._sights[Sight.SEVERAL], Result.MULTIPLE_FACES),
            (self._sights[Sight.DARK], Result.TOO_DARK),
            (self._sights[Sight.NOBODY] + self._sights[Sight.SMALL], Result.NO_FACE),
            (self._sights[Sight.FACE] - refused, Result.TIMEOUT),
        )
        frames, result = max(causes, key=lambda cause: cause[0])
        return self._counted_refusal() or (result if frames else Result.TIMEOUT)

    def _refusal(self, result: Result, reason: str = "") -> Verdict:
        return self._verdict(result, reason or REASONS[result], None)

    def _verdict(self, result: Result, reason: str, template: Template | None) -> Verdict:
        return Verdict(
            result=result,
            reason=reason,
            frames=self._sights.total(),
            score=statistics.median_low(self._scores) if self._scores else 0.0,
            threshold=self._threshold,
            liveness=self._run.medians(),
            face_id=template.face_id if template else "",
            label=template.label if template else "",
            user=template.user if template else "",
        )


class VerifySession(IdentifySession):
    """Is it this user? All templates must be one user's."""

    def _compared(self, templates: Sequence[Template]) -> Gallery:
        gallery = super()._compared(templates)
        if len(gallery.users) != 1:
            raise CannotJudgeError("the templates are of several users")
        return gallery


def _most(refused: Counter[Result]) -> Result:
    """Whether identity or liveness refused more frames; of equals, identity."""
    identity = refused[Result.NO_MATCH] >= refused[Result.NOT_LIVE]
    return Result.NO_MATCH if identity else Result.NOT_LIVE
