# SPDX-License-Identifier: MIT
"""The system bus: our policy on it, the daemon's activation, and who owns the daemon's name."""

import pwd
import re
from collections.abc import Iterator

from cli.checks.finding import Finding, ok, problem, unknown
from cli.checks.machine import Machine
from faceauthd.results import BUS_NAME

POLICIES = ("/etc/dbus-1/system.d", "/usr/share/dbus-1/system.d")
ACTIVATION = f"/usr/share/dbus-1/system-services/{BUS_NAME}.service"
ACCOUNT = "faceauth"
REINSTALL = "install faceauth again"
BUS = "org.freedesktop.DBus"
ASK_OWNER = (
    *("dbus-send", "--system", "--print-reply=literal", f"--dest={BUS}", "/org/freedesktop/DBus"),
    *(f"{BUS}.GetConnectionUnixUser", f"string:{BUS_NAME}"),
)


def check(machine: Machine) -> Iterator[Finding]:
    found = [folder for folder in POLICIES if machine.path(f"{folder}/{BUS_NAME}.conf").exists()]
    if found:
        yield ok(f"the bus has our policy, in {found[0]}")
    else:
        yield problem(f"no policy {BUS_NAME}.conf: the daemon may not own its name", REINSTALL)
    if not machine.path(ACTIVATION).exists():
        yield problem(f"{ACTIVATION} is missing: nothing starts the daemon on demand", REINSTALL)
    yield owner(machine)


def owner(machine: Machine) -> Finding:
    """Whether the name belongs to somebody whom the PAM module trusts."""
    answer = machine.ask(*ASK_OWNER)
    if answer is None:
        return unknown("who owns the daemon's name: dbus-send is not installed, or hangs")
    number = re.search(r"uint32 (\d+)", answer.text)
    if answer.status or not number:
        return unknown("who owns the daemon's name: nobody does, or the bus is not there")
    uid = int(number[1])
    try:
        trusted = {0, pwd.getpwnam(ACCOUNT).pw_uid}
    except KeyError:
        trusted = {0}
    if uid in trusted:
        return ok(f"the daemon's name belongs to user id {uid}")
    return problem(
        f"the daemon's name belongs to user id {uid}, whom the PAM module does not trust",
        f"find out who runs it; it must be root or {ACCOUNT}",
    )
