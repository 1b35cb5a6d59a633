# SPDX-License-Identifier: MIT
"""What small, dark and blurred faces do to FMR and FNMR: ``python -m tests.worse_pictures``.

The genuine pairs of LFW's development list, of which the second image is made worse; the
impostors are the worse images against every image of other people. The threshold is that of single
images at an FMR of about 1e-4. It is what min_face and dark are chosen by.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.engine import Engine, load_engine
from models.evaluation import pairs
from models.evaluation.embeddings import Cache, acquire, measure
from models.evaluation.pairs import Pair
from models.evaluation.rates import Rate
from models.evaluation.recognition_text import share
from models.face import Face, Image
from tests.harness.data import SHARED

LFW = SHARED / "people" / "lfw-dev"
COSINE = 0.412532  # mobilefacenet's at FMR 8.4e-5, one image against one
NOISE = 4.0  # standard deviation of a camera's noise in poor light, of 255

Change = Callable[[Image, Face], Image]
Vectors = NDArray[np.float32]


def narrower(pixels: int) -> Change:
    """The image with a face of this width."""

    def change(image: Image, face: Face) -> Image:
        scale = pixels / face.box.width
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=way), np.uint8)

    return change


def darker(brightness: int) -> Change:
    """The image with a face of this mean brightness, and noise."""

    def change(image: Image, face: Face) -> Image:
        box = face.box
        rows = slice(max(int(box.y), 0), int(box.y + box.height))
        columns = slice(max(int(box.x), 0), int(box.x + box.width))
        factor = brightness / max(float(image[rows, columns].mean()), 1.0)
        noise = np.random.default_rng(1).normal(0, NOISE, image.shape)
        return np.asarray(np.clip(image * factor + noise, 0, 255), np.uint8)

    return change


def blurred(share_of_width: float) -> Change:
    """The image out of focus: a Gaussian of so many face widths."""

    def change(image: Image, face: Face) -> Image:
        return np.asarray(
            cv2.GaussianBlur(image, (0, 0), share_of_width * face.box.width), np.uint8
        )

    return change


CHANGES: dict[str, Change] = {
    "as it is": lambda image, _: image,
    **{f"face {pixels} pixels wide": narrower(pixels) for pixels in (80, 60, 48, 40, 32)},
    **{f"brightness {light}, with noise": darker(light) for light in (80, 60, 40, 20)},
    **{f"blurred by {part:.0%} of its width": blurred(part) for part in (0.01, 0.02, 0.03, 0.05)},
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.worse_pictures", description=__doc__)
    parser.add_argument("--engine", default="mobilefacenet")
    parser.add_argument("--cosine", type=float, default=COSINE, help="the threshold")
    parser.add_argument("--cache", type=Path, help="where embeddings are kept")
    options = parser.parse_args(arguments)
    if not LFW.is_dir():
        print("this needs ../shared/data/people/lfw-dev", file=sys.stderr)
        return 1
    engine = load_engine(options.engine, SHARED / "models")
    listed = pairs.read(LFW / "pairsDevTest.txt", LFW)
    genuine = [pair for pair in listed if pair.first.person == pair.second.person]
    whose = {one.path: one.person for one in pairs.pictures(listed)}
    found = measure(engine, whose, Cache(options.cache, engine))
    good = {path: frames.vectors[0] for path, frames in found.items() if not frames.failures[0]}
    print("| picture | no face found | FNMR of the rest | FMR |\n|---|---|---|---|")
    for name, change in CHANGES.items():
        cells = row(engine, change, genuine, good, whose, options.cosine)
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


def row(
    engine: Engine,
    change: Change,
    genuine: Sequence[Pair],
    good: dict[Path, Vectors],
    whose: dict[Path, str],
    threshold: float,
) -> tuple[str, str, str]:
    """How many worse images show no face; FNMR and FMR of those that do."""
    gallery, owners = np.stack(list(good.values())), np.array([whose[path] for path in good])
    missed, refused, accepted, tried, matches = 0, 0, 0, 0, 0
    kept = [pair for pair in genuine if pair.first.path in good and pair.second.path in good]
    for pair in kept:
        vector = worse(engine, change, pair.second.path)
        if vector is None:
            missed += 1
            continue
        matches += 1
        refused += float(vector @ good[pair.first.path]) < threshold
        others = gallery[owners != pair.second.person] @ vector
        accepted += int((others >= threshold).sum())
        tried += len(others)
    return (
        share(Rate(missed, len(kept))),
        share(Rate(refused, matches)),
        share(Rate(accepted, tried)),
    )


def worse(engine: Engine, change: Change, path: Path) -> Vectors | None:
    """The embedding of a picture that was made worse; None where no face is found in it."""
    image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
    middle = image.shape[1] / 2, image.shape[0] / 2
    face = min(engine.detect(image), key=lambda face: math.dist(face.box.centre, middle))
    failure, vector, _ = acquire(engine, change(image, face))
    return None if failure else vector


if __name__ == "__main__":
    sys.exit(main())
