# SPDX-License-Identifier: MIT
"""CanVerify, Verify and Identify.

Every way out is a refusal but one: a session's own ``match``, and that is recorded first.
"""

from collections.abc import Callable

from faceauthd import arguments, audit, binding, challenge, comparison, obstacles, strictness
from faceauthd.arguments import Target
from faceauthd.bus import Credentials
from faceauthd.calls import Call
from faceauthd.capture import Capture, Ending, Plan, RefusalError
from faceauthd.gate import Gate
from faceauthd.parts import Parts
from faceauthd.policy import Policy, for_service
from faceauthd.request import Request
from faceauthd.results import Result, StorageError
from faceauthd.sessions import ChallengeSession, IdentifySession, Verdict, VerifySession
from faceauthd.sessions.follow import at_first
from faceauthd.store import OWN
from faceauthd.variants import Typed

POLKIT = "polkit-1"  # the PAM service of its agents' helper
# Seconds that a scan may wait for models that still load, as after a start of the daemon, so that
# they take none of its own. With the default policy the PAM module (15 s) outlasts that.
LOADING = 6.0
READY = "ready"  # what CanVerify answers where nothing stands in the way
# What of CanVerify's answers is recorded: somebody was kept out, and not by what they lack.
FORETOLD = (Result.LOCKED_OUT, Result.STRONG_AUTH_REQUIRED)


class Verification:
    """The handlers of the three methods."""

    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts, self._gate = parts, gate

    def can_verify(self, call: Call) -> None:
        def asked(request: Request) -> None:
            policy = request.policy
            deadline = policy.deadline + self._loading()
            said = {"confirm": Typed("s", policy.confirm), "timeout": Typed("d", deadline)}

            def refuse(refusal: RefusalError) -> None:
                if refusal.result in FORETOLD:
                    self._record_foretold(request, refusal)
                call.reply(str(refusal.result), said)

            def find_camera() -> None:
                ready = lambda: call.reply(READY, said)  # noqa: E731
                obstacles.find_configured_camera(self._parts, request, ready, refuse)

            self._when_possible(request, find_camera, refuse)

        self._about_a_user(call, asked)

    def verify(self, call: Call) -> None:
        self._about_a_user(call, self._scan_when_possible)

    def identify(self, call: Call) -> None:
        (options,) = call.arguments
        service = arguments.service(options)
        caller = self._gate.caller(call)

        def admitted() -> None:
            policy = for_service(self._parts.config, service)
            self._scan_when_possible(Request(call, caller, caller.uid, "", policy))

        self._gate.admit(call, caller, None, admitted)

    def _about_a_user(self, call: Call, then: Callable[[Request], None]) -> None:
        """Read the arguments of Verify and CanVerify, and go on once the caller is let through."""
        user, options = call.arguments

        def admitted(target: Target, caller: Credentials) -> None:
            service, wisher = arguments.verification(options, caller.uid)
            if wisher is not None:  # su and sudo call as root
                self._gate.keep_pace(wisher)
            asker = _asker(caller, target, service) if wisher is None else wisher
            stranger = OWN if asker in (0, target.uid) else asker
            policy = for_service(self._parts.config, service)
            then(Request(call, caller, asker, target.name, policy, stranger, wisher))

        self._gate.about(call, user, admitted)

    def _when_possible(
        self, request: Request, then: Callable[[], None], refuse: obstacles.Refuse
    ) -> None:
        obstacles.when_possible(self._parts, request, then, refuse)

    def _scan_when_possible(self, request: Request) -> None:
        def refuse(refusal: RefusalError) -> None:
            self._answer(request, Ending(None, refusal, "", 0.0))

        self._when_possible(request, lambda: self._scan(request), refuse)

    def _scan(self, request: Request) -> None:
        parts, policy = self._parts, request.policy
        plan: Plan[Verdict] = Plan(
            scanner=parts.worker,
            camera=parts.config.camera,
            liveness=policy.liveness,
            timeout=policy.deadline,
            session=lambda camera: self.session(request, camera),
            # A face that is followed has no landmarks good enough for a pose.
            every=0.0 if policy.challenge else at_first(policy.frames),
            enough=0 if policy.challenge else policy.frames,
            loading=self._loading(),
        )
        capture = Capture(
            parts.bus, request.call, plan, lambda ending: self._verified(request, ending)
        )
        parts.slot.start(capture)

    def _loading(self) -> float:
        return 0.0 if self._parts.worker.state == "ready" else LOADING

    def session(
        self, request: Request, camera: str, *, anywhere: bool = False
    ) -> IdentifySession | ChallengeSession:
        """What judges a scan of the camera with this id, once it is open.

        ``anywhere`` compares with faces of other cameras as well.
        """
        store, policy = self._parts.store, request.policy
        info = comparison.loaded(self._parts)
        faces = store.faces(request.user) if request.user else store.all_faces()
        any_camera = anywhere or self._parts.config.verify.any_camera
        bound = binding.on_camera(faces, camera, any_camera=any_camera)
        gallery = comparison.templates(bound, info)
        threshold = comparison.threshold(self._parts, info, policy.fmr, gallery)
        of_run = comparison.run_threshold(self._parts, info, policy.fmr, gallery)
        cues = strictness.cues(info, policy.bpcer)
        kind = VerifySession if request.user else IdentifySession
        if not policy.challenge:
            sure = comparison.sure(self._parts, info, policy.fmr, gallery)
            return kind(policy, gallery, threshold, cues, sure, of_run)
        gestures = challenge.draw(info.pose, policy.challenge_steps)
        unasked = policy.without_challenge()
        return ChallengeSession(
            lambda: kind(unasked, gallery, threshold, cues, run_threshold=of_run),
            *(policy, gallery, threshold, gestures),
        )

    def _verified(self, request: Request, ending: Ending[Verdict]) -> None:
        """Record the verdict, then answer with it: a match that can't be recorded is none."""
        try:
            if request.user and ending.verdict:
                self._record(request, ending.verdict.result)
        except StorageError as error:
            refusal = RefusalError(Result.ERROR, f"the verdict cannot be recorded: {error}")
            ending = Ending(None, refusal, ending.camera, ending.seconds)
        self._answer(request, ending)

    def _record(self, request: Request, result: Result) -> None:
        """A match starts the user's lockouts afresh; a refusal is the asker's own."""
        store, user, asker = self._parts.store, request.user, request.stranger
        if result is Result.MATCH:
            store.clear_lockouts(user)
        elif result.judged_refusal:
            lockout = store.get_lockout(user, asker).refused(self._parts.now())
            store.set_lockout(user, lockout, asker)

    def _record_foretold(self, request: Request, refusal: RefusalError) -> None:
        """The PAM module asks no further then, so that this is all that is heard of the attempt."""
        audit.verdict(
            "can-verify",
            user=request.user,
            service=request.policy.service,
            caller=request.recorded,
            result=refusal.result,
            reason=refusal.reason,
            camera="",
            models=[],
            duration_ms=0,
        )

    def _answer(self, request: Request, ending: Ending[Verdict]) -> None:
        verdict = _verdict(ending)
        milliseconds = round(ending.seconds * 1000)
        audit.verdict(
            request.call.method.lower(),
            user=request.user or verdict.user,
            service=request.policy.service,
            caller=request.recorded,
            result=verdict.result,
            reason=verdict.reason,
            camera=ending.camera,
            models=self._models(request.policy) if verdict.frames else [],
            duration_ms=milliseconds,
        )
        details = _details(verdict, milliseconds)
        if request.caller.uid == 0:
            details |= _scores(verdict)
        if request.user:
            request.call.reply(str(verdict.result), details)
        else:
            request.call.reply(str(verdict.result), verdict.user, details)

    def _models(self, policy: Policy) -> list[str]:
        """The models that judged, by their ids."""
        info = self._parts.worker.info
        if info is None:
            return []
        return [info.model, *(m for cue in policy.liveness for m in sorted(info.cues.get(cue, ())))]


