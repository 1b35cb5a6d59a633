# SPDX-License-Identifier: MIT
"""From an image of the right size to a network's input, as data: registry.toml, liveness JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.face import Image

LARGEST_INPUT = 1024  # pixels; a description with more is a mistake


@dataclass(frozen=True)
class Preprocessing:
    """A square input of ``size`` pixels: (value - mean) / std by channel, values 0-255.

    ``mean`` and ``std`` are in the order of ``colour``, "bgr" or "rgb".
    """

    size: int
    colour: str = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @classmethod
    def read(cls, table: Mapping[str, Any], where: str) -> "Preprocessing":
        """From a table with these fields as keys; ModelError names the wrong one."""
        unknown = table.keys() - {"size", "colour", "mean", "std"}
        size, colour = table.get("size"), table.get("colour", "bgr")
        if unknown:
            raise ModelError(f'{where}: unknown key "{min(unknown)}" in its input')
        if type(size) is not int or not 8 <= size <= LARGEST_INPUT:
            raise ModelError(f"{where}: size must be a whole number from 8 to {LARGEST_INPUT}")
        if colour not in ("bgr", "rgb"):
            raise ModelError(f'{where}: colour must be "bgr" or "rgb"')
        mean = _channels(table.get("mean", cls.mean), f"{where}: mean")
        std = _channels(table.get("std", cls.std), f"{where}: std")
        if min(std) <= 0:
            raise ModelError(f"{where}: std must be above 0")
        return cls(size, colour, mean, std)

    def blob(self, image: Image) -> NDArray[np.float32]:
        """(1, 3, size, size) float32 from ``image`` (size, size, 3) uint8 BGR.

        It is a view of (size, size, 3), the order in which the runtime wants it.
        """
        if self.colour == "rgb":
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        values = image.astype(np.float32, order="C")
        # By whole rows: numpy takes four times as long with three numbers at a time.
        rows = values.reshape(len(image), -1)
        if any(self.mean):
            rows -= np.tile(np.array(self.mean, np.float32), image.shape[1])
        if self.std != (1, 1, 1):
            rows /= np.tile(np.array(self.std, np.float32), image.shape[1])
        return values.transpose(2, 0, 1)[None]


def _channels(values: Any, where: str) -> tuple[float, float, float]:
    if (
        not isinstance(values, list | tuple)
        or len(values) != 3
        or not all(type(value) in (int, float) and abs(value) <= 1e6 for value in values)
    ):
        raise ModelError(f"{where} must be three numbers")
    return float(values[0]), float(values[1]), float(values[2])
