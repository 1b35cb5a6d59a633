# SPDX-License-Identifier: MIT
"""How several images of a person are best compared: ``python -m tests.fusion``.

On LFW's development images, for one engine, the two tables of docs/accuracy.md: how many strangers
pass a threshold of single images when means are compared, and what each rule of making one
template of three images refuses at an equal false match rate, a fourth image being the probe.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.engine import load_engine
from models.evaluation import people
from models.evaluation.embeddings import MEASURES, Cache, measure
from tests.harness.data import SHARED

LFW = SHARED / "people" / "lfw-dev"
FMRS = (1e-4, 1e-5)
SIDES = ((1, 1), (2, 1), (3, 1), (2, 2), (3, 3))  # images in a template, images in what is compared

Vectors = NDArray[np.float32]
Numbers = NDArray[np.intp]


class Images:
    """The faces found: ``vectors`` (n, d), ``measures`` (n, 4), and whose they are (n,)."""

    def __init__(self, engine_name: str, cache: Path | None) -> None:
        engine = load_engine(engine_name, SHARED / "models")
        owner = {one.files[0]: one.person for one in people.read(LFW).sessions}
        with closing(Cache(cache, engine)) as kept:
            measured = measure(engine, owner, kept)
        found = [path for path, frames in measured.items() if not frames.failures[0]]
        _, self.people = np.unique([owner[path] for path in found], return_inverse=True)
        self.vectors = np.stack([measured[path].vectors[0] for path in found])
        self.measures = np.stack([measured[path].measures[0] for path in found])

    def of_one_person(self, count: int) -> Numbers:
        """Every ``count`` images of a person, (m, count)."""
        groups = (np.flatnonzero(self.people == one).tolist() for one in np.unique(self.people))
        return np.array([c for group in groups for c in combinations(group, count)], np.intp)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fusion", description=__doc__)
    parser.add_argument("--engine", default="mobilefacenet")
    parser.add_argument("--cache", type=Path, help="where embeddings are kept")
    options = parser.parse_args(arguments)
    if not LFW.is_dir():
        print("this needs ../shared/data/people/lfw-dev", file=sys.stderr)
        return 1
    images = Images(options.engine, options.cache)
    for line in (*inflation(images), "", *rules(images)):
        print(line, flush=True)
    return 0


def inflation(images: Images) -> Iterator[str]:
    """FMR of means at the cosine where a single image meets a single one at FMR 1e-4."""
    yield "| images in a template, in what is compared | FMR |"
    yield "|---|---|"
    limit = None
    for template, probe in SIDES:
        one, other = images.of_one_person(template), images.of_one_person(probe)
        scores = mean(images.vectors[one]) @ mean(images.vectors[other]).T
        found = scores[images.people[one[:, 0]][:, None] < images.people[other[:, 0]][None, :]]
        if template != probe:  # the two sides are different: both halves count
            more = images.people[one[:, 0]][:, None] > images.people[other[:, 0]][None, :]
            found = np.concatenate([found, scores[more]])
        limit = at_fmr(found, 1e-4) if limit is None else limit
        yield f"| {template}, {probe} | {np.mean(found >= limit):.1e} of {len(found):,} |"


def rules(images: Images) -> Iterator[str]:
    """FNMR of each rule at each of FMRS."""
    threes = images.of_one_person(3)
    # Who has a fourth image, so that all rules meet the same strangers and the same owners.
    threes = threes[np.bincount(images.people)[images.people[threes[:, 0]]] > 3]
    same = images.people[threes[:, 0]][:, None] == images.people[None, :]
    among = (threes[:, :, None] == np.arange(len(images.people))).any(axis=1)
    yield f"| template of three, {int((same & ~among).sum()):,} genuine | FNMR at {FMRS} |"
    yield "|---|---|"
    for name, rule in RULES.items():
        scores = rule(images.vectors[threes], images.measures[threes], images.vectors)
        own, strangers = scores[same & ~among], scores[~same]
        refused = [f"{100 * np.mean(own < at_fmr(strangers, fmr)):.1f} %" for fmr in FMRS]
        yield f"| {name} | {', '.join(refused)} |"


def at_fmr(strangers: Vectors, fmr: float) -> float:
    """The lowest cosine that at most ``fmr`` of the strangers reach."""
    allowed = int(fmr * len(strangers))
    return float(np.nextafter(np.partition(strangers, -allowed - 1)[-allowed - 1], np.float32(2)))


def mean(vectors: Vectors, weights: Vectors | None = None) -> Vectors:
    """Mean directions (m, d) of (m, k, d), weighted by (m, k)."""
    total = vectors.sum(axis=1) if weights is None else (vectors * weights[..., None]).sum(axis=1)
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), np.float32)


def best(vectors: Vectors, probes: Vectors) -> Vectors:
    """The highest cosine of a template's images, (m, n)."""
    scores = [vectors[:, number] @ probes.T for number in range(vectors.shape[1])]
    return np.asarray(np.max(scores, axis=0), np.float32)


def weighted(by: str, how: Callable[[Vectors], Any]) -> Callable[..., Vectors]:
    column = MEASURES.index(by)
    return lambda vectors, measures, probes: mean(vectors, how(measures[..., column])) @ probes.T


RULES: dict[str, Callable[..., Vectors]] = {
    "the first image alone": lambda v, _m, p: v[:, 0] @ p.T,
    "the mean direction": lambda v, _m, p: mean(v) @ p.T,
    "mean, weighted by sharpness": weighted("sharpness", lambda x: x),
    "mean, weighted by log sharpness": weighted("sharpness", np.log1p),
    "mean, weighted by frontality": weighted("yaw", lambda yaw: 1 / (1 + np.abs(yaw))),
    "mean, weighted by the face's width": weighted("width", lambda x: x),
    "the best of the three images": lambda v, _m, p: best(v, p),
    "the best of the three and the mean": lambda v, _m, p: np.maximum(best(v, p), mean(v) @ p.T),
}


if __name__ == "__main__":
    sys.exit(main())
