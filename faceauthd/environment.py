# SPDX-License-Identifier: MIT
"""Where the caller sits: is their session remote, is the lid closed. logind knows.

The answer comes within half a second whatever logind does. Where logind is missing, or its answer
is, the caller counts as local and the lid as open: a machine without logind could otherwise
never use faceauth, and the PAM module looks at PAM_RHOST and the lid by itself. That there is no
logind or no session is ordinary; that logind keeps silent is logged.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faceauthd.bus import Bus, BusError, Peer
from faceauthd.variants import Typed

LOGIND = "org.freedesktop.login1"
MANAGER = "/org/freedesktop/login1"
PROPERTIES = "org.freedesktop.DBus.Properties"
# Seconds. The lid is one question; the session is two, one after the other, with half each.
TIMEOUT = 0.5
# What the bus says where logind does not run, and logind where the process is in no session.
ORDINARY = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.login1.NoSessionForPID",
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """Where a caller sits."""

    remote: bool
    lid_closed: bool


class Environment:
    """Asks logind over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def look(self, pid: int, done: Callable[[Surroundings], None]) -> None:
        """Find out about the process ``pid``; ``done`` is called exactly once."""
        seen: dict[str, bool] = {}

        def learn(what: str, value: bool) -> None:
            seen[what] = value
            if len(seen) == 2:
                done(Surroundings(**seen))

        self._property(
            MANAGER, "Manager", "LidClosed", TIMEOUT, lambda value: learn("lid_closed", value)
        )
        self._session_is_remote(pid, lambda value: learn("remote", value))

    def _session_is_remote(self, pid: int, done: Callable[[bool], None]) -> None:
        def found(reply: tuple[Any, ...] | BusError) -> None:
            if isinstance(reply, BusError):
                _note("the caller's session", reply)
                done(False)
            else:
                self._property(reply[0], "Session", "Remote", TIMEOUT / 2, done)

        manager = Peer(LOGIND, MANAGER, f"{LOGIND}.Manager")
        question = Typed("(u)", (pid,))
        self._bus.ask(
            manager, "GetSessionByPID", question, timeout=TIMEOUT / 2, done=found, reply="(o)"
        )

    def _property(
        self, path: str, interface: str, name: str, timeout: float, done: Callable[[bool], None]
    ) -> None:
        def read(reply: tuple[Any, ...] | BusError) -> None:
            if isinstance(reply, BusError):
                _note(name, reply)
                done(False)
            else:
                done(reply[0] is True)

        question = Typed("(ss)", (f"{LOGIND}.{interface}", name))
        properties = Peer(LOGIND, path, PROPERTIES)
        self._bus.ask(properties, "Get", question, timeout=timeout, done=read, reply="(v)")


def _note(what: str, error: BusError) -> None:
    if error.name not in ORDINARY:
        log.warning("logind does not say: %s (%s); going on as if local, lid open", what, error)
