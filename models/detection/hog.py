# SPDX-License-Identifier: MIT
"""dlib's HOG detector with its five-point predictor: works with nothing installed.

The detector is blind to faces below 80 pixels in the image it sees, and its time grows with that
image's area. Frames are brought to ``LONG_SIDE``: there a face of a sixth of the frame's long side
is found, in about 11 ms (docs/accuracy.md). The landmarks are found in the full frame.

dlib's five points are four corners of the eyes and the base of the nose. They are kept as they are
in ``DlibFace.points``, by which dlib's chip is cut. ``Face.landmarks`` is derived: an eye is the
middle of its corners, tip of nose and corners of the mouth are *estimated* from the eyes and the
base of the nose. Against YuNet's points on 1,543 faces of LFW the median distance is 8 % of the
distance between the eyes for eyes and nose, and 14-15 % for the corners of the mouth. (dlib's
68-point model has a mouth, but its file takes 0.9 s and 100 MB to load.) Nothing may judge an
expression by these points.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from models.detection.scaling import scaled
from models.errors import ModelError
from models.face import Box, Face, Image
from models.registry import Model
from models.runtime import prepare

LONG_SIDE = 480
# dlib's own limit is 0, where wallpaper and clothes now and then pass for a face and make the frame
# one of two faces. 0.1 loses under half a percent of LFW's faces.
SURE = 0.1
PREDICTOR = "shape_predictor_5_face_landmarks.dat"

# Where tip of nose and corners of the mouth lie: so much of the way from the middle of the eyes to
# the base of the nose, and so many eye distances aside. Least squares against YuNet's points.
NOSE_TIP = 0.753
MOUTH = (1.340, 0.453)


@dataclass(frozen=True)
class DlibFace(Face):
    """A face with dlib's own points, (5, 2) float32 pixels.

    The subject's left eye's outer and inner corner, right eye's outer and inner corner, and the
    base of the nose.
    """

    points: NDArray[np.float32]


class HogDetector:
    """Frontal faces by dlib's histogram of oriented gradients."""

    def __init__(self, model: Model, models_dir: Path) -> None:
        """Load the predictor; ModelError where it is missing or changed."""
        prepare()
        self._find = dlib.get_frontal_face_detector()
        path = model.path(PREDICTOR, models_dir)
        try:
            self._predict = dlib.shape_predictor(str(path))
        except RuntimeError as error:
            raise ModelError(f"{path}: dlib cannot read it") from error

    def detect(self, image: Image) -> list[Face]:
        """All faces in ``image``, the surest first; score is dlib's, 0.1 and above."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        small, scale = scaled(grey, LONG_SIDE)
        boxes, scores, _ = self._find.run(small, 0, SURE)
        return [
            self._face(grey, box, score, scale) for box, score in zip(boxes, scores, strict=True)
        ]

    def _face(
        self, grey: NDArray[np.uint8], box: dlib.rectangle, score: float, scale: float
    ) -> Face:
        edges = (box.left(), box.top(), box.right() + 1, box.bottom() + 1)
        left, top, right, bottom = (round(edge / scale) for edge in edges)
        shape = self._predict(grey, dlib.rectangle(left, top, right - 1, bottom - 1))
        points = np.array([(part.x, part.y) for part in shape.parts()], np.float32)
        whole = Box(left, top, right - left, bottom - top)
        return DlibFace(whole, landmarks(points), float(score), points)


def landmarks(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The landmarks of models.face.Face, (5, 2), from dlib's five points."""
    left_eye, right_eye = points[:2].mean(axis=0), points[2:4].mean(axis=0)
    middle, across = (left_eye + right_eye) / 2, left_eye - right_eye
    down = points[4] - middle
    below = middle + MOUTH[0] * down
    aside = MOUTH[1] * across
    nose = middle + NOSE_TIP * down
    return np.array([right_eye, left_eye, nose, below - aside, below + aside], np.float32)
