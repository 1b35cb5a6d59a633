# SPDX-License-Identifier: MIT
"""systemd's unit: is it there, does it run, does it start at boot, how tight is its sandbox."""

import re
from collections.abc import Iterator

from cli.checks.finding import Finding, ok, problem, unknown, warning
from cli.checks.machine import Machine

UNIT = "faceauthd.service"
BOOTED = "/run/systemd/system"  # as sd_booted(3)
LOOSE = 2.0  # systemd-analyze's exposure, 0 to 10; ours is below 1
SHOW = ("systemctl", "show", UNIT, "--property=LoadState,ActiveState,UnitFileState,NRestarts")


def check(machine: Machine) -> Iterator[Finding]:
    if not machine.path(BOOTED).is_dir():
        yield unknown("the unit: systemd does not run this system")
        return
    answer = machine.ask(*SHOW)
    if answer is None or answer.status:
        yield unknown("the unit: systemctl does not answer")
        return
    state = dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)
    if state.get("LoadState") != "loaded":
        yield problem(f"systemd does not know {UNIT}", "install faceauth again")
        return
    yield from running(state)
    yield sandbox(machine)


def running(state: dict[str, str]) -> Iterator[Finding]:
    match state.get("ActiveState"):
        case "active":
            yield ok(f"{UNIT} is active")
        case "failed":
            yield problem(f"{UNIT} has failed", "see: journalctl -u faceauthd")
        case other:
            yield warning(
                f"{UNIT} is {other}; the first call starts it", "systemctl start faceauthd"
            )
    if state.get("UnitFileState") != "enabled":
        text = f"{UNIT} is {state.get('UnitFileState') or 'not enabled'}: the first login waits"
        yield warning(text, "systemctl enable faceauthd")
    restarts = state.get("NRestarts", "0")
    if restarts.isdecimal() and int(restarts):
        yield warning(f"systemd restarted it {restarts} times", "see: journalctl -u faceauthd")


def sandbox(machine: Machine) -> Finding:
    answer = machine.ask("systemd-analyze", "security", "--no-pager", UNIT)
    score = re.search(r"level for \S+: ([0-9.]+)", answer.text) if answer else None
    if score is None:
        return unknown("the sandbox: systemd-analyze does not answer")
    if float(score[1]) > LOOSE:
        text = f"the sandbox is loose: exposure {score[1]} of 10"
        return warning(text, f"look for what changed it: systemctl cat {UNIT}")
    return ok(f"the sandbox is tight: exposure {score[1]} of 10")
