# SPDX-License-Identifier: MIT
"""Takes each defence away in a copy of the tree, and sees a test fail: `make mutations`.

    python -m tests.mutations [--write-table] [NAME…]

With names, only the defences whose names begin so. Exit status: 0 every one was missed, 1 one was
not, or a test did not pass with all defences on, 2 no defence has that name. ``--write-table`` only
writes SECURITY.md's table.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from tests.mutations.defences import Defence, load, write_table
from tests.mutations.scratch import Scratch


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations")
    parser.add_argument("--write-table", action="store_true", help="only write SECURITY.md's table")
    parser.add_argument("names", metavar="NAME", nargs="*", help="only defences that begin so")
    wanted = parser.parse_args(arguments)
    if wanted.write_table:
        write_table(load())
        return 0
    chosen = [one for one in load() if one.name.startswith(tuple(wanted.names) or "")]
    if not chosen:
        parser.error(f"no defence begins with {' or '.join(wanted.names)}")
    tests = sorted({test for one in chosen for test in one.tests})
    with Scratch() as scratch:
        outcome = scratch.run(tests)
        print(f"with all defences on: {outcome}", flush=True)
        if outcome.failed or outcome.neither or not outcome.passed:
            print(outcome.output)
            return 1
        missed = [_is_missed(scratch, one) for one in chosen]
    print(f"{sum(missed)} of {len(missed)} defences were missed when they were off")
    return 0 if all(missed) else 1


def _is_missed(scratch: Scratch, defence: Defence) -> bool:
    """Whether a test fails without it; the tree is as it was afterwards."""
    path = scratch.tree / defence.file
    before, started = path.read_text(), time.monotonic()
    defence.take_away(scratch.tree)
    try:
        outcome = scratch.run(defence.tests, first=True)
    finally:
        path.write_text(before)
    found = outcome.failed > 0
    seconds = time.monotonic() - started
    print(
        f"{'missed' if found else 'NOT MISSED':10}  {defence.name}  ({outcome}, {seconds:.0f} s)",
        flush=True,
    )
    if not found:
        print(outcome.output)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
