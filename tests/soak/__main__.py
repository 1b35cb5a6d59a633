# SPDX-License-Identifier: MIT
"""The long tests, and a table of what they found: `make soak`.

    python -m tests.soak [--minutes N | --rounds N] [PART…]

Each part runs until it has done its whole count, or for its share of N minutes; ``--rounds``
divides all counts by N. Exit status: 0 nothing went wrong, 1 something did, 2 usage.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.security import bus_fuzz, wire_fuzz
from tests.soak import faults, kills, scans
from tests.soak.report import Report, table

Going = Callable[[int], bool]
CHUNK = 5_000  # hostile inputs of one seed


def fuzz(part: str, run: Callable[[int, int], object]) -> Callable[[Going], Report]:
    """A fuzzer as a part, in chunks of seeds 1, 2, …"""

    def fuzz_on(going: Going) -> Report:
        report, seed = Report(part), 0
        while going(report.done):
            seed += 1
            try:
                run(CHUNK, seed)
            except AssertionError as error:
                report.wrong_accepts += str(error).startswith("accepted")
                report.faults.append(f"seed {seed}: {error}")
            report.done += CHUNK
        report.notes = f"{seed} seeds"
        return report

    return fuzz_on


@dataclass(frozen=True)
class Part:
    """A part, how often it is to do what it does, and its share of the time."""

    run: Callable[[Going], Report]
    count: int
    share: float


PARTS = {
    "bus-fuzz": Part(fuzz("hostile buses for the module", bus_fuzz.fuzz), 1_000_000, 0.3),
    "wire-fuzz": Part(fuzz("hostile messages of the worker", wire_fuzz.fuzz), 1_000_000, 0.15),
    # A stranger is looked at for 46 frames, alice for one.
    "row": Part(scans.in_a_row("verifications in a row", scans.real, 50), 10_000, 0.15),
    "painted": Part(
        scans.in_a_row("the same, people being colours", scans.quick, 10), 10_000, 0.15
    ),
    "clients": Part(scans.at_once, 50 * 50, 0.1),
    "kills": Part(kills.strike, 500, 0.1),
    "faults": Part(faults.run, 1, 0.05),
}


def main() -> int:
    chosen = arguments()
    reports = []
    for name in chosen.parts or PARTS:
        part = PARTS[name]
        started = time.monotonic()
        limit = started + chosen.minutes * 60 * part.share if chosen.minutes else float("inf")
        count = max(1, part.count // chosen.rounds)
        try:
            report = part.run(until(count, limit))
        except Exception as error:  # the other parts are worth their time all the same
            report = Report(name, faults=[f"{type(error).__name__}: {error}"])
        report.seconds = time.monotonic() - started
        reports.append(report)
        print(table([report]), flush=True)
    print(f"\n{table(reports)}")
    return 1 if any(report.bad for report in reports) else 0


def until(count: int, limit: float) -> Going:
    """Whether less than ``count`` is done, and there is time; something always gets done."""
    return lambda done: done < count and (not done or time.monotonic() < limit)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.soak", description="The long tests.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--minutes", type=float, default=0.0)
    scale.add_argument("--rounds", type=int, default=1, help="divides all counts by this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
