# SPDX-License-Identifier: MIT
"""How often a stranger is taken for one of N people: ``python -m tests.identification``.

Galleries of N people of LFW's development images, a template each, and everybody else's single
frames; the templates are means of two images, as in the calibration. *Fixed* is the threshold of
one person, at which the false positive identification rate (FPIR) grows with N; *shared* is the
daemon's rule, by which each template gets its share of the rate.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceauthd import comparison
from faceauthd.sessions import Template
from models.engine import load_engine
from models.evaluation.embeddings import Cache
from models.evaluation.rates import Rate
from models.evaluation.recognition_text import share
from models.recognition.calibrate import measurement
from models.recognition.calibration import Calibration, CalibrationError, calibration_for
from models.recognition.impostors import Samples
from tests.harness.data import SHARED

LFW = SHARED / "people" / "lfw-dev"
SIZES = (1, 2, 5, 10, 12, 17, 20, 50, 100)
GALLERIES = 200  # of each size, drawn at random
FMRS = (1e-4, 1e-3)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.identification", description=__doc__)
    parser.add_argument("--engine", default="mobilefacenet")
    parser.add_argument("--cache", type=Path, help="where embeddings are kept")
    options = parser.parse_args(arguments)
    if not LFW.is_dir():
        print("this needs ../shared/data/people/lfw-dev", file=sys.stderr)
        return 1
    engine = load_engine(options.engine, SHARED / "models")
    with closing(Cache(options.cache, engine)) as cache:
        measured = measurement(engine, LFW, cache)
    calibration = calibration_for(engine.model)
    print("| fmr | people | FPIR, fixed | FPIR, shared | own frames refused, shared |")
    print("|---|---|---|---|---|")
    for fmr in FMRS:
        for size in SIZES:
            cells = row(measured.templates, measured.singles, calibration, fmr, size)
            print(f"| {fmr:.0e} | {size} | {' | '.join(cells)} |", flush=True)
    return 0


def row(
    templates: Samples, frames: Samples, calibration: Calibration, fmr: float, size: int
) -> tuple[str, str, str]:
    """FPIR at both thresholds, and the FNMR that the shared one costs."""
    fixed = calibration.threshold(fmr)
    try:
        shared = calibration.threshold(comparison.share(fmr, gallery_of(size)))
    except CalibrationError:
        shared = None
    chance = np.random.default_rng(1)
    best = [probed(templates, frames, chance, size) for _ in range(GALLERIES)]
    strangers = np.concatenate([others for others, _ in best])
    owners = np.concatenate([own for _, own in best])
    if shared is None:
        return rate(strangers >= fixed), "refused: finer than the calibration", "–"
    return rate(strangers >= fixed), rate(strangers >= shared), rate(owners < shared)


def gallery_of(size: int) -> list[Template]:
    return [Template(str(n), str(n), "", np.zeros((1, 1), np.float32)) for n in range(size)]


def probed(
    templates: Samples, frames: Samples, chance: np.random.Generator, size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The best score of each stranger's frame, and the enrolled people's own scores."""
    people = chance.choice(np.unique(templates.people), size, replace=False)
    rows = [int(chance.choice(np.flatnonzero(templates.people == person))) for person in people]
    scores = templates.vectors[rows] @ frames.vectors.T
    strangers = ~np.isin(frames.people, people)
    own = [
        scores[number, frame]
        for number, index in enumerate(rows)
        for frame in np.flatnonzero(frames.people == people[number])
        if frame not in templates.images[index]
    ]
    return scores[:, strangers].max(axis=0), np.array(own, np.float32)


def rate(wrong: NDArray[np.bool_]) -> str:
    return share(Rate(int(wrong.sum()), len(wrong)))


if __name__ == "__main__":
    sys.exit(main())
