# SPDX-License-Identifier: MIT
"""dlib's 68 points of a face: what nods and blinks are seen by.

dlib's predictor was trained on the boxes of dlib's own detector. It gets such a box, made from that
of whoever found the face: over 1,294 faces of 19 clips that both detectors found, the centre of
dlib's box lies 0.57 down YuNet's, and its side is 0.79 of YuNet's height (medians).

The file is not for commercial use (registry.toml), takes 1.6 s and 100 MB to load, and is loaded
only where a policy asks for a challenge.
"""

from pathlib import Path

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.face import Box, Face, Image
from models.pose import skewed
from models.registry import Model

CENTRE, SIDE = 0.57, 0.79  # of the height of the face's box

# Numbers of the points. An eye's six begin at its outer (right eye) or inner (left eye) corner and
# go around: corner, two above, corner, two below.
RIGHT_EYE, LEFT_EYE = 36, 42
NOSE_TIP, NOSE_BASE = 30, 33

Points = NDArray[np.float32]  # (68, 2), pixels


class FacePoints:
    """The predictor."""

    def __init__(self, model: Model, models_dir: Path) -> None:
        """Load it; ModelError where it is missing or changed."""
        path = model.path(model.files[0].name, models_dir)
        try:
            self._predict = dlib.shape_predictor(str(path))
        except RuntimeError as error:
            raise ModelError(f"{path}: dlib cannot read it") from error

    def find(self, image: Image, face: Face) -> Points:
        """The points of a face, (68, 2) float32 pixels, in iBUG's order."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        shape = self._predict(grey, _dlibs_box(face.box))
        return np.array([(part.x, part.y) for part in shape.parts()], np.float32)


def nod(points: Points) -> float:
    """``Pose.nod``."""
    return _down(points, NOSE_TIP)


def openness(points: Points) -> float:
    """``Pose.eyes``: the gap between the lids, at two places in each eye, by the face's height.

    Not by the eye's width, as is usual: a photograph that is tilted would close its eyes.
    """
    gaps = [
        _down(points, eye + below) - _down(points, eye + above)
        for eye in (RIGHT_EYE, LEFT_EYE)
        for above, below in ((1, 5), (2, 4))
    ]
    return sum(gaps) / len(gaps)


def _down(points: Points, number: int) -> float:
    """How far down a point lies between the eyes (0) and the base of the nose (1).

    The base of the nose is the lower end and not the mouth, which smiles.
    """
    right_eye, left_eye = _middle(points, RIGHT_EYE), _middle(points, LEFT_EYE)
    middle, across = (right_eye + left_eye) / 2, left_eye - right_eye
    return skewed(middle, across, points[NOSE_BASE], points[number])[1]


def _middle(points: Points, eye: int) -> NDArray[np.float32]:
    middle: NDArray[np.float32] = points[eye : eye + 6].mean(axis=0)
    return middle


def _dlibs_box(box: Box) -> dlib.rectangle:
    x, y = box.x + box.width / 2, box.y + CENTRE * box.height
    half = SIDE * box.height / 2
    return dlib.rectangle(round(x - half), round(y - half), round(x + half), round(y + half))
