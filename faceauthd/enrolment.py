# SPDX-License-Identifier: MIT
"""Enroll: a scan of one person, and its template in the store before the caller hears of it."""

from dataclasses import dataclass

from faceauthd import arguments, audit, comparison
from faceauthd.arguments import Target
from faceauthd.binding import ANY_CAMERA
from faceauthd.bus import Credentials
from faceauthd.calls import Call
from faceauthd.capture import Capture, Ending, Plan, RefusalError
from faceauthd.gate import Gate
from faceauthd.names import check_label
from faceauthd.parts import Parts
from faceauthd.policy import strictest
from faceauthd.results import (
    BusyError,
    CancelledError,
    EnrollFailedError,
    FaceAuthError,
    InternalError,
    InvalidArgumentError,
    NoCameraError,
    Result,
)
from faceauthd.sessions import EnrollSession, Enrolment
from models.errors import ModelError

# All frames of an enrolment must be one person's, at this false match rate. It is no door: it is
# to find out a second person, and must not refuse the first one's other poses.
ONE_PERSON = 1e-3

ERRORS: dict[Result, type[FaceAuthError]] = {
    Result.CANCELLED: CancelledError,
    Result.CAMERA_MISSING: NoCameraError,
    Result.BUSY: BusyError,
}


@dataclass(frozen=True)
class Wish:
    """A call that was let through; ``fd`` is the file to take the frames from, or None.

    ``any_camera`` says that the face shall not be bound to the camera.
    """

    call: Call
    caller: Credentials
    user: str
    label: str
    fd: int | None
    any_camera: bool


class Enrolling:
    """The handler of Enroll."""

    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts, self._gate = parts, gate

    def enroll(self, call: Call) -> None:
        user, label, options = call.arguments
        if label:
            check_label(label)
        handle, any_camera = arguments.enrolment(options)
        fd = None if handle is None else call.fd(handle)

        def admitted(target: Target, caller: Credentials) -> None:
            if fd is not None:  # not earlier: its file system may be anybody's, and keep silent
                arguments.check_file(fd)
            if target.uid is None:
                raise InvalidArgumentError(f"there is no user {target.name}")
            self._scan(Wish(call, caller, target.name, label, fd, any_camera))

        self._gate.about(call, user, admitted)

    def _scan(self, wish: Wish) -> None:
        self._refuse_taken_label(wish)
        self._refuse_one_too_many(wish)
        parts = self._parts
        plan: Plan[Enrolment] = Plan(
            scanner=parts.worker,
            camera=parts.config.camera,
            liveness=(),
            timeout=parts.config.enroll.timeout,
            session=lambda _camera: self._session(wish),
            fd=wish.fd,
        )
        capture = Capture(parts.bus, wish.call, plan, lambda ending: self._enrolled(wish, ending))
        parts.slot.start(capture)

    def _refuse_taken_label(self, wish: Wish) -> None:
        """The store refuses it as well; here it spares the person a scan for nothing."""
        faces = self._parts.store.faces(wish.user)
        if wish.label in {face.label for face in faces}:
            raise InvalidArgumentError(
                f'there is a face "{wish.label}" already; choose another label'
            )

    def _refuse_one_too_many(self, wish: Wish) -> None:
        """Each face is one more chance for a stranger: so many that no threshold is strict enough
        any more would end every login by face of this user."""
        parts, info = self._parts, self._parts.worker.info
        if info is None:
            return  # the models still load; the scan waits for them, and asks again
        faces = comparison.usable(parts.store.faces(wish.user), info)
        try:
            parts.threshold(
                info.model, comparison.share_of_one_more(strictest(parts.config), faces)
            )
        except ModelError as error:
            raise InvalidArgumentError(
                f"{wish.user} cannot have {len(faces) + 1} faces: {error}; "
                "remove a face, or allow a larger fmr"
            ) from None

    def _session(self, wish: Wish) -> EnrollSession:
        config = self._parts.config
        info = comparison.loaded(self._parts)
        self._refuse_one_too_many(wish)
        consistency = comparison.threshold(self._parts, info, ONE_PERSON)
        return EnrollSession(config.enroll.frames, config.verify.dark, consistency)

    def _enrolled(self, wish: Wish, ending: Ending[Enrolment]) -> None:
        try:
            face_id = self._store(wish, ending)
        except FaceAuthError as error:
            self._record(wish, ending, error.name, str(error))
            raise
        self._record(wish, ending, "stored", "")
        wish.call.reply(face_id)

    def _store(self, wish: Wish, ending: Ending[Enrolment]) -> str:
        """The id of the stored face; FaceAuthError with the reason why there is none."""
        parts, info = self._parts, self._parts.worker.info
        if ending.refusal:
            raise as_error(ending.refusal)
        if ending.verdict is None or info is None:
            raise InternalError("the worker was lost; nothing was stored")
        if ending.verdict.vectors is None:
            raise EnrollFailedError(ending.verdict.reason)
        record = parts.store.add_face(
            wish.user,
            wish.label,
            engine=info.engine,
            model=info.model,
            camera=ANY_CAMERA if wish.any_camera else ending.camera,
            vectors=ending.verdict.vectors,
        )
        # Whoever may enrol has proved to polkit, or as root, who they are.
        parts.store.clear_lockouts(wish.user)
        return record.face_id

    def _record(self, wish: Wish, ending: Ending[Enrolment], result: str, reason: str) -> None:
        info = self._parts.worker.info
        audit.verdict(
            "enroll",
            user=wish.user,
            service="",
            caller=wish.caller.uid,
            result=result,
            reason=reason,
            camera=ending.camera,
            models=[info.model] if info else [],
            duration_ms=round(ending.seconds * 1000),
        )


def as_error(refusal: RefusalError) -> FaceAuthError:
    """The error that a call without a result word fails with."""
    return ERRORS.get(refusal.result, EnrollFailedError)(refusal.reason)
