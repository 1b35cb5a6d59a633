# SPDX-License-Identifier: MIT
"""The unit's SystemCallFilter, and a program under it, without a running systemd.

    unit_filter.py COMMAND...

replaces itself with COMMAND where only the system calls that the unit allows are left; all others
are EPERM, as the unit says.
"""

import ctypes
import errno
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from faceauthd import seccomp

UNIT = Path(__file__).parents[2] / "packaging" / "systemd" / "faceauthd.service"
NO_NEW_PRIVS = 38


def setting(name: str) -> list[str]:
    """The values of a setting of the unit, one a line."""
    lines = UNIT.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def allowed() -> set[str]:
    """The names of the system calls, as systemd.exec(5) reads SystemCallFilter's lines."""
    names: set[str] = set()
    for line in setting("SystemCallFilter"):
        named = {call for word in line.removeprefix("~").split() for call in calls(word)}
        names = names - named if line.startswith("~") else names | named
    return names | set(calls("@default"))


@cache
def calls(word: str) -> frozenset[str]:
    """The system calls of a group of systemd's, or the one that is named."""
    if not word.startswith("@"):
        return frozenset({word})
    printed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", word],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    members = [line.split()[0] for line in printed.splitlines()[1:] if line.strip()]
    return frozenset(call for member in members if member != "#" for call in calls(member))


def main(*command: str) -> None:
    library = ctypes.CDLL(seccomp._LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    filter_ = ctypes.c_void_p(library.seccomp_init(seccomp._ERRNO | errno.EPERM))
    for name in allowed():
        seccomp._allow(library, filter_, name)
    seccomp._check(ctypes.CDLL(None).prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
    seccomp._check(library.seccomp_load(filter_))
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
