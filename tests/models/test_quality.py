# SPDX-License-Identifier: MIT
"""Quality: known pictures, known numbers."""

import cv2
import numpy as np
import pytest

from models.face import Box
from models.quality import brightness, sharpness, yaw
from models.recognition.alignment import TEMPLATE


def test_brightness_is_luminance_of_the_box() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20, 30:50] = (0, 255, 0)
    assert brightness(image, Box(30, 10, 20, 10)) == pytest.approx(0.587 * 255, abs=0.1)
    assert brightness(image) == pytest.approx(0.587 * 255 / 12, abs=0.1)
    half_outside = Box(40, -10, 100, 30)
    assert brightness(image, half_outside) == pytest.approx(0.587 * 255 / 4, abs=0.1)
    assert brightness(image, Box(500, 500, 10, 10)) == brightness(image)


def test_blur_is_less_sharp() -> None:
    image = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    soft = cv2.GaussianBlur(image, (0, 0), 2)
    assert sharpness(soft, TEMPLATE) < sharpness(image, TEMPLATE) / 10


def test_yaw_follows_the_nose() -> None:
    assert abs(yaw(TEMPLATE)) < 0.05
    turned = TEMPLATE.copy()
    turned[2, 0] += 12
    assert 0.5 < yaw(turned) < 0.9
    turned[2, 0] -= 24
    assert -0.9 < yaw(turned) < -0.5
    rolled = turned @ np.array([[0, 1], [-1, 0]], np.float32)  # the head lies on its side
    assert yaw(rolled) == pytest.approx(yaw(turned), abs=1e-5)
    turned[2, 0] = 1e6
    assert yaw(turned) == 1.0
    assert yaw(np.zeros((5, 2), np.float32)) == 0.0
