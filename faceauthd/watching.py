# SPDX-License-Identifier: MIT
"""Watch: what scans see and make of it, frame by frame, for whoever sets faceauth up. Root only.

It lets nobody in, counts no refusal, and stands aside for nothing: while it runs, other scans are
busy. What it tells are scores, which anybody else could climb; authority.py keeps them to root.
"""

from dataclasses import dataclass

from faceauthd import arguments, audit, binding, comparison, strictness
from faceauthd.bus import Credentials
from faceauthd.calls import Call
from faceauthd.capture import OURSELVES, Capture, Ending, Plan, RefusalError
from faceauthd.enrolment import as_error
from faceauthd.gate import Gate
from faceauthd.names import check_user
from faceauthd.parts import Parts
from faceauthd.policy import for_service
from faceauthd.request import Request
from faceauthd.results import Result
from faceauthd.sessions.watching import Glimpse, Scan, WatchSession
from faceauthd.variants import Typed
from faceauthd.verification import Verification

LONGEST = 600.0  # seconds, after which it ends by itself


@dataclass(frozen=True)
class Wish:
    """A call that was let through.

    source    a file to take the frames from, in place of the camera
    pictures  a socket to show on what the camera sees
    """

    call: Call
    request: Request
    source: int | None
    pictures: int | None


class Watching:
    """The handler of Watch."""

    def __init__(self, parts: Parts, gate: Gate, verification: Verification) -> None:
        self._parts, self._gate, self._verification = parts, gate, verification

    def watch(self, call: Call) -> None:
        user, options = call.arguments
        caller = self._gate.caller(call)
        self._gate.admit(call, caller, None, lambda: self._start(call, caller, user, options))

    def _start(self, call: Call, caller: Credentials, user: str, options: dict[str, Typed]) -> None:
        if user:
            check_user(user)
        service, source, pictures = arguments.watching(options)
        wish = Wish(
            call,
            Request(call, caller, caller.uid, user, for_service(self._parts.config, service)),
            None if source is None else call.fd(source),
            None if pictures is None else call.fd(pictures),
        )
        if wish.source is not None:
            arguments.check_file(wish.source)
        if wish.pictures is not None:
            arguments.check_socket(wish.pictures)
        self._scan(wish)

    def _scan(self, wish: Wish) -> None:
        parts, policy = self._parts, wish.request.policy
        plan: Plan[int] = Plan(
            scanner=parts.worker,
            camera=parts.config.camera,
            liveness=policy.liveness,
            timeout=LONGEST,
            session=lambda camera: self._session(wish, camera),
            fd=wish.source,
            pictures=wish.pictures,
        )
        parts.slot.start(
            Capture(parts.bus, wish.call, plan, lambda ending: self._watched(wish, ending))
        )

    def _session(self, wish: Wish, camera: str) -> WatchSession:
        """As Verify's, but that nobody needs to be enrolled."""
        request, parts = wish.request, self._parts
        info = comparison.loaded(parts)
        faces = parts.store.faces(request.user) if request.user else parts.store.all_faces()
        anywhere = wish.source is not None  # a file was made somewhere else
        any_camera = anywhere or parts.config.verify.any_camera
        try:
            bound = binding.on_camera(faces, camera, any_camera=any_camera)
            templates = comparison.templates(bound, info)
        except RefusalError as refusal:
            if refusal.result is not Result.NOT_ENROLLED:
                raise
            templates = []
        policy = request.policy

        def scan() -> Scan:
            return self._verification.session(request, camera, anywhere=anywhere)

        return WatchSession(
            scan if templates else None,
            templates,
            comparison.threshold(parts, info, policy.fmr, templates),
            policy.deadline,
            lambda glimpse: self._show(wish, glimpse),
        )

    def _show(self, wish: Wish, glimpse: Glimpse) -> None:
        policy, info = wish.request.policy, self._parts.worker.info
        cues = strictness.cues(info, policy.bpcer) if info else {}
        told = _told(glimpse) | {
            "threshold": Typed("d", glimpse.threshold),
            "needed": Typed("u", policy.frames),
            "liveness_needed": Typed("a{sd}", dict(cues.get("passive", {}))),
        }
        self._parts.bus.send_signal(wish.call.sender, OURSELVES, "Frame", "(a{sv})", told)

    def _watched(self, wish: Wish, ending: Ending[int]) -> None:
        request, frames = wish.request, ending.verdict or 0
        audit.verdict(
            "watch",
            user=request.user,
            service=request.policy.service,
            caller=request.caller.uid,
            result="shown",
            reason=str(ending.refusal or ""),
            camera=ending.camera,
            models=[],
            duration_ms=round(ending.seconds * 1000),
        )
        if ending.refusal and ending.refusal.result is not Result.CANCELLED:
            raise as_error(ending.refusal)
        wish.call.reply(frames)


def _told(glimpse: Glimpse) -> dict[str, Typed]:
    """A frame as the contract has it; what there is not is left out."""
    frame, likeness, verdict = glimpse.frame, glimpse.likeness, glimpse.verdict
    told = {
        "index": Typed("t", frame.index),
        "at": Typed("d", frame.at),
        "faces": Typed("u", frame.faces),
        "small": Typed("u", frame.small),
        "brightness": Typed("d", frame.brightness),
        "size": Typed("au", list(frame.size)),
        "hint": Typed("s", glimpse.hint),
        "in_a_row": Typed("u", glimpse.in_a_row),
    }
    if frame.box is not None:
        box = frame.box
        told |= {
            "box": Typed("ad", [box.x, box.y, box.width, box.height]),
            "sharpness": Typed("d", frame.sharpness),
            "yaw": Typed("d", frame.yaw),
            "liveness": Typed("a{sd}", dict(frame.liveness)),
        }
    if likeness is not None:
        told |= {
            "score": Typed("d", likeness.score),
            "user": Typed("s", likeness.template.user),
            "label": Typed("s", likeness.template.label),
        }
    if verdict is not None:
        told |= {"result": Typed("s", str(verdict.result)), "reason": Typed("s", verdict.reason)}
    return told
