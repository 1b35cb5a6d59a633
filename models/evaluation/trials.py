# SPDX-License-Identifier: MIT
"""Embeddings → scores: who is compared with whom, in the words of ISO/IEC 19795-1.

A *comparison* is of two samples that could be acquired. A *transaction* is what somebody attempts,
acquired or not: a failure makes a genuine one a refusal, and an impostor's harmless. Three tests:

- `every_pair`    every two images; a transaction is one comparison;
- `listed_pairs`  the pairs of a list, with the impostors of the list or of every pair;
- `sessions`      each session is enrolled (the mean of its embeddings) and every other verified:
                  a comparison is of a frame with a template; a transaction succeeds where ``run``
                  frames in a row do. Verify asks for more (attempts.py).

Scores are counted in ``LEVELS`` steps of 1e-5, so that tens of millions of impostors take no more
memory than a few; a threshold is the lower edge of a level, at which the counts are exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation.attempts import Attempt, best_runs
from models.evaluation.rates import Rate

LEVELS = 200_000  # between cosines of -1 and 1
BLOCK = 256  # images that are compared with all others at once
RUN = 10  # frames in a row, as in Verify

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Probes:
    """Samples: ``people`` (n,) str, ``vectors`` (n, d), ``measures`` (n, 4), ``acquired`` (n,)."""

    people: NDArray[np.str_]
    vectors: NDArray[np.float32]
    measures: NDArray[np.float32]
    acquired: NDArray[np.bool_]

    def without(self, refused: NDArray[np.bool_]) -> "Probes":
        """The same, with those refused (n,) not acquired."""
        return replace(self, acquired=self.acquired & ~refused)


@dataclass(frozen=True, eq=False)
class Scores:
    """``genuine`` (g,) levels, of the persons ``people`` (g,); how many impostors reach each level.

    Level 0 is that of a failure: no threshold accepts it.
    """

    genuine: NDArray[np.int64]
    people: NDArray[np.str_]
    impostors: NDArray[np.int64]  # (LEVELS,)

    def with_failures(self, people: ArrayLike, impostors: int) -> "Scores":
        """These and failed transactions: genuine ones by person, and so many of impostors."""
        who = np.asarray(people, np.str_)
        counts = self.impostors.copy()
        counts[0] += impostors
        return Scores(
            np.concatenate([self.genuine, np.zeros(len(who), np.int64)]),
            np.concatenate([self.people, who]),
            counts,
        )


@dataclass(frozen=True, eq=False)
class Trial:
    """What a test gave. ``enrolment`` counts people, or sessions, of whom there is no template.

    ``attempts`` are the transactions of recorded sessions once more, as Verify decides on them.
    """

    comparisons: Scores
    transactions: Scores
    enrolment: Rate
    attempts: Sequence[Attempt] = ()


def levels(scores: ArrayLike) -> NDArray[np.int64]:
    """The level of each cosine, 1 to LEVELS - 1."""
    steps = np.floor((np.asarray(scores, np.float64) + 1) * (LEVELS / 2) + 1e-6)
    return np.clip(steps, 1, LEVELS - 1).astype(np.int64)


def level_of(threshold: float) -> int:
    """The lowest level that ``threshold`` accepts whole; it is stricter by 1e-5 at most."""
    return int(np.clip(np.ceil((threshold + 1) * (LEVELS / 2) - 1e-6), 1, LEVELS))


def threshold_of(level: int) -> float:
    """The cosine at a level's lower edge."""
    return round(level / (LEVELS / 2) - 1, 5)


def every_pair(probes: Probes) -> Trial:
    """Every two images of one person, and of two."""
    usable = np.flatnonzero(probes.acquired)
    genuine, people, impostors = [], [], np.zeros(LEVELS, np.int64)
    for same, rows, scores in _blocks(probes, usable):
        genuine.append(scores[same])
        people.append(rows[same])
        impostors += np.bincount(scores[~same], minlength=LEVELS)
    made = Scores(
        np.concatenate([*genuine, np.zeros(0, np.int64)]),
        np.concatenate([*people, np.zeros(0, probes.people.dtype)]),
        impostors,
    )
    return Trial(made, _attempted(made, probes), _enrolment(probes))


def _blocks(
    probes: Probes, usable: Indices
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.str_], NDArray[np.int64]]]:
    """Each pair once: whether it is of one person, the first one's name, and the level."""
    vectors, people = probes.vectors[usable], probes.people[usable]
    for start in range(0, len(usable), BLOCK):
        rows = slice(start, start + BLOCK)
        later = np.triu(np.ones((len(people[rows]), len(people) - start), np.bool_), 1)
        scores = levels((vectors[rows] @ vectors[start:].T)[later])
        same = (people[rows, None] == people[None, start:])[later]
        yield same, np.broadcast_to(people[rows, None], later.shape)[later], scores


def _attempted(made: Scores, probes: Probes) -> Scores:
    """The transactions of `every_pair`: its comparisons, and the pairs with a failure in them."""
    names, index = np.unique(probes.people, return_inverse=True)
    images = np.bincount(index)
    acquired = np.bincount(index[probes.acquired], minlength=len(names))
    failed = _choose_two(images) - _choose_two(acquired)
    total = _choose_two(len(probes.people)) - _choose_two(images).sum()
    return made.with_failures(np.repeat(names, failed), int(total - made.impostors.sum()))


