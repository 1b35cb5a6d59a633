# SPDX-License-Identifier: MIT
"""Whether the bus still answers, for the watchdog.

GDBus reads the bus in a thread of its own, which no look at the main loop shows to be stuck. It
can be: it closes what comes with a call that is of no method's type, and that may take long
(passed.py).
"""

from typing import Any

from faceauthd.bus import Bus, BusError, Peer
from faceauthd.variants import Typed

DBUS = Peer("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
TIMEOUT = 60.0  # seconds: longer than the watchdog waits


class Pulse:
    """Asks the bus again and again, one question at a time."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._answered = True

    def beats(self) -> bool:
        """Whether the question before was answered; if so, asks another one."""
        if self._answered:
            self._answered = False
            question = Typed("()", ())
            self._bus.ask(DBUS, "GetId", question, timeout=TIMEOUT, done=self._hear, reply="(s)")
            return True
        return False

    def _hear(self, reply: "tuple[Any, ...] | BusError") -> None:
        # Where the bus refuses to answer, it heard us; an error without a name is none of its own.
        self._answered = not isinstance(reply, BusError) or reply.name != ""
