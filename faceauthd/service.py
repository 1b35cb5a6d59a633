# SPDX-License-Identifier: MIT
"""The handlers of the contract, one for each method of the XML.

A handler reads its arguments, finds out who calls, and does nothing before the gate has let the
call through. All failures are FaceAuthErrors of one line. Scans are in verification.py and
enrolment.py; here is the rest.
"""

import dataclasses
import json
import logging
from collections.abc import Callable, Sequence

from faceauthd import arguments, audit, authority, comparison, contract, status
from faceauthd.arguments import Target
from faceauthd.bus import Credentials
from faceauthd.calls import Call, Handler
from faceauthd.camera.terms import CameraInfo
from faceauthd.enrolment import Enrolling
from faceauthd.events import Recent
from faceauthd.gate import Gate
from faceauthd.names import check_label
from faceauthd.parts import Parts
from faceauthd.password import Passwords
from faceauthd.results import BUS_NAME, OBJECT_PATH, NoCameraError, PermissionDeniedError
from faceauthd.sleep import Sleep
from faceauthd.store import FaceRecord
from faceauthd.storekeeping import Storekeeping
from faceauthd.variants import Typed
from faceauthd.verification import Verification
from faceauthd.watching import Watching

log = logging.getLogger(__name__)


class Service:
    """The daemon as its callers see it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._gate = Gate(parts.bus)
        self._recent = Recent(parts.store)
        verification = Verification(parts, self._gate)
        enrolling = Enrolling(parts, self._gate)
        keeping = Storekeeping(parts, self._gate)
        self.handlers: dict[str, Handler] = {
            "CanVerify": verification.can_verify,
            "Verify": verification.verify,
            "Identify": verification.identify,
            "PasswordGiven": Passwords(parts, self._gate).given,
            "Rekey": keeping.rekey,
            "BackupFaces": keeping.backup,
            "RestoreFaces": keeping.restore,
            "Watch": Watching(parts, self._gate, verification).watch,
            "Enroll": enrolling.enroll,
            "Cancel": self._cancel,
            "ListFaces": self._list_faces,
            "ListEvents": self._list_events,
            "RenameFace": self._rename_face,
            "RemoveFace": self._remove_face,
            "ClearFaces": self._clear_faces,
            "ListCameras": self._list_cameras,
            "GetStatus": self._get_status,
            "Reload": self._reload,
        }

    def start(self) -> None:
        """Answer calls from now on; the name comes last, so nobody calls a half-built daemon."""
        audit.log.addHandler(self._recent)
        self._parts.bus.publish(OBJECT_PATH, contract.introspection_xml(), self.handlers)
        self._parts.worker.start()
        status.log_warnings(self._parts.config, self._parts.worker)
        Sleep(self._parts.bus, self._parts.slot).start()
        self._parts.bus.own(BUS_NAME)

    def stop(self) -> None:
        """End what runs, answer who waits, and leave the bus."""
        self._parts.slot.cancel(None, "faceauthd is ending")
        self._parts.worker.stop()
        audit.log.removeHandler(self._recent)
        self._recent.close()
        self._parts.bus.close()

    def reload(self) -> None:
        """Take the new configuration and start a new worker, which loads what is installed now.

        Raises ConfigError, and nothing has changed; so it is after any error in making the worker.
        """
        parts = self._parts
        config = parts.load()
        worker = parts.make_worker(config)
        parts.slot.cancel(None, "the configuration was read again")
        parts.worker.stop()
        parts.config, parts.worker = config, worker
        parts.worker.start()
        log.info("the configuration was read again")
        status.log_warnings(config, parts.worker)

    def _cancel(self, call: Call) -> None:
        def then() -> None:
            self._gate.cancel(call.sender)
            self._parts.slot.cancel(call.sender, "the caller cancelled it")
            call.reply()

        self._gate.admit(call, self._gate.caller(call), None, then)

    # Faces

    def _list_faces(self, call: Call) -> None:
        def then(user: str, _caller: Credentials) -> None:
            faces = self._parts.store.faces(user)
            call.reply([self._described(face) for face in faces])

        self._about_a_user(call, then)

    def _described(self, face: FaceRecord) -> dict[str, Typed]:
        return {
            "id": Typed("s", face.face_id),
            "label": Typed("s", face.label),
            "engine": Typed("s", face.engine),
            "model": Typed("s", face.model),
            "camera": Typed("s", face.camera),
            "created": Typed("x", face.created),
            "templates": Typed("u", len(face.vectors)),
            "usable": Typed("b", comparison.is_usable(face, self._parts.worker.known)),
        }

    def _rename_face(self, call: Call) -> None:
        _, face_id, label = call.arguments
        check_label(label)

        def then(user: str, caller: Credentials) -> None:
            self._parts.store.rename_face(user, face_id, label)
            audit.change("rename", user=user, caller=caller.uid, face=face_id)
            call.reply()

        self._about_a_user(call, then)

    def _remove_face(self, call: Call) -> None:
        face_id = call.arguments[1]

        def then(user: str, caller: Credentials) -> None:
            self._parts.store.remove_face(user, face_id)
            audit.change("remove", user=user, caller=caller.uid, face=face_id, removed=1)
            call.reply()

        self._about_a_user(call, then)

    def _clear_faces(self, call: Call) -> None:
        def then(user: str, caller: Credentials) -> None:
            removed = self._parts.store.clear_faces(user)
            audit.change("clear", user=user, caller=caller.uid, face="", removed=removed)
            call.reply(removed)

        self._about_a_user(call, then)

    def _about_a_user(self, call: Call, then: Callable[[str, Credentials], None]) -> None:
        """Go on with the user's name, the first argument, once the caller is let through."""
        self._gate.about(call, call.arguments[0], lambda target, caller: then(target.name, caller))

    def _list_events(self, call: Call) -> None:
        user, options = call.arguments
        everybody, since, most = arguments.events(options)

        def then(target: Target, caller: Credentials) -> None:
            if everybody and caller.uid != authority.ROOT:
                raise PermissionDeniedError("everybody's events are for root alone")
            whose = None if everybody else target.name
            call.reply([_event(*each) for each in self._parts.store.events(whose, since, most)])

        self._gate.about(call, user, then)

    # The daemon

    def _list_cameras(self, call: Call) -> None:
        def listed(cameras: Sequence[CameraInfo] | None) -> None:
            if cameras is None:
                call.fail(
                    NoCameraError("the worker does not say which cameras there are; see the log")
                )
            else:
                call.reply([_camera(camera) for camera in cameras])

        def then() -> None:
            parts = self._parts
            parts.worker.list_cameras(listed, parts.config.camera.allow_virtual)

        self._gate.admit(call, self._gate.caller(call), None, then)

    def _get_status(self, call: Call) -> None:
        def then() -> None:
            call.reply(status.status(self._parts))

        self._gate.admit(call, self._gate.caller(call), None, then)

    def _reload(self, call: Call) -> None:
        def then() -> None:
            self.reload()
            call.reply()

        self._gate.admit(call, self._gate.caller(call), None, then)


def _event(at: int, fields: str) -> dict[str, Typed]:
    """An event as the contract lists it."""
    values: dict[str, str | int] = json.loads(fields)
    typed = {key: Typed("x" if isinstance(v, int) else "s", v) for key, v in values.items()}
    return {"at": Typed("x", at), **typed}


def _camera(camera: CameraInfo) -> dict[str, Typed]:
    """A camera as the contract lists it: its fields, by their names and types."""
    signatures = {str: "s", bool: "b", tuple: "as"}
    values = dataclasses.asdict(camera)
    return {key: Typed(signatures[type(value)], value) for key, value in values.items()}
