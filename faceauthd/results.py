# SPDX-License-Identifier: MIT
"""The words of the D-Bus contract: results, errors, names, and a limit.

This is the one list of what Verify can answer; docs/dbus.md explains each word and the PAM
module maps it to a PAM code.
"""

from enum import StrEnum

BUS_NAME = "org.faceauth.FaceAuth1"
OBJECT_PATH = "/org/faceauth/FaceAuth1"
INTERFACE = "org.faceauth.FaceAuth1.Manager"
ERROR_PREFIX = "org.faceauth.FaceAuth1.Error."
SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
LARGEST_BACKUP = 64 << 20  # bytes behind the offset of the file that RestoreFaces is given


class Result(StrEnum):
    """What one verification ended with."""

    MATCH = "match"
    # A face was judged, and refused. Only these count towards the lockout.
    NO_MATCH = "no-match"
    NOT_LIVE = "not-live"
    LOCKED_OUT = "locked-out"
    # Nothing was judged.
    NO_FACE = "no-face"
    MULTIPLE_FACES = "multiple-faces"
    TOO_DARK = "too-dark"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    BUSY = "busy"
    # It cannot, or may not, be tried now.
    NOT_ENROLLED = "not-enrolled"
    CAMERA_MISSING = "camera-missing"
    REMOTE = "remote"
    LID_CLOSED = "lid-closed"
    DISABLED = "disabled"
    STRONG_AUTH_REQUIRED = "strong-auth-required"
    ERROR = "error"

    @property
    def judged_refusal(self) -> bool:
        """Whether a face was judged and refused: what the lockout counts."""
        return self in (Result.NO_MATCH, Result.NOT_LIVE)


class FaceAuthError(Exception):
    """An error that crosses the bus as ``org.faceauth.FaceAuth1.Error.<name>`` with one clear line.

    The text goes to the caller verbatim: it says what, where and how to mend it, and never holds
    a score or a path that the caller may not know.
    """

    name = "Internal"

    @property
    def dbus_name(self) -> str:
        return ERROR_PREFIX + self.name


class PermissionDeniedError(FaceAuthError):
    """The caller may not do this, and polkit did not change that."""

    name = "PermissionDenied"


class BusyError(FaceAuthError):
    """Another call is using the camera."""

    name = "Busy"


class NotEnrolledError(FaceAuthError):
    """The user, or the named face, is not enrolled."""

    name = "NotEnrolled"


class NoCameraError(FaceAuthError):
    """There is no usable camera."""

    name = "NoCamera"


class InvalidArgumentError(FaceAuthError):
    """The call's arguments are wrong."""

    name = "InvalidArgument"


class EnrollFailedError(FaceAuthError):
    """The frames did not suffice for a template."""

    name = "EnrollFailed"


class CancelledError(FaceAuthError):
    """The caller, or the end of the daemon, ended the call."""

    name = "Cancelled"


class StorageError(FaceAuthError):
    """The store can't be read or written: full disk, damaged file, wrong key."""

    name = "Storage"


class InternalError(FaceAuthError):
    """Something that should not happen did; the daemon's log has the reason."""

    name = "Internal"


ERRORS: dict[str, type[FaceAuthError]] = {
    cls.name: cls
    for cls in (
        PermissionDeniedError,
        BusyError,
        NotEnrolledError,
        NoCameraError,
        InvalidArgumentError,
        EnrollFailedError,
        CancelledError,
        StorageError,
        InternalError,
    )
}
