# SPDX-License-Identifier: MIT
"""Measure which score means which false match rate, on photographs of many people.

    python -m models.recognition.calibrate --engine dlib --images ../shared/data/people/lfw-dev

``--images`` holds one folder a person, with any number of images each; who has two or more has
templates, everybody is a stranger to those. Where an image shows several faces (bystanders), the
one nearest to its middle is the person. ``--write`` writes ``calibrations/<model id>.json``, which
the daemon's thresholds come from.
"""

import argparse
import json
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np

from models.engine import Engine, load_engine
from models.errors import ModelError
from models.evaluation import people
from models.evaluation.datasets import DatasetError
from models.evaluation.embeddings import Cache, measure
from models.evaluation.rates import Rate
from models.recognition import impostors
from models.recognition.calibration import FOLDER, Calibration, Curve
from models.recognition.impostors import Comparisons, Samples

REPORTED = (1e-2, 1e-3, 1e-4, 1e-5)
FEWEST_PAIRS = 100_000  # of runs: their strictest threshold must vouch for 1e-4


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was found in the images, and frames and runs compared with templates."""

    images: int
    people: int
    missed: int
    templates: Samples
    singles: Samples

    @cached_property
    def frames(self) -> Comparisons:
        return impostors.compare(self.templates, self.singles)

    @cached_property
    def runs(self) -> Comparisons:
        return impostors.compare(self.templates, self.templates)

    def calibration(self, model: str) -> Calibration:
        """Both curves. DatasetError where there are too few people with two images."""
        if self.runs.pairs < FEWEST_PAIRS:
            raise DatasetError(
                f"{self.runs.pairs:,} comparisons of people with two images or more; "
                f"a calibration takes {FEWEST_PAIRS:,}"
            )
        frames, runs = (
            Curve(one.pairs, tuple(impostors.points(one))) for one in (self.frames, self.runs)
        )
        return Calibration(model, frames, runs)


def main() -> int:
    """Measure one engine; 0 where it was done, 1 with one line where it could not be."""
    parser = argparse.ArgumentParser(prog="python -m models.recognition.calibrate")
    parser.add_argument("--engine", required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--models-dir", type=Path, default=Path("/var/lib/faceauth/models"))
    parser.add_argument("--cache", type=Path, help="where embeddings are kept")
    parser.add_argument("--write", action="store_true", help="replace the calibration that ships")
    arguments = parser.parse_args()
    try:
        engine = load_engine(arguments.engine, arguments.models_dir)
        with closing(Cache(arguments.cache, engine)) as cache:
            measured = measurement(engine, arguments.images, cache)
        calibration = measured.calibration(engine.model)
        print(as_text(measured, calibration))
        if arguments.write:
            print(write(engine, measured, calibration, arguments.images.name))
    except (DatasetError, ModelError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    return 0


def measurement(engine: Engine, images: Path, cache: Cache) -> Measurement:
    """All comparisons of the people in a folder; DatasetError where they are too few."""
    read = people.read(images)
    if read.recorded:
        raise DatasetError(f"{images} holds recorded sessions; a calibration takes images")
    owner = {session.files[0]: session.person for session in read.sessions}
    measured = measure(engine, owner, cache)
    found = [path for path, frames in measured.items() if not frames.failures[0]]
    if not found:
        raise DatasetError(f"{images}: there is no face in any of {len(owner)} images")
    _, numbers = np.unique([owner[path] for path in found], return_inverse=True)
    vectors = np.stack([measured[path].vectors[0] for path in found])
    return Measurement(
        images=len(found),
        people=int(numbers.max()) + 1,
        missed=len(owner) - len(found),
        templates=impostors.means(vectors, numbers),
        singles=impostors.singles(vectors, numbers),
    )


def as_text(measured: Measurement, calibration: Calibration) -> str:
    """The thresholds, and the share of genuine comparisons that they refuse."""
    lines = [
        f"{calibration.model}: {measured.images:,} images of {measured.people:,} people, "
        f"{measured.missed} faces not found",
        "| compared | strangers | FMR | cosine | their errors | FNMR |",
        "|---|---|---|---|---|---|",
    ]
    curves = (
        ("frame", measured.frames, calibration.frames),
        ("run", measured.runs, calibration.runs),
    )
    for name, made, curve in curves:
        for fmr in REPORTED:
            if point := curve.at(fmr):
                refused = Rate(int((made.genuine < point.threshold).sum()), len(made.genuine))
                lines.append(
                    f"| {name} | {made.pairs:,} | {fmr:.0e} | {point.threshold:.3f} "
                    f"| {point.errors} | {100 * refused.value:.1f} % of {refused.trials:,} |"
                )
        finest = curve.finest
        lines.append(
            f"| {name} | | {finest.bound:.2g}, the finest | {finest.threshold:.3f} | 0 | |"
        )
    return "\n".join(lines)


def write(engine: Engine, measured: Measurement, calibration: Calibration, dataset: str) -> Path:
    """The calibration file, replaced whole."""
    target = FOLDER / f"{engine.model}.json"
    table = {
        "model": engine.model,
        "detector": type(engine.detector).__name__,
        "dataset": dataset,
        "people": measured.people,
        "images": measured.images,
        "faces_not_found": measured.missed,
        "measured": date.today().isoformat(),
        "frames": asdict(calibration.frames),
        "runs": asdict(calibration.runs),
    }
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    partial.replace(target)
    return target


if __name__ == "__main__":
    sys.exit(main())
