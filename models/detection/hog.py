# SPDX-License-Identifier: MIT
"""dlib's HOG detector with its five-point predictor: works with nothing installed.

The detector is blind to faces below 80 pixels in the image it sees, and its time grows with that
image's area. Frames are brought to ``LONG_SIDE``: there a face of a sixth of the frame's long side
is found, in about 11 ms (docs/accuracy.md). The landmarks are found in the full frame. A face that
was found so can be followed in a crop around the place where it was, in a quarter of the time; what
is elsewhere in the frame is not seen then.

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

from models.errors import ModelError
from models.face import Box, Face, Image
from models.registry import Model
from models.runtime import prepare
from models.scaling import scaled

LONG_SIDE = 480
# dlib's own limit is 0, where wallpaper and clothes now and then pass for a face and make the frame
# one of two faces. 0.1 loses under half a percent of LFW's faces.
SURE = 0.1
REACH = 2.0  # times its size: the crop in which a face is followed,
FOLLOWED = 100  # pixels: and its width there
PREDICTOR = "shape_predictor_5_face_landmarks.dat"

# Where tip of nose and corners of the mouth lie: so much of the way from the middle of the eyes to
# the base of the nose, and so many eye distances aside. Least squares against YuNet's points.
NOSE_TIP = 0.753
MOUTH = (1.340, 0.453)

Grey = NDArray[np.uint8]  # (height, width)


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
        return self._faces(grey, (0, 0), grey, LONG_SIDE)

    def follow(self, image: Image, before: Face) -> list[Face]:
        """The faces near the place where ``before`` was; none elsewhere."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        box, (height, width) = before.box, grey.shape
        reach = REACH / 2 * box.width
        left, right = (round(min(max(box.centre[0] + way, 0), width)) for way in (-reach, reach))
        top, bottom = (round(min(max(box.centre[1] + way, 0), height)) for way in (-reach, reach))
        if right - left < 1 or bottom - top < 1:
            return []
        crop = grey[top:bottom, left:right]
        side = round(max(crop.shape) * FOLLOWED / box.width)
        return self._faces(crop, (left, top), grey, side)

    def _faces(self, crop: Grey, corner: tuple[int, int], grey: Grey, long_side: int) -> list[Face]:
        """The faces in ``crop``, whose upper left corner is ``corner`` in the frame ``grey``."""
        small, scale = scaled(crop, long_side)
        boxes, scores, _ = self._find.run(np.ascontiguousarray(small), 0, SURE)
        return [
            self._face(grey, box, score, scale, corner)
            for box, score in zip(boxes, scores, strict=True)
        ]

    def _face(
        self,
        grey: Grey,
        box: dlib.rectangle,
        score: float,
        scale: float,
        corner: tuple[int, int],
    ) -> Face:
        edges = (box.left(), box.top(), box.right() + 1, box.bottom() + 1)
        left, top, right, bottom = (
            round(edge / scale) + start for edge, start in zip(edges, corner * 2, strict=True)
        )
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
