# SPDX-License-Identifier: MIT
"""The contract from the caller's side: one Python method for each method of the XML.

    daemon = FaceAuth()
    result, details = daemon.verify("alice", service="sudo", on_progress=print)

Every failure is a ``FaceAuthError`` of results.py with one clear line, ``DaemonUnreachableError``
where the daemon gives no answer. Ctrl-C while a scan runs cancels the scan and goes on as
KeyboardInterrupt.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import Any, Self

from faceauthd.bus import Bus, BusError, Peer
from faceauthd.results import (
    BUS_NAME,
    ERROR_PREFIX,
    ERRORS,
    INTERFACE,
    OBJECT_PATH,
    SYSTEM_BUS,
    FaceAuthError,
    InternalError,
    InvalidArgumentError,
)
from faceauthd.variants import Typed

OnProgress = Callable[[str, float], None]  # hint, fraction 0 to 1
Details = dict[str, Any]
OnFrame = Callable[[Details], None]
Options = dict[str, Typed]

DAEMON = Peer(BUS_NAME, OBJECT_PATH, INTERFACE)
# Seconds after which a call is given up. The daemon has deadlines of its own, all of them shorter,
# whatever its configuration; these end the wait for one that hangs. PERSON leaves time for a
# password asked for by polkit, and so for a scan that is allowed only then.
QUICK = 30.0
PERSON = 150.0
SCAN = PERSON + 320.0
WATCH = 660.0

# The bus's own errors for a method or arguments that the daemon does not know: versions differ.
MISMATCH = tuple(
    f"org.freedesktop.DBus.Error.{name}"
    for name in ("UnknownMethod", "UnknownInterface", "UnknownObject", "InvalidArgs")
)


class DaemonUnreachableError(FaceAuthError):
    """faceauthd does not answer: it is not running, it hangs, or the bus is not there."""

    name = "DaemonUnreachable"


class FaceAuth:
    """The daemon, over its own connection to the bus; also a context manager."""

    def __init__(self, bus_address: str | None = None) -> None:
        """Connect to ``bus_address``, else to $DBUS_SYSTEM_BUS_ADDRESS, else to the system bus."""
        address = bus_address or os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS
        try:
            self._bus = Bus(address)
        except BusError as error:
            raise DaemonUnreachableError(f"the system bus can't be reached: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bus; a call still running ends there."""
        self._bus.close()

    def can_verify(self, user: str = "", *, service: str = "") -> tuple[str, Details]:
        """("ready" or a result, {"confirm": …, "timeout": …})."""
        options = _options(service)
        result, policy = self._call("CanVerify", "(sa{sv})", user, options, timeout=PERSON)
        return result, policy

    def verify(
        self, user: str = "", *, service: str = "", on_progress: OnProgress | None = None
    ) -> tuple[str, Details]:
        """(result, details), as the XML says."""
        result, details = self._scan(on_progress, "Verify", "(sa{sv})", user, _options(service))
        return result, details

    def password_given(self, user: str, *, service: str = "") -> None:
        """Tell that the user has just proved by their password who they are; root alone may."""
        self._call("PasswordGiven", "(sa{sv})", user, _options(service))

    def identify(
        self, *, service: str = "", on_progress: OnProgress | None = None
    ) -> tuple[str, str, Details]:
        """(result, user, details), as the XML says."""
        result, user, details = self._scan(on_progress, "Identify", "(a{sv})", _options(service))
        return result, user, details

    def watch(
        self,
        on_frame: OnFrame,
        user: str = "",
        *,
        service: str = "",
        source_fd: int | None = None,
        pictures_fd: int | None = None,
    ) -> int:
        """How many frames ``on_frame`` got; it may call ``cancel``. The fds stay the caller's.

        What it raises ends the scan, and is raised here.
        """
        options = _options(service)
        fds = [fd for fd in (source_fd, pictures_fd) if fd is not None]
        if source_fd is not None:
            options["source"] = Typed("h", 0)
        if pictures_fd is not None:
            options["pictures"] = Typed("h", len(fds) - 1)
        with self._told("Frame", on_frame):
            (frames,) = self._scan(None, "Watch", "(sa{sv})", user, options, timeout=WATCH, fds=fds)
        return int(frames)

    def enroll(
        self,
        user: str = "",
        label: str = "",
        *,
        source_fd: int | None = None,
        any_camera: bool = False,
        on_progress: OnProgress | None = None,
    ) -> str:
        """The new face's id. ``source_fd`` (a video, or a tar of images) stays the caller's.

        ``any_camera`` lets the face be verified with every camera.
        """
        options: Options = {} if source_fd is None else {"source": Typed("h", 0)}
        if any_camera:
            options["any_camera"] = Typed("b", True)
        (face_id,) = self._scan(
            on_progress,
            "Enroll",
            "(ssa{sv})",
            *(user, label, options),
            fds=[] if source_fd is None else [source_fd],
        )
        return str(face_id)

    def cancel(self) -> None:
        """End this connection's own running scan; without one it does nothing."""
        self._call("Cancel")

    def list_faces(self, user: str = "") -> list[Details]:
        """The user's faces: id, label, engine, model, camera, created, templates, usable."""
        (faces,) = self._call("ListFaces", "(s)", user, timeout=PERSON)
        return list(faces)

    def list_events(
        self, user: str = "", *, everybody: bool = False, since: int = 0, most: int = 100
    ) -> list[Details]:
        """What happened lately to a user, or to everybody (root), oldest first."""
        options = {"since": Typed("x", since), "most": Typed("u", most)}
        if everybody:
            options["everybody"] = Typed("b", True)
        (events,) = self._call("ListEvents", "(sa{sv})", user, options, timeout=PERSON)
        return list(events)

    def rename_face(self, user: str, face_id: str, label: str) -> None:
        self._call("RenameFace", "(sss)", user, face_id, label, timeout=PERSON)

    def remove_face(self, user: str, face_id: str) -> None:
        self._call("RemoveFace", "(ss)", user, face_id, timeout=PERSON)

    def clear_faces(self, user: str = "") -> int:
        """How many faces were removed."""
        (removed,) = self._call("ClearFaces", "(s)", user, timeout=PERSON)
        return int(removed)

    def rekey(self) -> None:
        """A new key for the store; root alone may."""
        self._call("Rekey", timeout=PERSON)

    def backup_faces(self, key: bytes, fd: int, user: str = "") -> int:
        """How many faces were written, encrypted, behind the offset of the open file."""
        arguments = (user, list(key), 0)
        (faces,) = self._call("BackupFaces", "(sayh)", *arguments, timeout=PERSON, fds=[fd])
        return int(faces)

    def restore_faces(self, key: bytes, fd: int, user: str = "") -> tuple[int, int]:
        """How many faces were added from a backup, and how many were there already."""
        arguments = (user, list(key), 0)
        added, known = self._call("RestoreFaces", "(sayh)", *arguments, timeout=PERSON, fds=[fd])
        return int(added), int(known)

    def list_cameras(self) -> list[Details]:
        """id, name, node, driver, formats, virtual, infrared, usable and reason of each."""
        (cameras,) = self._call("ListCameras")
        return list(cameras)

    def get_status(self) -> Details:
        (status,) = self._call("GetStatus")
        return dict(status)

    def reload(self) -> None:
        """Have the configuration read again; InvalidArgumentError where it is wrong."""
        self._call("Reload", timeout=PERSON)

    def _scan(
        self,
        on_progress: OnProgress | None,
        method: str,
        signature: str,
        *values: object,
        timeout: float = SCAN,
        fds: Sequence[int] = (),
    ) -> tuple[Any, ...]:
        """A call that may take its time: hints arrive meanwhile, Ctrl-C ends it on both sides."""
        with self._told("Progress", on_progress) if on_progress else nullcontext():
            try:
                return self._call(method, signature, *values, timeout=timeout, fds=fds)
            except KeyboardInterrupt:
                self.cancel()
                raise

    @contextmanager
    def _told(self, signal: str, listener: Callable[..., None]) -> Iterator[None]:
        """While the block scans, the listener gets each such signal.

        What it raises ends the scan, and is raised behind it: in a callback of GLib's it would end
        nothing, or the process at once.
        """
        raised: list[BaseException] = []

        def tell(*values: object) -> None:
            try:
                if not raised:
                    listener(*values)
            except BaseException as error:
                raised.append(error)
                with suppress(FaceAuthError):  # then the scan ends by itself
                    self.cancel()

        stop = self._bus.on_signal(DAEMON, signal, tell)
        try:
            yield
        finally:
            stop()
            if raised:
                raise raised[0]

    def _call(
        self,
        method: str,
        signature: str = "()",
        *values: object,
        timeout: float = QUICK,
        fds: Sequence[int] = (),
    ) -> tuple[Any, ...]:
        try:
            return self._bus.wait(
                DAEMON, method, Typed(signature, values), timeout=timeout, fds=fds, interactive=True
            )
        except BusError as error:
            raise _as_ours(error) from None
        except ValueError:  # UnicodeError is one
            raise InvalidArgumentError(
                "a name or label can't be sent: it is no valid UTF-8 text, or has a NUL in it"
            ) from None


def _options(service: str) -> Options:
    return {"service": Typed("s", service)} if service else {}


def _as_ours(error: BusError) -> FaceAuthError:
    """What the bus or the daemon answered, as one of the contract's errors."""
    if error.name.startswith(ERROR_PREFIX):
        kind = ERRORS.get(error.name.removeprefix(ERROR_PREFIX), InternalError)
        return kind(str(error))
    if error.name in MISMATCH:
        return InternalError(f"faceauthd is another version than this program: {error}")
    return DaemonUnreachableError(
        f"faceauthd does not answer ({error}); see: systemctl status faceauthd"
    )
