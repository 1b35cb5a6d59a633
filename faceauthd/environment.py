# SPDX-License-Identifier: MIT
"""Where the caller sits: is their session remote, is the lid closed. logind knows.

What a desktop starts for its user, terminals among it, runs in the user's own service manager and
is in no session. Such a process sits where its user's sessions are, and is remote where any of them
is: from a remote one ``systemd-run --user`` leads there too. What is no user's at all, such as
cron's jobs and what system services start, sits where the user's sessions are at whose wish it
asks. Who has no session sits nowhere, and may be far away. Root's own, such as a display manager,
is there before anybody's session; but a mail server is root's own as well, and not all of those set
PAM_RHOST. So that is a place by itself, and obstacles.py says which services are at the screen.

A session in which nobody sits is none: a user's service manager has one in newer systemds, and
cron's jobs where its PAM stack has pam_systemd. One that is a desktop and is on no seat is shown on
another machine, whatever it says of itself: xrdp's and VNC servers' do not set PAM_RHOST, which is
all that logind goes by. Sessions on a seat are those with this machine's screens and keyboards. Of
several seats the camera stands before the first, where logind puts what nobody assigned: who sits
at another is not who sits before it, and is as one far away. A display manager does not say at
which of several it asks.

The answer comes within seconds whatever logind does. Where there is no logind, the caller counts as
local and the lid as open: such a machine could otherwise never use faceauth, and the PAM module
looks at PAM_RHOST by itself. A logind that is there and keeps silent is none: who is remote could
keep it busy. Then it is unknown where the caller sits.

A closed lid hides the camera in it. Not so where the laptop is docked, which to logind is any
screen beside its own, too: who sits there may have a camera beside it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from faceauthd.bus import Bus, BusError, Peer
from faceauthd.variants import Typed

LOGIND = "org.freedesktop.login1"
MANAGER = "/org/freedesktop/login1"
PROPERTIES = "org.freedesktop.DBus.Properties"
# Seconds for each question. There are five, one after the other, at most, and all within the two
# that the PAM module waits longer than a scan may take.
TIMEOUT = 0.35
NO_SESSION = "org.freedesktop.login1.NoSessionForPID"
NO_USER = "org.freedesktop.login1.NoUserForPID"
NOT_LOGGED_IN = "org.freedesktop.login1.NoSuchUser"
# sd_session_get_class(3): the first words of the classes in which nobody sits.
NOBODY_SITS = ("background", "manager")
SEAT = "seat0"  # sd-login(3): the first
DESKTOPS = ("x11", "wayland", "mir")  # sd_session_get_type(3): what is shown on screens
ROOT = 0
# What the bus says where there is no logind.
NO_LOGIND = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
)
Answer = Any  # a property's value; None where logind does not say
Found = Callable[[tuple[Any, ...] | BusError], None]
log = logging.getLogger(__name__)


class Place(Enum):
    """Where a process is."""

    LOCAL = "local"
    REMOTE = "remote"
    SYSTEM = "system"  # root's own, in no session
    NOWHERE = "nowhere"  # in no session, of nobody who has one
    UNKNOWN = "unknown"  # logind does not say


@dataclass(frozen=True)
class Surroundings:
    """Where a caller sits."""

    place: Place
    lid_closed: bool  # and no other screen connected


class Environment:
    """Asks logind over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def look(self, pid: int, asker: int, done: Callable[[Surroundings], None]) -> None:
        """Find out about the process ``pid``, asking at the wish of the uid ``asker``.

        ``done`` is called exactly once.
        """
        seen: dict[str, Any] = {}

        def learn(what: str, value: Place | bool) -> None:
            seen[what] = value
            if len(seen) == 2:
                done(Surroundings(**seen))

        def lid(closed: Answer) -> None:
            if closed is True:
                self._property(MANAGER, "Manager", "Docked", docked)
            else:
                learn("lid_closed", False)

        def docked(value: Answer) -> None:
            learn("lid_closed", value is not True)

        self._property(MANAGER, "Manager", "LidClosed", lid)
        self._by_session(pid, asker, lambda place: learn("place", place))

    def _by_session(self, pid: int, asker: int, done: Callable[[Place], None]) -> None:
        def found(reply: tuple[Any, ...] | BusError) -> None:
            if not isinstance(reply, BusError):
                self._of_sessions([reply[0]], placed)
            elif reply.name == NO_SESSION:
                self._by_user(pid, asker, done)
            elif reply.name in NO_LOGIND:
                done(Place.LOCAL)
            else:
                _note("the caller's session", reply)
                done(Place.UNKNOWN)

        def placed(place: Place) -> None:
            if place is Place.NOWHERE:
                self._by_asker(asker, done)
            else:
                done(place)

        self._ask_manager("GetSessionByPID", pid, found)

    def _by_user(self, pid: int, asker: int, done: Callable[[Place], None]) -> None:
        """Where all sessions are of the user whose process it is."""

        def found(reply: tuple[Any, ...] | BusError) -> None:
            if not isinstance(reply, BusError):
                self._of_user(reply[0], done)
            elif reply.name == NO_USER:
                self._by_asker(asker, done)
            else:
                _note("the caller's user", reply)
                done(Place.UNKNOWN)

        self._ask_manager("GetUserByPID", pid, found)

    def _by_asker(self, asker: int, done: Callable[[Place], None]) -> None:
        """Where all sessions are of the user at whose wish it asks."""

        def found(reply: tuple[Any, ...] | BusError) -> None:
            if not isinstance(reply, BusError):
                self._of_user(reply[0], done)
            elif reply.name == NOT_LOGGED_IN:
                done(Place.NOWHERE)
            else:
                _note("the asking user", reply)
                done(Place.UNKNOWN)

        if asker == ROOT:
            self._by_seats(done)
        else:
            self._ask_manager("GetUser", asker, found)

    def _by_seats(self, done: Callable[[Place], None]) -> None:
        """A program of root's asks for who is at the screen; of several, at whichever."""

        def listed(reply: tuple[Any, ...] | BusError) -> None:
            if isinstance(reply, BusError):
                _note("the seats", reply)
                done(Place.UNKNOWN)
            else:
                done(Place.SYSTEM if len(reply[0]) <= 1 else Place.REMOTE)

        manager, question = Peer(LOGIND, MANAGER, f"{LOGIND}.Manager"), Typed("()", ())
        self._bus.ask(manager, "ListSeats", question, timeout=TIMEOUT, done=listed, reply="(a(so))")

    def _of_user(self, path: str, done: Callable[[Place], None]) -> None:
        def listed(sessions: Answer) -> None:
            if isinstance(sessions, list) and all(isinstance(one, tuple) for one in sessions):
                self._of_sessions([one[-1] for one in sessions], done)
            else:
                done(Place.UNKNOWN)

        self._property(path, "User", "Sessions", listed)

    def _of_sessions(self, sessions: Sequence[str], done: Callable[[Place], None]) -> None:
        """Remote, where any of the sessions, by their paths, is."""
        places: list[Place] = []

        def learn(place: Place) -> None:
            places.append(place)
            if len(places) == len(sessions):
                done(next(each for each in _WEIGHT if each in places))

        for path in sessions:
            self._of_session(path, learn)
        if not sessions:
            done(Place.NOWHERE)

    def _of_session(self, path: str, done: Callable[[Place], None]) -> None:
        def read(reply: tuple[Any, ...] | BusError) -> None:
            if isinstance(reply, BusError):
                _note("a session", reply)
                done(Place.UNKNOWN)
            else:
                done(_place(reply[0]))

        question = Typed("(s)", (f"{LOGIND}.Session",))
        properties = Peer(LOGIND, path, PROPERTIES)
        self._bus.ask(properties, "GetAll", question, timeout=TIMEOUT, done=read, reply="(a{sv})")

    def _ask_manager(self, method: str, number: int, done: Found) -> None:
        manager = Peer(LOGIND, MANAGER, f"{LOGIND}.Manager")
        question = Typed("(u)", (number,))
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


# Of several sessions the first of these counts.
_WEIGHT = (Place.REMOTE, Place.UNKNOWN, Place.LOCAL, Place.NOWHERE)


def _place(session: Mapping[str, Answer]) -> Place:
    """Where a session with these properties is."""
    kind, remote = session.get("Class"), session.get("Remote")
    shown, seat = session.get("Type"), session.get("Seat")
    if not (isinstance(kind, str) and isinstance(remote, bool) and isinstance(seat, tuple)):
        return Place.UNKNOWN
    if remote or (shown in DESKTOPS and not any(seat[:1])):
        return Place.REMOTE
    if seat[:1] not in (("",), (SEAT,)):
        return Place.REMOTE
    return Place.NOWHERE if kind.startswith(NOBODY_SITS) else Place.LOCAL


def _note(what: str, error: BusError) -> None:
    if error.name not in NO_LOGIND:
        log.warning("logind does not say: %s (%s)", what, error)