def _verdict(ending: Ending[Verdict]) -> Verdict:
    """The session's, where there is one: it knows of a cancelled scan whether it had refused.

    Of a scan that failed it knows only that; what ended it knows why.
    """
    if ending.verdict and not (ending.refusal and ending.verdict.result is Result.ERROR):
        return ending.verdict
    if ending.refusal:
        return Verdict(ending.refusal.result, ending.refusal.reason)
    return Verdict(Result.ERROR, "the scan ended without a verdict")


def _details(verdict: Verdict, milliseconds: int) -> dict[str, Typed]:
    """What every caller may know."""
    return {
        "frames": Typed("u", verdict.frames),
        "milliseconds": Typed("u", milliseconds),
        "reason": Typed("s", verdict.reason),
    }


def _scores(verdict: Verdict) -> dict[str, Typed]:
    """What root alone may know: anybody else could climb a score, photograph by photograph."""
    return {
        "score": Typed("d", verdict.score),
        "threshold": Typed("d", verdict.threshold),
        "liveness": Typed("a{sd}", dict(verdict.liveness)),
        "face": Typed("s", verdict.face_id),
        "label": Typed("s", verdict.label),
    }


def _asker(caller: Credentials, target: Target, service: str) -> int:
    """Who asks, where the caller does not say: itself; polkit's helper for who is to be proved.

    polkit 127 and newer start it as a system service, which is in no session.
    """
    if caller.uid == 0 and service == POLKIT and target.uid is not None:
        return target.uid
    return caller.uid
