# SPDX-License-Identifier: MIT
"""Which recordings train a network, which choose among its epochs, and which judge it.

Neighbouring frames of one recording are nearly the same picture. A split by frame would put them
on all sides and report how well the network remembers; so a split divides sources (a camera, a
place, a person), or recordings where there are too few sources, and never a recording. Sources
that show one person stay together, unless all show the same few people.

Validation chooses: when to stop, and the threshold. What it measured would flatter, so a third
part, the test, judges, where there are enough recordings to spare.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.evaluation.datasets import DatasetError, Sample, recordings

FEW_SOURCES = 4  # with fewer, whole sources cannot be spared


@dataclass(frozen=True)
class Split:
    """Parts that share no ``unit`` ("source" or "session"); ``test`` is empty where there are few.

    ``judged`` is what the figures are of: the test, or else what also chose.
    """

    unit: str
    train: list[Sample]
    validation: list[Sample]
    test: list[Sample] = field(default_factory=list)

    @property
    def judged(self) -> list[Sample]:
        return self.test or self.validation

    def without_choice(self) -> "Split":
        """The same for what chooses nothing: all that does not judge trains."""
        if self.test:
            return Split(self.unit, [*self.train, *self.validation], [], self.test)
        return Split(self.unit, self.train, [], self.validation)


def split(samples: Sequence[Sample], seed: int, share: float = 0.2) -> Split:
    """About ``share`` (0-1) of each kind for validation and as much for the test, by whole units.

    DatasetError where a part would be left without live faces or without attacks.
    """
    unit, groups = _units(samples)
    order = np.random.default_rng(seed).permutation(len(groups))
    held, rest = _take([groups[index] for index in order], samples, share)
    test, kept = _take(rest, samples, share)
    if not _has_both(_flat(test)):
        test, kept = [], rest
    for part, name in ((kept, "training"), (held, "validation")):
        _require_both(_flat(part), name, unit)
    return Split(unit, _flat(kept), _flat(held), _flat(test))


def _units(samples: Sequence[Sample]) -> tuple[str, list[list[Sample]]]:
    """What is never divided, and all of them."""
    people = _people(samples)
    for key in (lambda one: people[one.source], lambda one: one.source):
        groups: dict[str, list[Sample]] = {}
        for sample in samples:
            groups.setdefault(key(sample), []).append(sample)
        if sum(_has_both(group) for group in groups.values()) >= FEW_SOURCES:
            return "source", list(groups.values())
    return "session", list(recordings(samples).values())


def _people(samples: Sequence[Sample]) -> dict[str, str]:
    """Source -> one source that stands for all that share a known person with it."""
    stands = {sample.source: sample.source for sample in samples}

    def root(source: str) -> str:
        while stands[source] != source:
            source = stands[source]
        return source

    first: dict[str, str] = {}
    for sample in samples:
        if sample.subject:
            stands[root(sample.source)] = root(first.setdefault(sample.subject, sample.source))
    return {source: root(source) for source in stands}


def _take(
    groups: Sequence[list[Sample]], samples: Sequence[Sample], share: float
) -> tuple[list[list[Sample]], list[list[Sample]]]:
    """Units until each kind has its share of all samples, and the rest.

    The rest keeps a unit of each species, so that none is only judged and never learnt; or where
    that leaves no attack to take, a unit of any.
    """
    for kinds in (_species, _labels):
        taken: list[list[Sample]] = []
        rest = list(groups)
        total, have = kinds(samples), Counter[str]()
        for group in groups:
            more, left = kinds(group), Counter(kind for other in rest for kind in kinds(other))
            if all(
                left[kind] > 1
                and have[kind] < share * total[kind]
                and have[kind] + more[kind] <= max(share, 0.5) * total[kind]
                for kind in more
            ):
                taken.append(group)
                rest.remove(group)
                have += more
        if _has_both(_flat(taken)):
            break
    return taken, rest


def _species(samples: Sequence[Sample]) -> Counter[str]:
    return Counter(sample.species for sample in samples)


def _labels(samples: Sequence[Sample]) -> Counter[str]:
    return Counter("live" if sample.live else "attack" for sample in samples)


def _flat(groups: Sequence[Sequence[Sample]]) -> list[Sample]:
    return [sample for group in groups for sample in group]


def _has_both(part: Sequence[Sample]) -> bool:
    return {sample.live for sample in part} == {True, False}


def _require_both(part: Sequence[Sample], name: str, unit: str) -> None:
    for live, kind in ((True, "live faces"), (False, "attacks")):
        if not any(sample.live == live for sample in part):
            raise DatasetError(
                f"no {kind} are left for {name}: record {kind} in at least 2 {unit}s of like length"
            )
