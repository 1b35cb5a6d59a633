# SPDX-License-Identifier: MIT
"""From a false match rate (FMR) to an engine's threshold, by measurement.

``calibrations/<model id>.json`` holds, for one engine, scores that impostor pairs reached and how
many of the pairs reached them (``python -m models.recognition.calibrate`` measures it). Nothing is
modelled, interpolated or extrapolated: the threshold for an FMR is the measured score with the
largest FMR that is not above it, and an FMR that fewer than ``LEAST_ERRORS`` of the measured pairs
could show is refused. (With 10 errors the 95 % interval of Clopper and Pearson reaches from half to
twice the rate; it takes pairs for independent, so the truth is a little wider.)
"""

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.errors import ModelError

FOLDER = Path(__file__).with_name("calibrations")
LEAST_ERRORS = 10


class CalibrationError(ModelError):
    """There is no measured threshold for this model or this FMR; the text is one line."""


@dataclass(frozen=True)
class Point:
    """``errors`` impostor pairs reach ``threshold``; ``low`` to ``high``: 95 % of the FMR."""

    errors: int
    threshold: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """One model's measured impostor scores; ``points`` from the fewest errors to the most."""

    model: str
    pairs: int
    points: tuple[Point, ...]

    @property
    def finest(self) -> float:
        """The smallest FMR that the measurement supports."""
        return self.points[0].errors / self.pairs

    def threshold(self, fmr: float) -> float:
        """The cosine from which on two faces are taken for one person, at this FMR at most.

        Raises CalibrationError where ``fmr`` is finer than the measurement.
        """
        allowed = [point for point in self.points if point.errors <= fmr * self.pairs]
        if not allowed:
            raise CalibrationError(
                f"{self.model}: a false match rate of {fmr:.2g} is finer than its calibration, "
                f"whose {self.pairs:,} pairs support {self.finest:.2g} at the least"
            )
        return allowed[-1].threshold


def is_calibrated(model_id: str) -> bool:
    """Whether somebody has measured this model."""
    return _path(model_id).is_file()


@cache
def calibration_for(model_id: str) -> Calibration:
    """The calibration of the model that templates of ``model_id`` are made with.

    Raises CalibrationError where it was never measured, or where the file is damaged.
    """
    path = _path(model_id)
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CalibrationError(
            f"{model_id}: nobody has measured which score means which false match rate; "
            "run: python -m models.recognition.calibrate"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CalibrationError(f"{path}: damaged calibration; install faceauth again") from error


def _path(model_id: str) -> Path:
    return FOLDER / f"{Path(model_id).name}.json"


def _parse(table: dict[str, Any]) -> Calibration:
    points = tuple(Point(**point) for point in table["points"])
    if not points:
        raise ValueError("no points")
    for before, after in pairwise(points):
        if not (before.errors < after.errors and before.threshold >= after.threshold):
            raise ValueError("the points are not in order")
    if (
        points[0].errors < LEAST_ERRORS
        or not -1 <= points[-1].threshold <= points[0].threshold <= 1
    ):
        raise ValueError("too few errors, or a threshold that is no cosine")
    return Calibration(str(table["model"]), int(table["pairs"]), points)
