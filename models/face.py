# SPDX-License-Identifier: MIT
"""Where a face is in an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (height, width, 3), BGR, as OpenCV reads it


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; x and y are its upper left corner and may lie outside the image."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 (apart) to 1 (the same)."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True)
class Face:
    """One detected face.

    ``landmarks`` is (5, 2) float32 in pixels: the subject's right eye, left eye, nose tip, right
    and left corner of the mouth (so the right eye is on the image's left), YuNet's order. A
    detector with other points says so by its own type; engines turn theirs into these five.
    ``score`` is the detector's own confidence; its scale differs between detectors.
    """

    box: Box
    landmarks: NDArray[np.float32]
    score: float
