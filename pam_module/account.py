# SPDX-License-Identifier: MIT
"""The account phase: tells the daemon that the user has just given their password.

phases.c has seen that they did. Whatever comes of it, the login goes on: this has no say, asks and
shows nothing, and gives up after TIMEOUT. The daemon believes it because it runs as root.
"""

from __future__ import annotations

import time

from pam_module.arguments import ArgumentError, Arguments
from pam_module.bus_client import Bus
from pam_module.contract import INTERFACE, OBJECT_PATH, SERVICE
from pam_module.dbus_wire import BusError
from pam_module.hosts import LOG_DEBUG, LOG_NOTICE, PAM_IGNORE, clean

TYPE_CHECKING = False  # typing takes as long to import as all the rest
if TYPE_CHECKING:
    from pam_module.hosts import Host

TIMEOUT = 2.0  # seconds: a hung daemon may not cost a password login more


def tell_of_password(host: Host, argv: list[str]) -> int:
    """PAM_IGNORE, once the daemon was told, or the log says why it was not."""
    try:
        arguments = Arguments(argv)
        with Bus(time.monotonic() + TIMEOUT) as bus:
            bus.connect(arguments.socket_path)
            bus.trust(SERVICE, arguments.owner_uids)
            options: dict[str, str | int] = {"service": host.service}
            bus.call(OBJECT_PATH, INTERFACE, "PasswordGiven", host.user, options, expects="")
    except (ArgumentError, BusError) as error:
        host.log(
            LOG_NOTICE, clean(f"{host.user}: the daemon was not told of the password: {error}")
        )
    else:
        if arguments.debug:
            host.log(LOG_DEBUG, clean(f"{host.user}: the daemon was told of the password"))
    return PAM_IGNORE
