# SPDX-License-Identifier: MIT
"""What a liveness model's thresholds cost: the live faces that each refuses, by whole decisions.

Measured on live faces that the model was not trained on, at thresholds that are the same for every
model, so that none was chosen by the faces that it is measured on. A description (passive.py)
keeps it as

    {"decisions": 109, "frames": 10,        decisions on live faces, and frames in each
     "points": [[0.31, 0, 0.033], …]}       threshold, decisions refused, bound

and of the thresholds that refuse equally many only the highest. *bound* is the upper end of the
refused share's 95 % interval of Clopper and Pearson: the BPCER that may be counted on.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from models.errors import ModelError

# Log odds from -4 to 7 in steps of an eighth: 0.018 to 0.9991, and about 0.5 in steps of 0.03.
THRESHOLDS = tuple(round(1 / (1 + math.exp(-step / 8)), 4) for step in range(-32, 57))
# A threshold that may refuse most live faces serves nobody.
HIGHEST_BOUND = 0.5


@dataclass(frozen=True)
class Point:
    """``refused`` decisions are below ``threshold``; the BPCER there is at most ``bound``."""

    threshold: float
    refused: int
    bound: float


@dataclass(frozen=True)
class Calibration:
    """``points`` of so many ``decisions`` of ``frames`` frames, by rising threshold."""

    decisions: int
    frames: int
    points: tuple[Point, ...]

    @classmethod
    def read(cls, table: object, where: str) -> "Calibration":
        """From a description; ModelError where it is none."""
        try:
            return cls._read(table)
        except (KeyError, OverflowError, TypeError, ValueError):
            raise ModelError(f"{where}: the calibration is damaged") from None

    @classmethod
    def _read(cls, table: object) -> "Calibration":
        if not isinstance(table, Mapping):
            raise TypeError
        points = tuple(Point(float(at), int(refused), float(bound))
                       for at, refused, bound in table["points"])  # fmt: skip
        found = cls(int(table["decisions"]), int(table["frames"]), points)
        rising = all(
            one.threshold < two.threshold and one.refused < two.refused and one.bound < two.bound
            for one, two in pairwise(points)
        )
        sound = all(
            0 < one.threshold < 1 and 0 <= one.refused <= found.decisions and 0 < one.bound <= 1
            for one in points
        )
        if not (rising and sound and found.frames > 0 and len(points) <= len(THRESHOLDS)):
            raise ValueError
        return found

    def as_table(self) -> dict[str, Any]:
        """What ``read`` takes."""
        points = [[one.threshold, one.refused, one.bound] for one in self.points]
        return {"decisions": self.decisions, "frames": self.frames, "points": points}

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """(threshold, BPCER that it does not exceed), both rising."""
        return tuple((one.threshold, one.bound) for one in self.points)


def highest(bounds: Iterable[tuple[float, float]], bpcer: float) -> float:
    """The highest threshold whose bound keeps to this BPCER; 0 where none is known to."""
    return max((threshold for threshold, bound in bounds if bound <= bpcer), default=0.0)


def measured(decisions: Sequence[float], frames: int) -> Calibration | None:
    """The calibration by the scores of these decisions on live faces; None where there are none."""
    from models.evaluation.rates import bpcer

    if not len(decisions):
        return None
    highest: dict[int, Point] = {}
    for threshold in THRESHOLDS:
        rate = bpcer(decisions, threshold)
        bound = math.ceil(rate.interval[1] * 1e4) / 1e4
        if bound <= HIGHEST_BOUND:
            highest[rate.errors] = Point(threshold, rate.errors, bound)
    return Calibration(len(decisions), frames, tuple(highest.values()))
