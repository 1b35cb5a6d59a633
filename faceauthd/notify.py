# SPDX-License-Identifier: MIT
"""Tells systemd that the daemon is ready, alive or ending (sd_notify(3)); elsewhere does nothing.

The watchdog is fed from the main loop, so that a loop that hangs gets the daemon restarted. A
worker that hangs is its supervisor's to replace, and one whose models are missing is no reason to
restart for ever: that would only take ``faceauth status`` away.
"""

import logging
import os
import socket
from collections.abc import Callable

from faceauthd import turns

log = logging.getLogger(__name__)


def ready() -> None:
    _notify("READY=1")


def stopping() -> None:
    _notify("STOPPING=1")


def feed_watchdog(is_well: Callable[[], bool]) -> None:
    """From now on, say thrice in the watchdog's interval that all is well, while it is.

    So what is well a little late, as an answer on a busy machine, has another chance.
    """
    microseconds = int(os.environ.get("WATCHDOG_USEC", "0"))

    def feed() -> None:
        if is_well():
            _notify("WATCHDOG=1")
        turns.after(microseconds / 3e6, feed)

    if microseconds:
        feed()


def _notify(message: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.sendto(message.encode(), address)
    except OSError as error:
        log.warning("systemd can't be told %s: %s", message, error.strerror)
