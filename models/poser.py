# SPDX-License-Identifier: MIT
"""What measures a pose: the detector's landmarks, and dlib's 68 points where they are installed.

A turn of the head shows in the detector's five landmarks. A nod does not, as YuNet's move hardly at
all with it, and neither do eyes that close: both take the 68 points. dlib's own detector offers
nothing: tip of nose and mouth are estimated there, and it loses a head that turns.
"""

from pathlib import Path

from models.detection.points68 import FacePoints, nod, openness
from models.engine import ENGINES
from models.face import Face, Image
from models.pose import Pose, turn
from models.registry import model


class Poser:
    """``parts`` are the parts of a pose that it measures; the others stay 0."""

    def __init__(self, points: FacePoints | None) -> None:
        self._points = points
        self.parts = ("turn", "nod", "eyes") if points else ("turn",)

    def measure(self, image: Image, face: Face) -> Pose:
        """The pose of a face that YuNet found in ``image``."""
        turned = turn(face.landmarks)
        if self._points is None:
            return Pose(turned)
        points = self._points.find(image, face)
        return Pose(turned, nod(points), openness(points))


def load_poser(engine: str, models_dir: Path) -> Poser | None:
    """What the engine's faces can be measured with; None where that is nothing.

    Raises ModelError where the file of the 68 points is there and not the registered one.
    """
    if "yunet" not in ENGINES[engine]:
        return None
    about = model("points68")
    (file,) = about.files
    installed = about.is_installed(models_dir)
    if not installed or not (about.directory(models_dir) / file.name).exists():
        return Poser(None)
    return Poser(FacePoints(about, models_dir))
