# SPDX-License-Identifier: MIT
"""From a false match rate (FMR) to an engine's thresholds, by measurement.

``calibrations/<model id>.json`` holds two curves for one engine, measured by ``python -m
models.recognition.calibrate``: *frames*, single frames of strangers against a template, and *runs*,
the mean of a stranger's frames against a template. Nothing is modelled, interpolated or
extrapolated. A point says how many of the comparisons reached its threshold, and its *bound*, the
FMR that they do not exceed at 95 % confidence, by pairs and by people (impostors.py). The threshold
for an FMR is the lowest whose bound is not above it; an FMR below every bound is refused.
"""

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.errors import ModelError

FOLDER = Path(__file__).with_name("calibrations")


class CalibrationError(ModelError):
    """There is no measured threshold for this model or this FMR; the text is one line."""


@dataclass(frozen=True)
class Point:
    """``errors`` comparisons of strangers reach ``threshold``; their FMR is at most ``bound``."""

    errors: int
    threshold: float
    bound: float


@dataclass(frozen=True)
class Curve:
    """Measured comparisons of strangers; ``points`` from the fewest errors to the most."""

    pairs: int
    points: tuple[Point, ...]

    @property
    def finest(self) -> Point:
        """The strictest point."""
        return self.points[0]

    def at(self, fmr: float) -> Point | None:
        """The loosest point that vouches for this FMR; None where none does."""
        allowed = [point for point in self.points if point.bound <= fmr]
        return allowed[-1] if allowed else None


@dataclass(frozen=True)
class Calibration:
    """One model's measured curves."""

    model: str
    frames: Curve
    runs: Curve

    @property
    def finest(self) -> float:
        """The smallest FMR that the measurement supports."""
        return self.frames.finest.bound

    def threshold(self, fmr: float) -> float:
        """The cosine from which on a frame is taken for the template's person, at this FMR at most.

        Raises CalibrationError where ``fmr`` is finer than the measurement.
        """
        point = self.frames.at(fmr)
        if point is None:
            raise CalibrationError(
                f"{self.model}: a false match rate of {fmr:.2g} is finer than its calibration, "
                f"whose {self.frames.pairs:,} pairs support {self.finest:.2g} at the least"
            )
        return point.threshold

    def run_threshold(self, fmr: float) -> float:
        """The same of a run's mean, in which every frame reaches ``threshold``.

        There are fewer measurements of runs. Where they do not reach as far it is their strictest
        threshold; the frames vouch for the FMR. Raises CalibrationError as ``threshold`` does.
        """
        point = self.runs.at(fmr) or self.runs.finest
        return max(point.threshold, self.threshold(fmr))


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
    return Calibration(str(table["model"]), _curve(table["frames"]), _curve(table["runs"]))


def _curve(table: dict[str, Any]) -> Curve:
    pairs, points = int(table["pairs"]), tuple(Point(**point) for point in table["points"])
    if not points or not -1 < points[-1].threshold <= points[0].threshold <= 1:
        raise ValueError("no points, or a threshold that is no cosine")
    for before, after in pairwise(points):
        if not (before.errors < after.errors and before.threshold >= after.threshold):
            raise ValueError("the points are not in order")
        if not before.bound <= after.bound:
            raise ValueError("the bounds are not in order")
    if not all(max(3, point.errors) < point.bound * pairs <= pairs for point in points):
        raise ValueError("a bound claims more than so many pairs can show")
    return Curve(pairs, points)
