# SPDX-License-Identifier: MIT
"""Measure which score means which false match rate, on photographs of many people.

    python -m models.recognition.calibrate --engine dlib --images ../shared/data/people/lfw-dev

``--images`` holds one folder a person, with any number of images each. Every two images of
different people are an impostor pair, every two of one person a genuine one. Where an image shows
several faces (bystanders), the one nearest to its middle is the person. With ``--pairs`` (LFW's
lists of pairs) the genuine pairs of that list are reported too; a face that was not found is a
refusal there. ``--write`` writes ``calibrations/<model id>.json``, which the daemon's thresholds
come from.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.engine import Engine, load_engine
from models.errors import ModelError
from models.evaluation.rates import Rate
from models.recognition.calibration import FOLDER, LEAST_ERRORS, Point

LOOSEST = 0.01  # the largest FMR that a policy may ask for
STEPS_A_DECADE = 10
REPORTED = (1e-3, 1e-4, 1e-5)


@dataclass(frozen=True)
class Gallery:
    """What was measured: ``vectors`` (n, d) of ``paths`` (n) of ``people`` (n), and what failed."""

    paths: list[Path]
    people: NDArray[np.str_]
    vectors: NDArray[np.float32]
    missed: list[Path]


def embed_all(engine: Engine, images: Path) -> Gallery:
    """Embed every image below ``images``; ModelError where there is none."""
    paths: list[Path] = []
    vectors: list[NDArray[np.float32]] = []
    missed: list[Path] = []
    for path in sorted(images.glob("*/*.jpg")) + sorted(images.glob("*/*.png")):
        vector = _embed(engine, path)
        if vector is None:
            missed.append(path)
        else:
            paths.append(path)
            vectors.append(vector)
    if len(vectors) < 2:
        raise ModelError(f"{images}: no two faces in its folders, one for each person")
    people = np.array([path.parent.name for path in paths])
    return Gallery(paths, people, np.stack(vectors), missed)


def _embed(engine: Engine, path: Path) -> NDArray[np.float32] | None:
    """The embedding of the face nearest to the image's middle; None where none is found."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        return None
    middle = image.shape[1] / 2, image.shape[0] / 2
    faces = engine.detect(image)
    if not faces:
        return None
    return engine.embed(image, min(faces, key=lambda face: math.dist(face.box.centre, middle)))


def scores(gallery: Gallery) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Similarities of all (genuine, impostor) pairs."""
    first, second = np.triu_indices(len(gallery.paths), 1)
    all_scores = (gallery.vectors @ gallery.vectors.T)[first, second]
    same = gallery.people[first] == gallery.people[second]
    return all_scores[same], all_scores[~same]


def points(impostors: NDArray[np.float32]) -> list[Point]:
    """The operating points, from ``LEAST_ERRORS`` errors on, ``STEPS_A_DECADE`` a decade."""
    ordered = np.sort(impostors)[::-1]
    pairs = len(ordered)
    return [
        # Rounded up: a threshold that is written may be stricter than measured, never looser.
        Point(errors, math.ceil(float(ordered[errors - 1]) * 1e6) / 1e6, *_interval(errors, pairs))
        for errors in _steps(int(LOOSEST * pairs))
    ]


def _steps(most: int) -> Iterator[int]:
    step, errors = 0, LEAST_ERRORS
    while errors <= most:
        yield errors
        step += 1
        errors = round(LEAST_ERRORS * 10 ** (step / STEPS_A_DECADE))


def _interval(errors: int, pairs: int) -> tuple[float, float]:
    low, high = Rate(errors, pairs).interval
    return float(f"{low:.3g}"), float(f"{high:.3g}")


def listed_scores(gallery: Gallery, pairs: Path, images: Path) -> NDArray[np.float32]:
    """Scores of the genuine pairs in LFW's list: lines of a name and two image numbers.

    A pair with a face that was not found scores -1, which no threshold accepts.
    """
    index = {path: number for number, path in enumerate(gallery.paths)}
    found: list[float] = []
    for line in pairs.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if len(words) != 3:
            continue
        name, *numbers = words
        first, second = (index.get(images / name / f"{name}_{int(n):04d}.jpg") for n in numbers)
        if first is None or second is None:
            found.append(-1.0)
        else:
            found.append(float(gallery.vectors[first] @ gallery.vectors[second]))
    return np.array(found, np.float32)


def report(genuine: NDArray[np.float32], impostors: NDArray[np.float32], title: str) -> None:
    """Print FNMR at the reported FMRs."""
    ordered = np.sort(impostors)[::-1]
    for wanted in REPORTED:
        errors = int(wanted * len(ordered))
        if errors < LEAST_ERRORS:
            continue
        threshold = ordered[errors - 1]
        refused = Rate(int((genuine < threshold).sum()), len(genuine))
        low, high = (100 * bound for bound in refused.interval)
        print(
            f"{title}: FMR {wanted:.0e} at {threshold:.3f}: FNMR {100 * refused.value:.1f} % "
            f"[{low:.1f}, {high:.1f}] ({refused.errors} of {refused.trials})"
        )


def write(engine: Engine, gallery: Gallery, images: Path, measured: list[Point]) -> Path:
    """The calibration file, replaced whole."""
    if not measured:
        raise ModelError(f"{images}: too few people for a calibration, which takes 1,000 pairs")
    impostors = len(scores(gallery)[1])
    target = FOLDER / f"{engine.model}.json"
    table = {
        "model": engine.model,
        "detector": type(engine.detector).__name__,
        "dataset": images.name,
        "people": len(set(gallery.people.tolist())),
        "images": len(gallery.paths),
        "faces_not_found": len(gallery.missed),
        "pairs": impostors,
        "measured": date.today().isoformat(),
        "points": [asdict(point) for point in measured],
    }
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    partial.replace(target)
    return target


def main() -> int:
    """Measure one engine; 0 where it was done, 1 with one line where it could not be."""
    parser = argparse.ArgumentParser(prog="python -m models.recognition.calibrate")
    parser.add_argument("--engine", required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--models-dir", type=Path, default=Path("/var/lib/faceauth/models"))
    parser.add_argument("--pairs", type=Path, help="LFW's list of pairs, to report them too")
    parser.add_argument("--write", action="store_true", help="replace the calibration that ships")
    arguments = parser.parse_args()
    try:
        engine = load_engine(arguments.engine, arguments.models_dir)
        gallery = embed_all(engine, arguments.images)
        genuine, impostors = scores(gallery)
        print(
            f"{engine.model}: {len(gallery.paths)} images of {len(set(gallery.people.tolist()))} "
            f"people, {len(gallery.missed)} faces not found, {len(impostors):,} impostor pairs"
        )
        report(genuine, impostors, "all genuine pairs")
        if arguments.pairs:
            listed = listed_scores(gallery, arguments.pairs, arguments.images)
            report(listed, impostors, "listed pairs")
        if arguments.write:
            print(write(engine, gallery, arguments.images, points(impostors)))
    except (ModelError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
