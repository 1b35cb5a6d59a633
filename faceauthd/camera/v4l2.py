# SPDX-License-Identifier: MIT
"""A V4L2 camera, through OpenCV: colour as MJPG or YUYV, infrared as grey.

A camera that is unplugged, sends nothing, or sends one and the same picture for ever is an error,
not an endless wait. One whose pictures come from no sensor (scrutiny.py) is an error at once.
"""

import time
from pathlib import Path

import cv2
import numpy as np

from faceauthd.camera import ioctls
from faceauthd.camera.discovery import READABLE_FORMATS
from faceauthd.camera.scrutiny import Memory, Scrutiny
from faceauthd.camera.terms import CameraError, CameraInfo, check_size
from models.face import Image

SILENCE = 2.0  # seconds without a new picture after which a camera is broken
_RETRY = 0.01  # seconds between two attempts to read

# All that this process has seen, whichever scan it was in: a clip may be fed in at each.
SEEN = Memory()


class Camera:
    """An open camera. Its pictures are to be read as fast as they come."""

    def __init__(
        self, info: CameraInfo, width: int, height: int, fps: float, memory: Memory = SEEN
    ) -> None:
        """Opens the camera; ``width``, ``height`` and ``fps`` are wishes, 0 for its own.

        A virtual camera that is allowed may show recordings: whoever allows it was told so.
        """
        self._info = info
        self._scrutiny = Scrutiny(f"camera {info.name!r}", None if info.virtual else memory)
        code = next(code for code in READABLE_FORMATS if code in info.formats)
        wishes = [cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*code)]
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, width),
            (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, fps),
        ):
            wishes += [key, int(value)] if value else []
        self._device = cv2.VideoCapture(info.node, cv2.CAP_V4L2, wishes)
        if not self._device.isOpened():
            self._device.release()
            raise self._why_not_open()

    def read(self) -> tuple[Image, float] | None:
        """The next picture and when it came, in seconds of the monotonic clock."""
        deadline = time.monotonic() + SILENCE
        is_frozen = False
        while time.monotonic() < deadline:
            ok, image = self._device.read()
            at = time.monotonic()
            if ok and image is not None and image.size:
                picture = _in_colour(image)
                check_size(f"camera {self._info.name!r}: its picture", *picture.shape[1::-1])
                if self._scrutiny.is_news(picture, at):
                    return picture, at
                is_frozen = True
                continue
            if not Path(self._info.node).exists():
                raise CameraError("missing", f"camera {self._info.name!r} was unplugged")
            time.sleep(_RETRY)  # a torn MJPG picture, as many cameras send when they start
        what = "is frozen: unplug it once" if is_frozen else "sends no picture"
        raise CameraError("broken", f"camera {self._info.name!r} {what}")

    def close(self) -> None:
        self._device.release()

    def _why_not_open(self) -> CameraError:
        name = f"camera {self._info.name!r}"
        try:
            if ioctls.is_taken(self._info.node):
                return CameraError("busy", f"{name} is in use by another program")
        except FileNotFoundError:
            return CameraError("missing", f"{name} was unplugged")
        except PermissionError:
            return CameraError("refused", f"{name}: no permission for {self._info.node}")
        except OSError as error:
            return CameraError("broken", f"{name}: {error.strerror}")
        return CameraError("broken", f"{name} cannot be opened as a camera")


def _in_colour(image: Image) -> Image:
    """Three channels; an infrared camera's one is repeated."""
    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(image, np.uint8)
