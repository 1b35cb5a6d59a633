# SPDX-License-Identifier: MIT
"""How a head is held, in numbers that a flat picture cannot change by being turned or tilted.

Seen by a camera, a flat picture that is moved, turned, tilted or brought nearer changes (nearly) by
an affine map. So a pose is made of what such a map leaves as it is: where the tip of the nose,
which sticks out of the face, lies in the skewed coordinates of points that do not. A head that
turns moves the tip against the eyes and the mouth; a photograph that turns moves all alike.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.floating[Any]]  # (2,), pixels


@dataclass(frozen=True)
class Pose:
    """How one face is held, and its eyes.

    turn  how far the nose lies to the image's right, in distances between the eyes: about -0.5
          (the head is turned to its own right) to 0.5 (to its own left), 0 faces the camera
    nod   how far down the tip of the nose lies between the eyes (0) and its base (1): about 0.5
          (head back) to 0.8 (bent)
    eyes  how far they are open: the gap between the lids by the length that ``nod`` is measured in,
          about 0.05 (closed) to 0.2

    ``nod`` and ``eyes`` stay 0 where no installed model sees them.
    """

    turn: float
    nod: float = 0.0
    eyes: float = 0.0


def skewed(origin: Point, right: Point, down: Point, point: Point) -> tuple[float, float]:
    """``point`` in the coordinates in which ``origin`` is (0, 0), and ``down`` is (0, 1).

    ``right`` is the vector that is one to the right. Every affine map leaves the result as it is.
    Points on one line say nothing: (0, 0).
    """
    axis = down - origin
    area = float(right[0] * axis[1] - right[1] * axis[0])
    if abs(area) < 1e-6:
        return 0.0, 0.0
    x, y = point - origin
    return float(x * axis[1] - y * axis[0]) / area, float(right[0] * y - right[1] * x) / area


def turn(landmarks: NDArray[np.float32]) -> float:
    """``Pose.turn`` by the five landmarks of models.face.Face, (5, 2)."""
    right_eye, left_eye, nose = landmarks[:3]
    middle, mouth = (right_eye + left_eye) / 2, landmarks[3:].mean(axis=0)
    return skewed(middle, left_eye - right_eye, mouth, nose)[0]
