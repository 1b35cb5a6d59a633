# SPDX-License-Identifier: MIT
"""An engine whose embeddings a test can paint: the direction of a picture's mean colour.

Black shows nobody. It counts how often it looked, so that a test sees what a cache spares.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.engine import Engine
from models.face import Box, Face, Image
from models.recognition.alignment import TEMPLATE, unit

SIDE = 112
RED, GREEN, BLUE, BLACK = (20, 20, 240), (20, 240, 20), (240, 20, 20), (0, 0, 0)


class Painted:
    """Both the detector and the embedder."""

    dimension = 3

    def __init__(self) -> None:
        self.looked = 0

    def detect(self, image: Image) -> list[Face]:
        self.looked += 1
        return [Face(Box(0, 0, SIDE, SIDE), TEMPLATE, 1.0)] if image.any() else []

    def follow(self, image: Image, _: Face) -> list[Face]:
        return self.detect(image)

    def embed(self, image: Image, _: Face, _once: bool = False) -> NDArray[np.float32]:
        return unit(image.reshape(-1, 3).mean(axis=0).astype(np.float32))


def engine(model: str = "painted-v1") -> tuple[Engine, Painted]:
    """The engine, and the part that counts."""
    painted = Painted()
    return Engine("painted", model, painted, painted), painted


def paint(path: Path, colour: tuple[int, int, int]) -> Path:
    """A picture of this colour (blue, green, red)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((SIDE, SIDE, 3), colour, np.uint8))
    return path
