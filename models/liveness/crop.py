# SPDX-License-Identifier: MIT
"""The crop that a liveness model is trained on: the very one that it is given at run time."""

import cv2

from models.face import Box, Image
from models.liveness.passive import enlarged


def context_crop(image: Image, box: Box, scale: float, size: int) -> Image:
    """(size, size, 3) uint8 BGR: the box enlarged ``scale`` times, as passive.enlarged says.

    Raises ModelError where the box is empty.
    """
    left, top, right, bottom = enlarged(box, scale, image)
    crop: Image = cv2.resize(image[top:bottom, left:right], (size, size))
    return crop
