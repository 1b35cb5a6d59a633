# SPDX-License-Identifier: MIT
"""What runs while nobody logs in: memory, and how often it wakes up."""

import time
from pathlib import Path

from tests.bench.person import Person, accepted, rigged
from tests.bench.times import Figures
from tests.harness.rig import Rig

LET_GO = "worker_idle = 0.5\n"
SETTLED = 1.0  # seconds after a login
GUARD = 60.0  # seconds: only a hang reaches this


def resting(somebody: Person, seconds: float, engine: str = "auto") -> tuple[Figures, Figures]:
    """Memory in MB (proportional set size), and wake-ups in so many seconds."""
    with rigged(somebody, paced=True, engine=engine) as rig:
        assert accepted(rig)
        memory = {
            "daemon": pss(rig.daemon.process.pid),
            "worker": sum(pss(pid) for pid in rig.workers()),
        }
        time.sleep(SETTLED)
        wakeups = {
            "daemon": woken([rig.daemon.process.pid], seconds),
            "worker": woken(rig.workers(), seconds),
        }
    with rigged(somebody, paced=True, engine=engine, config=LET_GO) as rig:
        assert accepted(rig)
        wait_until_idle(rig)
        memory["daemon, worker let go"] = pss(rig.daemon.process.pid)
    return memory, wakeups | {"seconds": seconds}


def wait_until_idle(rig: Rig) -> None:
    deadline = time.monotonic() + GUARD
    with rig.client() as daemon:
        while daemon.get_status()["worker"] != "idle":
            assert time.monotonic() < deadline, "the worker stayed"
            time.sleep(0.1)


def pss(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def woken(pids: list[int], seconds: float) -> int:
    """How often any thread of these processes was given a processor in that time."""
    before = sum(map(switches, pids))
    time.sleep(seconds)
    return sum(map(switches, pids)) - before


def switches(pid: int) -> int:
    """Context switches of all threads, voluntary and not."""
    return sum(
        int(line.split()[1])
        for status in Path(f"/proc/{pid}/task").glob("*/status")
        for line in status.read_text().splitlines()
        if "ctxt_switches" in line
    )
