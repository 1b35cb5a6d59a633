# SPDX-License-Identifier: MIT
"""What a sensor's pictures are like, and a recording's that is fed in at its place are not.

A sensor's noise makes every picture another one, byte for byte: in 5,623 pictures of 32 clips
none came back later, and one was sent twice in a row. So a picture that was sent before is not
shown again, in this scan or a later one, and the third of them ends the scan: a clip in a loop, or
the same clip at each attempt. Nor does the view jump from one picture to the next. A clip that is
played once and never again, or with noise added, is not found out here: that is up to liveness.
"""

import hashlib
from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from faceauthd.camera.terms import CameraError
from models.face import Image

ROWS = 4  # every fourth row tells two pictures apart as well as all: 0.15 ms for 640 × 480
REPEATS = 3  # that many pictures from before are no accident
REMEMBERED = 16_384  # pictures: nine minutes at 30 a second, and less than 2 MB

# A shutter before the lens, or a lamp in it, gives one and the same picture; no face is in those.
BLACK, WHITE = 16, 239

# The correlation of two views of 32 × 24 points, below which the second is another scene. Pictures
# of real cameras, at most 0.1 s apart: 0.65 and more; of two different clips: 9 of 10 below 0.5.
SAME_SCENE = 0.5
SOON = 0.15  # seconds: pictures further apart may differ
SETTLING = 0.5  # seconds in which a camera that was just opened sends what it likes
VIEW = (32, 24)
FLAT = 2.0  # standard deviation below which a view shows no scene

View = NDArray[np.float32]


class Memory:
    """The pictures that were sent before, as digests; the oldest are forgotten."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._digests: OrderedDict[bytes, None] = OrderedDict()
        self._most = most

    def knows(self, digest: bytes) -> bool:
        """Whether it was here before; from now on it was."""
        known = digest in self._digests
        self._digests[digest] = None
        if len(self._digests) > self._most:
            self._digests.popitem(last=False)
        return known


class Scrutiny:
    """Looks at the pictures of one scan, in order."""

    def __init__(self, name: str, memory: Memory | None) -> None:
        """``memory`` None: a camera that may show recordings, as an allowed virtual one may."""
        self._name = name
        self._memory = memory
        self._shape: tuple[int, ...] | None = None
        self._last = b""
        self._repeats = 0
        self._view: View | None = None
        self._opened: float | None = None
        self._at = 0.0

    def is_news(self, picture: Image, at: float) -> bool:
        """Whether the picture is to be shown; CameraError where it can come from no sensor."""
        if self._shape not in (None, picture.shape):
            raise self._broken("changes the size of its pictures")
        self._shape = picture.shape
        if int(picture.max()) < BLACK or int(picture.min()) > WHITE:
            self._view = None
            return True
        if not self._is_another(picture):
            return False
        self._refuse_jump(picture, at)
        return True

    def _is_another(self, picture: Image) -> bool:
        digest = hashlib.sha256(picture[::ROWS].tobytes()).digest()
        same, self._last = digest == self._last, digest
        if same:  # a driver may send one twice; one that is sent for ever is a frozen camera
            return False
        if self._memory is None or not self._memory.knows(digest):
            return True
        self._repeats += 1
        if self._repeats >= REPEATS:
            raise self._broken("sends pictures that it has sent before, as a recording does")
        return False

    def _refuse_jump(self, picture: Image, at: float) -> None:
        before, self._view = self._view, view(picture)
        gap, self._at = at - self._at, at
        self._opened = at if self._opened is None else self._opened
        if (
            self._memory is not None
            and before is not None
            and self._view is not None
            and gap <= SOON
            and at - self._opened > SETTLING
            and float((before * self._view).mean()) < SAME_SCENE
        ):
            raise self._broken("jumps from one scene to another, as a recording does")

    def _broken(self, what: str) -> CameraError:
        return CameraError("broken", f"{self._name} {what}")


def view(picture: Image) -> View | None:
    """The picture as few points, without its brightness and contrast; None where it is flat."""
    grey = cv2.cvtColor(cv2.resize(picture, VIEW, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    points = np.asarray(grey, np.float32) - np.float32(grey.mean())
    spread = float(points.std())
    return None if spread < FLAT else np.asarray(points / spread, np.float32)
