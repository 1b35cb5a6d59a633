# SPDX-License-Identifier: MIT
"""polkit: does it know what may be asked for. Without it root alone may enrol."""

from collections.abc import Iterator

from cli.checks.finding import Finding, ok, problem, unknown, warning
from cli.checks.machine import Machine
from faceauthd.results import BUS_NAME

POLICY = f"/usr/share/polkit-1/actions/{BUS_NAME}.policy"
ACTIONS = tuple(f"{BUS_NAME}.{name}" for name in ("verify", "enroll", "manage"))


def check(machine: Machine) -> Iterator[Finding]:
    if not machine.path(POLICY).exists():
        yield problem(f"{POLICY} is missing: nobody but root may enrol", "install faceauth again")
        return
    yield ok("our actions for polkit are installed")
    listed = machine.ask("pkaction")
    if listed is None:
        yield warning("polkit is not installed: nobody but root may enrol", "install polkitd")
    elif listed.status:
        yield unknown("whether polkit knows them: it does not answer")
    elif missing := sorted(set(ACTIONS) - set(listed.text.split())):
        yield problem(f"polkit does not know {', '.join(missing)}", "systemctl restart polkit")
    else:
        yield ok("polkit knows them")
