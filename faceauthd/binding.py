# SPDX-License-Identifier: MIT
"""Which faces may be verified with a camera: those that were enrolled with it.

Who replaces the camera by a device of their own has to make it look like the one that was there. A
face that was enrolled from a passed file, or for any camera, is bound to none.
"""

from collections.abc import Sequence

from faceauthd.camera.terms import PASSED_FILE_ID
from faceauthd.capture import RefusalError
from faceauthd.results import Result
from faceauthd.store import FaceRecord

ANY_CAMERA = ""  # the camera of a face that is bound to none


def on_camera(
    faces: Sequence[FaceRecord], camera: str, *, any_camera: bool
) -> Sequence[FaceRecord]:
    """Those of the faces that may be verified with the camera of this id.

    RefusalError where that is none of them; ``any_camera`` is the configuration's.
    """
    unbound = (ANY_CAMERA, PASSED_FILE_ID)
    allowed = [face for face in faces if any_camera or face.camera in (camera, *unbound)]
    if faces and not allowed:
        raise RefusalError(
            Result.NOT_ENROLLED,
            f"no face was enrolled with this camera ({camera}): enrol again, or allow "
            "verify.any_camera",
        )
    return allowed
