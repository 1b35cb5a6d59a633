# SPDX-License-Identifier: MIT
"""What a quality gate would buy: images that fail it are refused, the others compared.

A gate is worth its refusals only where FNMR, at the same FMR, falls by clearly more than chance;
the threshold is found anew for each gate.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.engine import Engine
from models.evaluation.embeddings import MEASURES, Cache
from models.evaluation.rates import Rate
from models.evaluation.recognition import Test, measured_level, probes_of, refused
from models.evaluation.trials import Probes, Trial

SHARES = (0.05, 0.1, 0.2)  # of the images, the worst, that a gate refuses
Compare = Callable[[Probes], Trial]


@dataclass(frozen=True)
class Gate:
    """``name`` and ``limit`` say what passes; ``refused`` of the acquired images do not."""

    name: str
    limit: float | None
    refused: Rate
    fnmr: Rate


def of_test(test: Test, engine: Engine, cache: Cache) -> list[Gate]:
    """The gates of one engine on a test."""
    probes, session, _ = probes_of(test, engine, cache)
    return list(gates(probes, lambda kept: test.compare(kept, session)))


def gates(probes: Probes, compare: Compare, fmr: float = 1e-4) -> Iterator[Gate]:
    """FNMR at ``fmr`` with no gate, and behind each; a gate with too few pairs left is left out."""
    acquired = probes.acquired
    for name, limit, failing in [("no gate", None, ~acquired), *_gates(probes)]:
        scores = compare(probes.without(failing)).comparisons
        level = measured_level(scores, fmr)
        if level is not None:
            lost = Rate(int((failing & acquired).sum()), int(acquired.sum()))
            yield Gate(name, limit, lost, refused(scores, level))


def _gates(probes: Probes) -> Iterator[tuple[str, float, NDArray[np.bool_]]]:
    """(what passes, the limit, which images fail): the worst shares by each measure."""
    for column, measure in enumerate(MEASURES):
        values = probes.measures[:, column]
        if measure == "yaw":
            values = -np.abs(values)
        # Detectors that see at a few sizes have few widths, and then shares have one limit.
        for limit in np.unique(np.quantile(values[probes.acquired], SHARES)).tolist():
            name = "|yaw| at most" if measure == "yaw" else f"{measure} at least"
            yield name, abs(limit), values < limit
