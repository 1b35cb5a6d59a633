# SPDX-License-Identifier: MIT
"""Comparisons as Verify makes them, out of photographs of many people, and how many go wrong.

Verify compares the mean of several embeddings with single frames, and with the mean of a run of
frames. Means are more alike than single embeddings, strangers' too: on LFW three to ten times as
many strangers pass dlib's network at one threshold. So a person's two photographs stand for a
template or a run, their mean direction, and a single one for a frame. (Photographs of LFW were
taken on different days; frames of one session differ less, and their means gain less.)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.evaluation.rates import Rate
from models.recognition.calibration import Point

LOOSEST = 0.01  # the largest FMR that a policy may ask for
FEW = 10  # errors; up to here every number of them is a point
STEPS_A_DECADE = 10
RESAMPLES = 1000
SEED = 1

Vectors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Samples:
    """``vectors`` (n, d) of length 1, made of the images ``images`` (n, k), of ``people`` (n,)."""

    vectors: Vectors
    people: NDArray[np.intp]
    images: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Every sample of one side with every one of the other.

    genuine    (g,) cosines of one person's samples that share no image
    pairs      how many comparisons there were of two people
    impostors  (m,) the highest of their cosines, falling; ``first`` and ``second`` (m,) whose
    count      (people, people) how many comparisons there were of each two
    """

    genuine: Vectors
    pairs: int
    impostors: Vectors
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    count: NDArray[np.int64]


def singles(vectors: Vectors, people: NDArray[np.intp]) -> Samples:
    """Each image by itself."""
    return Samples(vectors, people, np.arange(len(vectors))[:, None])


def means(vectors: Vectors, people: NDArray[np.intp]) -> Samples:
    """The mean direction of every two images of a person."""
    pairs = np.array(
        [
            pair
            for person in np.unique(people)
            for pair in combinations(np.flatnonzero(people == person).tolist(), 2)
        ],
        np.intp,
    ).reshape(-1, 2)
    total = vectors[pairs].sum(axis=1, dtype=np.float64)
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    return Samples((total / lengths).astype(np.float32), people[pairs[:, 0]], pairs)


def compare(one: Samples, other: Samples) -> Comparisons:
    """All comparisons of two sides; of a side with itself, each once."""
    scores = one.vectors @ other.vectors.T
    stranger = one.people[:, None] != other.people[None, :]
    apart = ~(one.images[:, None, :, None] == other.images[None, :, None, :]).any(axis=(2, 3))
    if one is other:
        once = np.triu(np.ones_like(stranger), 1)
        stranger, apart = stranger & once, apart & once
    rows, columns = np.nonzero(stranger)
    found = scores[rows, columns]
    most = min(int(LOOSEST * len(found)) + 1, len(found))
    top = np.argpartition(-found, most - 1)[:most] if most else np.zeros(0, np.intp)
    top = top[np.argsort(-found[top], kind="stable")]
    people = int(max(one.people.max(initial=-1), other.people.max(initial=-1))) + 1
    count = np.zeros((people, people), np.int64)
    np.add.at(count, (one.people[rows], other.people[columns]), 1)
    return Comparisons(
        scores[(one.people[:, None] == other.people[None, :]) & apart],
        len(found),
        found[top],
        one.people[rows[top]],
        other.people[columns[top]],
        count,
    )


def points(made: Comparisons) -> list[Point]:
    """The operating points, each with its bound: how high the FMR may be, at 95 % confidence.

    The bound is the larger of the binomial one, which takes comparisons for independent, and of a
    bootstrap over people. With fewer than ``FEW`` errors a bootstrap has too little to draw from;
    there the binomial one is widened by as much as at ``FEW``.
    """
    resampled = _resampled(made)
    found, widened = [], 1.0
    for errors in sorted(_steps(int(LOOSEST * made.pairs)), reverse=True):
        bound = Rate(errors, made.pairs).interval[1]
        if errors >= FEW:
            by_people = float(np.quantile(resampled[:, errors - 1], 0.975))
            widened = max(1.0, by_people / bound)
        # Above the first score that must be refused, by more than float32 rounds.
        threshold = (math.floor(float(made.impostors[errors]) * 1e6) + 2) / 1e6
        found.append(Point(errors, threshold, float(f"{1.00001 * widened * bound:.6g}")))
    return found[::-1]


def _steps(most: int) -> Iterator[int]:
    yield from range(min(FEW, most + 1))
    errors, step = FEW, 0
    while errors <= most:
        yield errors
        step += 1
        errors = round(FEW * 10 ** (step / STEPS_A_DECADE))


def _resampled(made: Comparisons) -> NDArray[np.float32]:
    """FMR at each number of errors, (RESAMPLES, m), people drawn with replacement."""
    people = np.flatnonzero(made.count.sum(axis=0) + made.count.sum(axis=1))
    chance = np.random.default_rng(SEED)
    share = np.full(len(people), 1 / len(people))
    found = np.empty((RESAMPLES, len(made.impostors)), np.float32)
    for row in found:
        drawn = np.zeros(len(made.count))
        drawn[people] = chance.multinomial(len(people), share)
        np.cumsum(drawn[made.first] * drawn[made.second], out=row)
        row /= drawn @ made.count @ drawn
    return found