def _choose_two(count: ArrayLike) -> NDArray[np.int64]:
    number = np.asarray(count, np.int64)
    return number * (number - 1) // 2


def listed_pairs(probes: Probes, pairs: Sequence[tuple[int, int]], *, cross: bool) -> Trial:
    """The pairs (indices of probes); ``cross`` takes the impostors from every two images."""
    first, second = np.array(pairs, np.intp).reshape(-1, 2).T
    same = probes.people[first] == probes.people[second]
    ready = probes.acquired[first] & probes.acquired[second]
    scores = levels((probes.vectors[first] * probes.vectors[second]).sum(axis=1))
    all_pairs = every_pair(probes) if cross else None
    counts = np.bincount(scores[ready & ~same], minlength=LEVELS).astype(np.int64)
    made = Scores(
        scores[ready & same],
        probes.people[first][ready & same],
        all_pairs.comparisons.impostors if all_pairs else counts,
    )
    failed = int(all_pairs.transactions.impostors[0]) if all_pairs else int((~ready & ~same).sum())
    attempted = made.with_failures(probes.people[first][~ready & same], failed)
    return Trial(made, attempted, _enrolment(probes))


def _enrolment(probes: Probes) -> Rate:
    people = set(probes.people.tolist())
    return Rate(len(people - set(probes.people[probes.acquired].tolist())), len(people))


def sessions(probes: Probes, session: Indices, run: int = RUN) -> Trial:
    """Each session against the others' templates; ``session`` (n,) numbers the probes' sessions."""
    numbers = np.unique(session)
    members = [np.flatnonzero(session == number) for number in numbers]
    owners = np.array([probes.people[frames[0]] for frames in members])
    templates = [_template(probes, frames) for frames in members]
    tally = _Tally()
    attempts: list[Attempt] = []
    for probe, frames in enumerate(members):
        for claimed, template in enumerate(templates):
            if probe != claimed:
                scores = _scores(probes, frames, template)
                tally.add(owners[probe], owners[claimed], scores, run)
                runs = _runs(probes.vectors[frames], scores, template, run)
                attempts.append(Attempt(bool(owners[probe] == owners[claimed]), runs))
    missing = sum(template is None for template in templates)
    failed = Rate(missing, len(members))
    return Trial(tally.comparisons.scores(), tally.runs.scores(), failed, attempts)


def _template(probes: Probes, frames: Indices) -> NDArray[np.float32] | None:
    """The mean direction of a session's embeddings, as enrolment stores it."""
    total = probes.vectors[frames[probes.acquired[frames]]].sum(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length > 1e-6 else None


def _scores(
    probes: Probes, frames: Indices, template: NDArray[np.float32] | None
) -> NDArray[np.int64]:
    """Each frame's level, 0 where the frame failed; none at all where there is no template."""
    if template is None:
        return np.zeros(0, np.int64)
    return np.where(probes.acquired[frames], levels(probes.vectors[frames] @ template), 0)


def _runs(
    vectors: NDArray[np.float32],
    scores: NDArray[np.int64],
    template: NDArray[np.float32] | None,
    run: int,
) -> NDArray[np.int64]:
    """What the runs in which no frame failed reach: all of their frames, and their mean."""
    if template is None:
        return np.zeros((0, 2), np.int64)
    length = min(run, len(scores))
    frames = np.lib.stride_tricks.sliding_window_view(scores, length).min(axis=1)
    totals = np.lib.stride_tricks.sliding_window_view(vectors, length, axis=0).sum(axis=-1)
    whole = frames > 0
    lengths = np.linalg.norm(totals[whole], axis=1)
    cosines = (totals[whole] @ template) / np.maximum(lengths, 1e-6)
    return best_runs(frames[whole], levels(cosines))


def best_run(scores: NDArray[np.int64], run: int) -> int:
    """The level that ``run`` scores in a row all reach (all, where there are fewer); 0 for none."""
    length = min(run, len(scores))
    if length == 0:
        return 0
    return int(np.lib.stride_tricks.sliding_window_view(scores, length).min(axis=1).max())


class _Counts:
    """Levels as they come, by whether they are genuine."""

    def __init__(self) -> None:
        self._genuine: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self._people: list[str] = []
        self._impostors = np.zeros(LEVELS, np.int64)

    def add(self, person: str, claimed: str, found: NDArray[np.int64]) -> None:
        if person == claimed:
            self._genuine.append(found)
            self._people += [person] * len(found)
        else:
            self._impostors += np.bincount(found, minlength=LEVELS)

    def scores(self) -> Scores:
        return Scores(
            np.concatenate(self._genuine), np.array(self._people, np.str_), self._impostors
        )


class _Tally:
    """The comparisons and the transactions of sessions."""

    def __init__(self) -> None:
        self.comparisons, self.runs = _Counts(), _Counts()

    def add(self, person: str, claimed: str, scores: NDArray[np.int64], run: int) -> None:
        self.comparisons.add(person, claimed, scores[scores > 0])
        self.runs.add(person, claimed, np.array([best_run(scores, run)]))
