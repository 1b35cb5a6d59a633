# SPDX-License-Identifier: MIT
"""What stands in the way of a scan, found out before the camera is opened.

Each obstacle is a RefusalError: the result that Verify gives at once, and that CanVerify foretells.
"""

import math
import os
from collections.abc import Callable, Sequence

from faceauthd import binding, comparison, strong_auth
from faceauthd.calls import Call
from faceauthd.camera.discovery import find_camera
from faceauthd.camera.stand_in import is_stand_in
from faceauthd.camera.terms import CameraError, CameraInfo
from faceauthd.capture import RefusalError
from faceauthd.config import Config
from faceauthd.environment import Place, Surroundings
from faceauthd.parts import Parts
from faceauthd.request import Request
from faceauthd.results import Result
from faceauthd.store import OWN

Refuse = Callable[[RefusalError], None]


def attempt(call: Call, step: Callable[[], None], refuse: Refuse) -> None:
    """Do one step of a call; a RefusalError goes to ``refuse``, other errors are the answer."""

    def run() -> None:
        try:
            step()
        except RefusalError as refusal:
            refuse(refusal)

    call.run(run)


def when_possible(parts: Parts, request: Request, then: Callable[[], None], refuse: Refuse) -> None:
    """Go on where nothing stands in the way of the scan.

    The daemon's own state is looked at before logind is asked and again after.
    """

    def looked(around: Surroundings) -> None:
        def go_on() -> None:
            _check_surroundings(around, parts.config, request.policy.service)
            check(parts, request)
            then()

        attempt(request.call, go_on, refuse)

    def look() -> None:
        check(parts, request)
        parts.environment.look(request.caller.pid, request.asker, looked)

    attempt(request.call, look, refuse)


def check(parts: Parts, request: Request) -> None:
    """Raise RefusalError where the daemon's own state stands in the way."""
    user = request.user
    if parts.config.disabled:
        raise RefusalError(
            Result.DISABLED, "face authentication is turned off; root may: faceauth enable"
        )
    faces = parts.store.faces(user) if user else parts.store.all_faces()
    if not faces:
        raise RefusalError(Result.NOT_ENROLLED, "no face is enrolled; first: faceauth add")
    if parts.worker.info:
        comparison.templates(faces, parts.worker.info)
    if user:
        _check_lockout(parts, user, {OWN, request.stranger})
        _check_password(parts, request)
    if parts.slot.barred:
        raise RefusalError(Result.BUSY, parts.slot.barred)
    if parts.slot.busy:
        raise RefusalError(Result.BUSY, "another scan is running")


def _check_surroundings(around: Surroundings, config: Config, service: str) -> None:
    if around.place is Place.REMOTE:
        raise RefusalError(Result.REMOTE, "the session is remote, or at another seat")
    if around.place is Place.NOWHERE:
        raise RefusalError(Result.REMOTE, "the asking process belongs to no session")
    # A display manager asks for who sits here, a mail server for who may be anywhere.
    if around.place is Place.SYSTEM and service and service.lower() not in config.services:
        reason = f"a system service asks, and the configuration has no [service.{service}]"
        raise RefusalError(Result.REMOTE, reason)
    if around.place is Place.UNKNOWN:
        raise RefusalError(Result.ERROR, "logind does not say whether the session is remote")
    if around.lid_closed:
        raise RefusalError(Result.LID_CLOSED, "the lid is closed")


def _check_lockout(parts: Parts, user: str, callers: set[int]) -> None:
    now = parts.now()
    lockouts = (parts.store.get_lockout(user, caller) for caller in callers)
    wait = max(lockout.remaining(parts.config.lockout, now) for lockout in lockouts)
    if math.isinf(wait):
        raise RefusalError(
            Result.LOCKED_OUT, "too many refusals: log in with your password to use your face again"
        )
    if wait > 0:
        reason = f"too many refusals: try again in {math.ceil(wait)} s"
        raise RefusalError(Result.LOCKED_OUT, reason)


def _check_password(parts: Parts, request: Request) -> None:
    last = parts.store.last_password(request.user)
    if reason := strong_auth.due(last, parts.now(), request.policy):
        raise RefusalError(Result.STRONG_AUTH_REQUIRED, reason)


def find_configured_camera(
    parts: Parts, request: Request, then: Callable[[], None], refuse: Refuse
) -> None:
    """Go on where the configured camera is there and the user was enrolled with it.

    Whether it gives pictures is not tried.

    A worker that still loads its models is not waited for: the scan itself will tell.
    """
    camera, worker = parts.config.camera, parts.worker

    def listed(cameras: Sequence[CameraInfo] | None) -> None:
        def find() -> None:
            if cameras is None:
                raise RefusalError(Result.ERROR, "the worker does not answer")
            try:
                found = find_camera(camera.device, cameras)
            except CameraError as error:
                raise RefusalError(Result.CAMERA_MISSING, error.text) from None
            faces = parts.store.faces(request.user)
            binding.on_camera(faces, found.id, any_camera=parts.config.verify.any_camera)
            then()

        attempt(request.call, find, refuse)

    def look() -> None:
        if worker.state == "failed":
            # Being asked makes it try again, so that the next call may find it mended.
            worker.list_cameras(lambda _cameras: None)
            raise RefusalError(Result.ERROR, f"the worker failed: {worker.text}")
        device = camera.device
        path = device if isinstance(device, str) and device.startswith("/") else ""
        if path and not os.path.exists(path):  # noqa: PTH110 (Path's may raise)
            raise RefusalError(Result.CAMERA_MISSING, f"there is no {path}")
        if worker.state == "idle":
            worker.start()  # it loads its models while the person is asked
        if is_stand_in(device) or worker.state != "ready":
            then()
        else:
            worker.list_cameras(listed, camera.allow_virtual)

    attempt(request.call, look, refuse)
