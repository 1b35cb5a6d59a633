# SPDX-License-Identifier: MIT
"""Measuring: milliseconds of many runs, in turns where they are to be compared."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any

Figures = dict[str, Any]
Work = Callable[[], bool]  # whether it did its work


def in_turns(runs: int, works: Mapping[str, Work]) -> dict[str, Figures]:
    """Each work ``runs`` times, one after another, so that other load meets all of them alike.

    A run that did not do its work is counted and not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            start = time.perf_counter()
            if work():
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: spread(found, runs) for name, found in times.items()}


def spread(times: list[float], runs: int) -> Figures:
    """The median, the 95th of a hundred and the longest, and how many of the runs failed."""
    failed = runs - len(times)
    if not times:
        return {"failed": failed}
    times = sorted(times)
    p95 = times[round(0.95 * (len(times) - 1))]
    return {"p50": median(times), "p95": p95, "max": times[-1], "failed": failed}


@contextmanager
def stopwatch(times: list[float]) -> Iterator[None]:
    """Appends the milliseconds that its body took."""
    start = time.perf_counter()
    yield
    times.append((time.perf_counter() - start) * 1000)


def typical(work: Callable[[], object], runs: int) -> float:
    """The median of so many runs, in milliseconds; one more goes before."""
    work()
    times: list[float] = []
    for _ in range(runs):
        with stopwatch(times):
            work()
    return median(times)
