# SPDX-License-Identifier: MIT
"""Whole logins, beside what they stand on and what others need for theirs."""

import pwd
import subprocess
import sys
from pathlib import Path

from tests.bench.person import NAME, Person, accepted, rigged
from tests.bench.times import Figures, in_turns
from tests.harness.data import ROOT
from tests.harness.rig import Rig

HOWDY = ROOT / "tests" / "harness" / "howdys_way.py"
NO_BUS = "no-bus"  # a PAM service whose bus is not there
SLOW = 10  # as many runs of what takes seconds, at most


def logins(somebody: Person, runs: int, engine: str = "auto") -> Figures:
    """Each line is a program's whole life, but for the daemon's, which is until it answers."""
    stranger = pwd.getpwuid(0).pw_name  # exists, and nobody enrolled them
    howdy = [sys.executable, str(HOWDY), str(somebody.later)]
    faceauth = [str(Path(sys.executable).parent / "faceauth"), "--help"]
    with (
        rigged(somebody, paced=True, engine=engine) as paced,
        rigged(somebody, paced=False, engine=engine) as fast,
    ):
        without_bus(paced)
        works = {
            "floor": lambda: paced.pam("permit", NAME).code == "SUCCESS",
            "PAM module without a bus": lambda: unavailable(paced, NO_BUS, NAME),
            "nobody enrolled": lambda: unavailable(paced, "face", stranger),
            "login, camera in real time": lambda: accepted(paced),
            "login, frames as fast as they come": lambda: accepted(fast),
            "howdy's way": lambda: ran(howdy),
            "faceauth --help": lambda: ran(faceauth),
        }
        figures: Figures = in_turns(runs, works)
        starts = {"daemon until it answers": lambda: restarted(paced)}
        return figures | in_turns(min(runs, SLOW), starts)


def without_bus(rig: Rig) -> None:
    """Add a PAM service as the face's own, that asks a bus which is not there."""
    services = rig.folder / "pam.d"
    text = (services / "face").read_text().replace(rig.bus.address, "unix:path=/nonexistent")
    (services / NO_BUS).write_text(text)


def unavailable(rig: Rig, service: str, user: str) -> bool:
    return rig.pam(service, user).code == "AUTHINFO_UNAVAIL"


def ran(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def restarted(rig: Rig) -> bool:
    """The daemon ends and another one answers; ending takes 0.1 s of it at most."""
    rig.restart_daemon()
    return True
