# SPDX-License-Identifier: MIT
"""The words that everything about cameras shares: an error, a camera's description, a frame.

Nothing here needs OpenCV, so that the daemon can use it.
"""

from dataclasses import dataclass
from typing import Literal

from models import picture
from models.face import Image
from models.picture import PictureError

# missing: there is no such camera, or it was unplugged. busy: another program has it.
# broken: it is there and gives no usable picture. refused: it may not be used.
Why = Literal["missing", "busy", "broken", "refused"]

Device = str | tuple[str, ...]  # the configuration's: one, or several, of which the first is best

PASSED_FILE_ID = "file"  # the camera of a scan whose frames came from a file of the caller's


class CameraError(Exception):
    """Why there are no frames: a reason that programs can use and one line for people."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why = why
        self.text = text


@dataclass(frozen=True)
class CameraInfo:
    """One camera of this machine.

    id        stable over reboots and other USB ports where the hardware allows it
    name      the name that the driver gives it, for people
    node      its device node now, for example /dev/video0
    driver    the kernel driver's name
    formats   the pixel formats it offers, as four-character codes
    virtual   no physical device stands behind it
    infrared  it sees infrared light and no colours
    usable    faceauth can take frames from it
    reason    why it is not usable; empty where it is
    """

    id: str
    name: str
    node: str
    driver: str
    formats: tuple[str, ...]
    virtual: bool
    infrared: bool
    usable: bool
    reason: str


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source.

    image  (height, width, 3) uint8, BGR
    at     seconds since the source's first frame, strictly increasing: capture time of a camera,
           media time of a file
    index  number of the frame from 0; frames that nobody took count
    """

    image: Image
    at: float
    index: int


def printable(text: str, limit: int = 64) -> str:
    """``text`` as one short line: a camera's name comes from the device and may hold anything."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(line.split())[:limit]


def check_size(name: str, width: int, height: int) -> None:
    """Refuses a picture of a size that cannot be meant, before its pixels are decoded."""
    try:
        picture.check_size(name, width, height)
    except PictureError as error:
        raise CameraError("broken", str(error)) from None
