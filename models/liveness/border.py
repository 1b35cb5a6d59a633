# SPDX-License-Identifier: MIT
"""The border of what a face is shown on: four straight edges around it, all turned alike.

A photograph or a screen that is held before a camera ends somewhere, and where it ends near the
face its edges are straight, as long as the face, and on all four sides of it. Nothing around a face
that is really there is like that: walls and shelves have edges, but seldom on both sides, and none
across the chest. A network sees such a border badly where the picture inside is a good one
(docs/liveness.md, "Photographs held before a face"), but a line is easily measured. So it is
measured, and nothing of it is learnt.

It votes as every passive model does, and may only deny: its score is 1 less how much of a border
there is.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.face import Box, Face, Image
from models.liveness.calibration import Calibration
from models.liveness.passive import PassiveModel

ID = "border"
DESCRIPTION = Path(__file__).with_name("border.json")
WIDTH, HEIGHT = 40, 50  # pixels that the face's box is brought to
AROUND = 3.0  # what is looked at, in widths and heights of it
SLOPE = 30.0  # of an edge that counts by half: Sobel's sum, four times the grey levels a pixel
TURNS = np.tan(np.radians(np.arange(-12, 13, 3)))  # of what is held, out of the upright
LONG = 0.44  # an edge runs so far to both sides of the face's middle, in widths or heights

Numbers = NDArray[np.float32]
_WIDE, _HIGH = int(AROUND * WIDTH), int(AROUND * HEIGHT)
_MIDDLE = (_WIDE / 2, _HIGH / 2)


def border(image: Image, box: Box) -> float:
    """How much of a border there is around the face, from 0 (none) to 1.

    Of each side's best straight line the mean of its pixels, each by how steep it is across the
    line; of the four sides the geometric mean, to which one side without an edge leaves little (the
    back of a chair, a door and a shelf have three); and all that at the turn where it is most.
    """
    high, wide = image.shape[:2]
    if not (0 < box.width < 4 * wide and 0 < box.height < 4 * high):
        raise ModelError("the face's box is no face's, so liveness cannot be judged")
    grey = cv2.GaussianBlur(_around(image, box), (3, 3), 0.8)
    across, down = (np.abs(slopes) for slopes in cv2.spatialGradient(grey))  # Sobel's
    counted = _counted(np.asarray(across - down, np.float32))
    upright, level = np.maximum(counted, 0), np.maximum(-counted, 0)
    best = np.ones(len(TURNS), np.float32)
    for edges, lines in zip((upright, upright, level, level), _SIDES, strict=True):
        best *= _means(edges.take(lines, mode="clip")).max(axis=1)  # clip: it copies less
    return float(best.max() ** 0.25)


class Border(PassiveModel):
    """The vote of what has no network: ``score`` is 1 less the border, used as a probability."""

    def __init__(self, threshold: float, calibration: Calibration | None) -> None:
        self.id = ID
        self.threshold = threshold
        self.calibration = calibration

    @classmethod
    def shipped(cls) -> "Border":
        """At the threshold that ships; ModelError where that cannot be read."""
        try:
            table = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
            threshold = float(table["threshold"])
        except (OSError, ValueError, KeyError, TypeError):
            raise ModelError(f"{DESCRIPTION}: damaged; install faceauth again") from None
        if not 0 < threshold < 1:
            raise ModelError(f"{DESCRIPTION}: damaged; install faceauth again")
        return cls(threshold, Calibration.read(table.get("calibration"), str(DESCRIPTION)))

    def score(self, image: Image, face: Face) -> float:
        return 1 - border(image, face.box)


def _around(image: Image, box: Box) -> NDArray[np.uint8]:
    """The face and what is around it, grey, (_HIGH, _WIDE).

    Where the frame ends, its last pixels go on: they have no edge there.
    """
    reach = (AROUND * box.width / 2, AROUND * box.height / 2)
    left, top = (round(at - far) for at, far in zip(box.centre, reach, strict=True))
    right, bottom = left + max(round(2 * reach[0]), 1), top + max(round(2 * reach[1]), 1)
    high, wide = image.shape[:2]
    part = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if not part.size:
        raise ModelError("the face's box lies outside of the image, so liveness cannot be judged")
    part = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    missing = (max(-top, 0), max(bottom - high, 0), max(-left, 0), max(right - wide, 0))
    if any(missing):
        part = cv2.copyMakeBorder(part, *missing, cv2.BORDER_REPLICATE)
    while part.shape[0] >= 2 * _HIGH and part.shape[1] >= 2 * _WIDE:
        # Halves first, in a sixth of the time that one mean over so many pixels takes.
        part = cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(part, (_WIDE, _HIGH)), np.uint8)


def _counted(slope: Numbers) -> Numbers:
    """A slope as what it counts: 0 without one, 1/2 at SLOPE, towards 1; below 0 as it is."""
    return np.asarray(slope / (SLOPE + np.abs(slope)), np.float32)


def _means(lines: Numbers) -> Numbers:
    """(turns, positions): what is along each line, on average. By a product, which is quicker."""
    along = lines.shape[1]
    return np.asarray(np.full(along, 1 / along, np.float32) @ lines, np.float32)


def _lines(axis: int, near: float, far: float) -> NDArray[np.intp]:
    """(turns, along, positions): the pixels of upright (0) or level (1) lines, as flat indices.

    The lines cross the face's middle line from ``near`` to ``far``, in widths or heights of it.
    """
    sizes, faces = (_WIDE, _HIGH), (WIDTH, HEIGHT)
    (middle, other), reach = (_MIDDLE[axis], _MIDDLE[1 - axis]), faces[1 - axis] * LONG
    first, last = sorted(int(middle + place * faces[axis]) for place in (near, far))
    positions = np.arange(max(first, 1), min(last, sizes[axis] - 1))
    along = np.arange(int(other - reach), int(other + reach))[:, None]
    moved = np.rint(positions + TURNS[:, None, None] * (-1) ** axis * (along - other))
    moved = moved.clip(0, sizes[axis] - 1)
    flat = moved * _WIDE + along if axis else along * _WIDE + moved
    return np.asarray(flat, np.intp)


# Where an edge may lie: left, right, above, below.
_SIDES = (_lines(0, -0.2, -1.3), _lines(0, 0.2, 1.3), _lines(1, -0.25, -1.3), _lines(1, 0.3, 1.3))
