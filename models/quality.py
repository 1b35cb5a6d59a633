# SPDX-License-Identifier: MIT
"""How good a face's picture is: light, sharpness, turn of the head. Hints, never a verdict."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import Box, Image
from models.recognition.alignment import aligned


def brightness(image: Image, box: Box | None = None) -> float:
    """Mean luminance, 0-255, of ``box``, or of the image without one."""
    if box is not None:
        height, width = image.shape[:2]
        left, top = (int(max(value, 0)) for value in (box.x, box.y))
        right = int(min(box.x + box.width, width))
        bottom = int(min(box.y + box.height, height))
        if right > left and bottom > top:
            image = image[top:bottom, left:right]
    blue, green, red = cv2.mean(image)[:3]
    return 0.114 * blue + 0.587 * green + 0.299 * red


def sharpness(image: Image, landmarks: NDArray[np.float32]) -> float:
    """Variance of the Laplacian over the aligned face, so that the face's size does not matter."""
    grey = cv2.cvtColor(aligned(image, landmarks), cv2.COLOR_BGR2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))
    return float(deviation[0, 0] ** 2)


def yaw(landmarks: NDArray[np.float32]) -> float:
    """Rough turn of the head, -1 (nose towards the image's left) to 1; 0 looks at the camera.

    How far the nose lies from the middle of the eyes, along the line of the eyes, in halves of
    their distance.
    """
    right_eye, left_eye, nose = landmarks[0], landmarks[1], landmarks[2]
    across = left_eye - right_eye
    length = float(across @ across)
    if length < 1e-6:
        return 0.0
    aside = float((nose - (right_eye + left_eye) / 2) @ across) / length
    return float(np.clip(2 * aside, -1.0, 1.0))
