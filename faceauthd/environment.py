# SPDX-License-Identifier: MIT
"""Where the caller sits: is their session remote, is the lid closed. logind knows.

What a desktop starts for its user, terminals among it, runs in the user's own service manager and
is in no session. Such a process is remote where any of its user's sessions is: from a remote one
``systemd-run --user`` leads there too. One that belongs to no user is the system's own, such as a
display manager, and local.

The answer comes within seconds whatever logind does. Where there is no logind, the caller counts as
local and the lid as open: such a machine could otherwise never use faceauth, and the PAM module
looks at PAM_RHOST and the lid by itself. A logind that is there and keeps silent is none: who is
remote could keep it busy. Then it is unknown where the caller sits.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from faceauthd.bus import Bus, BusError, Peer
from faceauthd.variants import Typed

LOGIND = "org.freedesktop.login1"
MANAGER = "/org/freedesktop/login1"
PROPERTIES = "org.freedesktop.DBus.Properties"
# Seconds for each question. There are four, one after the other, at most, and all within the two
# that the PAM module waits longer than a scan may take.
TIMEOUT = 0.4
NO_SESSION = "org.freedesktop.login1.NoSessionForPID"
NO_USER = "org.freedesktop.login1.NoUserForPID"
# What the bus says where there is no logind.
NO_LOGIND = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
)
Answer = Any  # a property's value; None where logind does not say
log = logging.getLogger(__name__)


class Place(Enum):
    """Where a process is."""

    LOCAL = "local"
    REMOTE = "remote"
    UNKNOWN = "unknown"  # logind does not say


@dataclass(frozen=True)
class Surroundings:
    """Where a caller sits."""

    place: Place
    lid_closed: bool


class Environment:
    """Asks logind over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def look(self, pid: int, done: Callable[[Surroundings], None]) -> None:
        """Find out about the process ``pid``; ``done`` is called exactly once."""
        seen: dict[str, Any] = {}

        def learn(what: str, value: Place | bool) -> None:
            seen[what] = value
            if len(seen) == 2:
                done(Surroundings(**seen))

        def lid(value: Answer) -> None:
            learn("lid_closed", value is True)

        self._property(MANAGER, "Manager", "LidClosed", lid)
        self._by_session(pid, lambda place: learn("place", place))

    def _by_session(self, pid: int, done: Callable[[Place], None]) -> None:
        def found(reply: tuple[Any, ...] | BusError) -> None:
            if not isinstance(reply, BusError):
                self._of_sessions([reply[0]], done)
            elif reply.name == NO_SESSION:
                self._by_user(pid, done)
            elif reply.name in NO_LOGIND:
                done(Place.LOCAL)
            else:
                _note("the caller's session", reply)
                done(Place.UNKNOWN)

        self._ask_manager("GetSessionByPID", pid, found)

    def _by_user(self, pid: int, done: Callable[[Place], None]) -> None:
        """Where all sessions are of the user whose process it is."""

        def listed(sessions: Answer) -> None:
            if isinstance(sessions, list) and all(isinstance(one, tuple) for one in sessions):
                self._of_sessions([one[-1] for one in sessions], done)
            else:
                done(Place.UNKNOWN)

        def found(reply: tuple[Any, ...] | BusError) -> None:
            if not isinstance(reply, BusError):
                self._property(reply[0], "User", "Sessions", listed)
            elif reply.name == NO_USER:
                done(Place.LOCAL)
            else:
                _note("the caller's user", reply)
                done(Place.UNKNOWN)

        self._ask_manager("GetUserByPID", pid, found)

    def _of_sessions(self, sessions: Sequence[str], done: Callable[[Place], None]) -> None:
        """Remote, where any of the sessions, by their paths, is."""
        answers: list[Answer] = []

        def learn(remote: Answer) -> None:
            answers.append(remote)
            if len(answers) < len(sessions):
                return
            if any(answer is True for answer in answers):
                done(Place.REMOTE)
            else:
                sure = all(answer is False for answer in answers)
                done(Place.LOCAL if sure else Place.UNKNOWN)

        for path in sessions:
            self._property(path, "Session", "Remote", learn)
        if not sessions:
            done(Place.LOCAL)

    def _ask_manager(
        self, method: str, pid: int, done: Callable[[tuple[Any, ...] | BusError], None]
    ) -> None:
        manager = Peer(LOGIND, MANAGER, f"{LOGIND}.Manager")
        question = Typed("(u)", (pid,))
        self._bus.ask(manager, method, question, timeout=TIMEOUT, done=done, reply="(o)")

    def _property(
        self, path: str, interface: str, name: str, done: Callable[[Answer], None]
    ) -> None:
        def read(reply: tuple[Any, ...] | BusError) -> None:
            if isinstance(reply, BusError):
                _note(name, reply)
                done(None)
            else:
                done(reply[0])

        question = Typed("(ss)", (f"{LOGIND}.{interface}", name))
        properties = Peer(LOGIND, path, PROPERTIES)
        self._bus.ask(properties, "Get", question, timeout=TIMEOUT, done=read, reply="(v)")


def _note(what: str, error: BusError) -> None:
    if error.name not in NO_LOGIND:
        log.warning("logind does not say: %s (%s)", what, error)
