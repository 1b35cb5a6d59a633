# SPDX-License-Identifier: MIT
"""What daemon and worker say to each other: orders one way, reports the other.

docs/architecture.md lists them; how they travel, and are checked, is in wire.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from faceauthd.camera.terms import CameraError, CameraInfo
from faceauthd.config import CameraConfig
from models.observation import Observation
from models.pose import Pose

LONGEST_TEXT = 500  # characters
POSE = tuple(part.name for part in fields(Pose))

EndWhy = Literal["stopped", "end", "missing", "busy", "broken", "error"]
Cues = Mapping[str, Mapping[str, float]]  # cue → model → the probability below which it denies
Bounds = tuple[tuple[float, float], ...]  # (threshold, BPCER that it does not exceed), both rising


@dataclass(frozen=True)
class Scan:
    """Open the camera and send observations until told to stop.

    A face that is followed is embedded ``every`` so many seconds; 0 is in each frame. Behind
    ``enough`` frames with a face in a row their reports are waited for; 0 is never.
    """

    id: int
    camera: CameraConfig
    liveness: tuple[str, ...]
    embed: bool
    every: float = 0.0
    enough: int = 0


@dataclass(frozen=True)
class Every:
    """From now on in the scan, embed ``every`` so many seconds, ``once`` without the mirror."""

    id: int
    every: float
    once: bool = False


@dataclass(frozen=True)
class Show:
    """From now on in the scan, send pictures to the socket that comes along (camera/preview.py)."""

    id: int


@dataclass(frozen=True)
class Stop:
    """End the scan, close the camera."""

    id: int


@dataclass(frozen=True)
class ListCameras:
    """List the cameras; ``allow_virtual`` as in the configuration."""

    id: int
    allow_virtual: tuple[str, ...]


@dataclass(frozen=True)
class Ready:
    """The models are loaded.

    ``pose`` names the parts of a Pose that can be measured; ``bounds`` says what is known of a
    liveness model's thresholds.
    """

    engine: str
    model: str
    dimension: int
    cues: Cues
    pose: tuple[str, ...] = ()
    bounds: Mapping[str, Bounds] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """The camera is open."""

    id: int
    camera_id: str
    camera_name: str


@dataclass(frozen=True, eq=False)
class Judged:
    """One frame, judged."""

    id: int
    observation: Observation


@dataclass(frozen=True)
class Cameras:
    """The cameras that there are."""

    id: int
    cameras: tuple[CameraInfo, ...]


@dataclass(frozen=True)
class Ended:
    """The scan is over and the camera is closed."""

    id: int
    why: EndWhy
    text: str


@dataclass(frozen=True)
class Failed:
    """The worker cannot work, and exits."""

    text: str


Order = Scan | Every | Show | Stop | ListCameras
Report = Ready | Opened | Judged | Cameras | Ended | Failed


def ended_by(error: CameraError) -> tuple[EndWhy, str]:
    """How a scan ends by this error; there is no word for a camera that may not be used."""
    return "error" if error.why == "refused" else error.why, one_line(error.text)


def one_line(text: str, longest: int = LONGEST_TEXT) -> str:
    """``text`` as the other side will accept it."""
    return "".join(c if c.isprintable() else " " for c in text)[:longest]
