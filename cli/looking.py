# SPDX-License-Identifier: MIT
"""One look through a camera, by this process and not by the daemon: is there light, a face?

Only who may open the device can look: root, or a member of its group.
"""

import itertools

from faceauthd.camera.opening import open_source
from faceauthd.camera.terms import CameraError
from faceauthd.config import CameraConfig
from models.face import Image

SETTLING = 15  # frames until a webcam's exposure has settled


def look(camera: CameraConfig) -> Image:
    """What the camera sees once its exposure has settled, (height, width, 3) uint8 BGR.

    The camera is closed again when this returns. Raises CameraError: no such camera, no permission,
    busy, or no picture (`broken`).
    """
    source = open_source(camera)
    try:
        frames = list(itertools.islice(source.frames(), SETTLING))
    finally:
        source.close()
    if not frames:
        raise CameraError("broken", f"{source.name} gives no picture")
    return frames[-1].image


def brightness(image: Image) -> float:
    """Mean of all pixels, 0 to 255; what is too dark is `verify.dark` in the configuration."""
    return float(image.mean())
