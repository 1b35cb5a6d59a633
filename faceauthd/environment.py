# SPDX-License-Identifier: MIT
"""Where the caller sits: is their session remote, is the lid closed. logind knows.

What a desktop starts for its user, terminals among it, runs in the user's own service manager and
is in no session. Such a process is remote where any of its user's sessions is: from a remote one
``systemd-run --user`` leads there too. One that belongs to no user is the system's own, and local.

The answer comes within a second whatever logind does. Where logind is missing, or its answer is,
the caller counts as local and the lid as open: a machine without logind could otherwise never use
faceauth, and the PAM module looks at PAM_RHOST and the lid by itself. That there is no logind is
ordinary; that logind keeps silent is logged.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from faceauthd.bus import Bus, BusError, Peer
from faceauthd.variants import Typed

LOGIND = "org.freedesktop.login1"
MANAGER = "/org/freedesktop/login1"
PROPERTIES = "org.freedesktop.DBus.Properties"
TIMEOUT = 0.25  # seconds for each question; there are four, one after the other, at most
NO_SESSION = "org.freedesktop.login1.NoSessionForPID"
# What the bus says where logind does not run, and logind of a process that is nobody's.
ORDINARY = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.login1.NoUserForPID",
)
Answer = Any  # a property's value; None where logind does not say
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

        def lid(value: Answer) -> None:
            learn("lid_closed", value is True)

        self._property(MANAGER, "Manager", "LidClosed", lid)
        self._session_is_remote(pid, lambda value: learn("remote", value))

    def _session_is_remote(self, pid: int, done: Callable[[bool], None]) -> None:
        def found(reply: tuple[Any, ...] | BusError) -> None:
            if not isinstance(reply, BusError):
                self._are_remote([reply[0]], done)
            elif reply.name == NO_SESSION:
                self._user_is_remote(pid, done)
            else:
                _note("the caller's session", reply)
                done(False)

        self._ask_manager("GetSessionByPID", pid, found)

    def _user_is_remote(self, pid: int, done: Callable[[bool], None]) -> None:
        """Whether any session is remote of the user whose process it is."""

        def listed(sessions: Answer) -> None:
            is_list = isinstance(sessions, list) and all(isinstance(one, tuple) for one in sessions)
            self._are_remote([one[-1] for one in sessions] if is_list else [], done)

        def found(reply: tuple[Any, ...] | BusError) -> None:
            if isinstance(reply, BusError):
                _note("the caller's user", reply)
                done(False)
            else:
                self._property(reply[0], "User", "Sessions", listed)

        self._ask_manager("GetUserByPID", pid, found)

    def _are_remote(self, sessions: Sequence[str], done: Callable[[bool], None]) -> None:
        """Whether any of the sessions, by their paths, is remote."""
        answers: list[bool] = []

        def learn(value: Answer) -> None:
            answers.append(value is True)
            if len(answers) == len(sessions):
                done(any(answers))

        for path in sessions:
            self._property(path, "Session", "Remote", learn)
        if not sessions:
            done(False)

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
    if error.name not in ORDINARY:
        log.warning("logind does not say: %s (%s); going on as if local, lid open", what, error)
