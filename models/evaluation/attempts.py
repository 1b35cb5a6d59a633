# SPDX-License-Identifier: MIT
"""Recorded sessions as Verify decides on them: by each frame of a run, and by the run's mean.

The two have thresholds of their own, so an attempt has no single score; it keeps what its runs
reached of both. Levels are those of trials.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.rates import Rate

Levels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Attempt:
    """One session shown to one account.

    ``runs`` is (n, 2): the level that all frames of a run reach, and that of its mean. A run that
    another one beats in both is left out; there is none where nothing was enrolled.
    """

    genuine: bool
    runs: Levels

    def succeeds(self, frame: int, run: int) -> bool:
        """Whether one run reaches both levels."""
        return bool(((self.runs[:, 0] >= frame) & (self.runs[:, 1] >= run)).any())


def decided(attempts: Sequence[Attempt], frame: int, run: int) -> tuple[Rate, Rate]:
    """FAR and FRR with these two levels."""
    accepted = [one.succeeds(frame, run) for one in attempts if not one.genuine]
    refused = [not one.succeeds(frame, run) for one in attempts if one.genuine]
    return Rate(sum(accepted), len(accepted)), Rate(sum(refused), len(refused))


def best_runs(frames: Levels, means: Levels) -> Levels:
    """Of runs with these levels, (n,) each, those that no other one beats in both."""
    order = np.lexsort((-means, -frames))
    before = np.concatenate([[-1], np.maximum.accumulate(means[order])[:-1]])
    return np.stack([frames[order], means[order]], axis=1)[means[order] > before]
