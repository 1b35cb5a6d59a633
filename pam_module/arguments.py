# SPDX-License-Identifier: MIT
"""The arguments behind the module's name in a PAM file; docs/pam.md explains them.

The PAM file is root's, and nothing else can set these: no environment, no configuration.
"""

from __future__ import annotations

import pwd

SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
OWNERS = ("root", "faceauth")  # the users whose process may be the daemon
TIMEOUT, TIMEOUT_MAX = 15, 60  # seconds for all but the person; as in loader.c


class ArgumentError(Exception):
    """An argument is unknown or has a wrong value; the text names it."""


class Arguments:
    """What stands behind the module's name in the PAM file. ArgumentError where it is wrong."""

    def __init__(self, argv: list[str]) -> None:
        self.bus, self.timeout, self.owners = SYSTEM_BUS, TIMEOUT, list(OWNERS)
        self.debug = self.quiet = False
        for argument in argv:
            key, _, value = argument.partition("=")
            if argument in ("debug", "quiet"):
                setattr(self, key, True)
            elif key == "timeout" and value.isdecimal() and 1 <= int(value) <= TIMEOUT_MAX:
                self.timeout = int(value)
            elif key == "bus" and value.startswith("unix:path=/"):
                self.bus = value
            elif argument == "password=any":
                continue  # phases.c has read it
            elif key == "owner" and value:
                self.owners.append(value)
            else:
                raise ArgumentError(f"wrong argument in the PAM file: {argument}")

    @property
    def socket_path(self) -> str:
        return self.bus.removeprefix("unix:path=").partition(",")[0]

    @property
    def owner_uids(self) -> set[int]:
        """The uids of `owners`; a user that does not exist is nobody."""
        uids = set()
        for name in self.owners:
            try:
                uids.add(pwd.getpwnam(name).pw_uid)
            except KeyError:
                continue
        return uids
