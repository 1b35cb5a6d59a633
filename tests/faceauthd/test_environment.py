# SPDX-License-Identifier: MIT
"""What logind says of a caller's surroundings, and what holds where it says nothing."""

import logging
import os
import signal

import pytest
from gi.repository import GLib

from faceauthd import environment
from faceauthd.bus import Bus
from faceauthd.environment import Environment, Place, Surroundings
from tests.faceauthd.stage import AT_HOME, run_until
from tests.harness.bus import HANG_GUARD, PrivateBus, StandIn, logind_stand_in

MANAGER = "org.freedesktop.login1.Manager"
SESSION = "/org/freedesktop/login1/session/seven"
SESSION_INTERFACE = "org.freedesktop.login1.Session"
USER = "/org/freedesktop/login1/user/someone"
UNKNOWN = Surroundings(Place.UNKNOWN, lid_closed=False)
ROOT, ALICE = 0, 1000


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in on a busy machine may take longer than a logind may."""
    monkeypatch.setattr(environment, "TIMEOUT", HANG_GUARD)


def look(bus: PrivateBus, asker: int = ALICE) -> Surroundings:
    seen: list[Surroundings] = []
    connection = Bus(bus.address)
    Environment(connection).look(os.getpid(), asker, seen.append)
    run_until(lambda: seen)
    connection.close()
    (around,) = seen
    return around


def place(remote: bool) -> Place:
    return Place.REMOTE if remote else Place.LOCAL


def has_lid(logind: StandIn, closed: bool, docked: bool = False) -> None:
    for name, value in (("LidClosed", closed), ("Docked", docked)):
        logind.mock("AddProperty", "(ssv)", MANAGER, name, GLib.Variant("b", value))


def session(
    remote: bool | None, kind: str = "user", shown: str = "tty", seat: str = ""
) -> dict[str, GLib.Variant]:
    """A session's properties; None is one that does not say whether it is remote."""
    properties = {
        "Class": GLib.Variant("s", kind),
        "Type": GLib.Variant("s", shown),
        "Seat": GLib.Variant("(so)", (seat, f"/org/freedesktop/login1/seat/{seat}".rstrip("/"))),
    }
    return properties if remote is None else properties | {"Remote": GLib.Variant("b", remote)}


def has_session(logind: StandIn, remote: bool, kind: str = "user") -> None:
    """The process is in a session; another's process is in none."""
    logind.mock(
        "AddObject", "(ssa{sv}a(ssss))", SESSION, SESSION_INTERFACE, session(remote, kind), []
    )
    code = f'assert args[0] == {os.getpid()}; ret = "{SESSION}"'
    logind.mock("AddMethod", "(sssss)", MANAGER, "GetSessionByPID", "u", "o", code)


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_logind_knows(private_bus: PrivateBus, remote: bool, closed: bool) -> None:
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed)
        has_session(logind, remote)
        assert look(private_bus) == Surroundings(place(remote), lid_closed=closed)


def test_a_docked_laptop_has_a_camera_beside_its_closed_lid(private_bus: PrivateBus) -> None:
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed=True, docked=True)
        has_session(logind, remote=False)
        assert look(private_bus) == Surroundings(Place.LOCAL, lid_closed=False)


def test_a_logind_that_knows_no_dock_has_none(private_bus: PrivateBus) -> None:
    with logind_stand_in(private_bus) as logind:
        logind.mock("AddProperty", "(ssv)", MANAGER, "LidClosed", GLib.Variant("b", True))
        has_session(logind, remote=False)
        assert look(private_bus) == Surroundings(Place.LOCAL, lid_closed=True)


def test_without_logind_one_is_at_home(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    assert look(private_bus) == AT_HOME
    assert caplog.text == ""  # it is ordinary


def refuses(logind: StandIn, method: str, error: str) -> None:
    code = f'raise dbus.exceptions.DBusException("none", name="org.freedesktop.login1.{error}")'
    logind.mock("AddMethod", "(sssss)", MANAGER, method, "u", "o", code)


def has_no_session(logind: StandIn) -> None:
    has_lid(logind, closed=False)
    refuses(logind, "GetSessionByPID", "NoSessionForPID")


def is_no_user_s(logind: StandIn) -> None:
    has_no_session(logind)
    refuses(logind, "GetUserByPID", "NoUserForPID")


def has_seats(logind: StandIn, *names: str) -> None:
    seats = [(name, f"/org/freedesktop/login1/seat/{name}") for name in names]
    logind.mock("AddMethod", "(sssss)", MANAGER, "ListSeats", "", "a(so)", f"ret = {seats}")


def has_user(logind: StandIn, *sessions: dict[str, GLib.Variant]) -> None:
    """The process is its user's, who has these sessions."""
    logged_in(logind, *sessions)
    code = f'assert args[0] == {os.getpid()}; ret = "{USER}"'
    logind.mock("AddMethod", "(sssss)", MANAGER, "GetUserByPID", "u", "o", code)


def logged_in(logind: StandIn, *sessions: dict[str, GLib.Variant]) -> None:
    """The asking user has these sessions."""
    paths = []
    for number, properties in enumerate(sessions):
        path = f"/org/freedesktop/login1/session/of_user_{number}"
        paths.append((str(number), path))
        logind.mock("AddObject", "(ssa{sv}a(ssss))", path, SESSION_INTERFACE, properties, [])
    listed = {"Sessions": GLib.Variant("a(so)", paths)}
    logind.mock("AddObject", "(ssa{sv}a(ssss))", USER, "org.freedesktop.login1.User", listed, [])
    code = f'assert args[0] == {ALICE}; ret = "{USER}"'
    logind.mock("AddMethod", "(sssss)", MANAGER, "GetUser", "u", "o", code)


HERE, AFAR, SILENT = session(False), session(True), session(None)
DESKTOP = session(False, shown="wayland", seat="seat0")
ELSEWHERE = session(False, shown="x11")  # xrdp's and VNC's: no word of whose it is
SITS = [
    ((HERE,), Place.LOCAL),
    ((AFAR,), Place.REMOTE),
    ((HERE, AFAR), Place.REMOTE),
    ((AFAR, AFAR), Place.REMOTE),
    ((AFAR, SILENT), Place.REMOTE),
    ((HERE, SILENT), Place.UNKNOWN),
    ((), Place.NOWHERE),
    # A service manager's own session says nothing of where anybody sits.
    ((session(False, "manager"),), Place.NOWHERE),
    ((session(False, "background-light"), session(False, "manager-early")), Place.NOWHERE),
    ((session(False, "manager"), HERE), Place.LOCAL),
    ((session(True, "manager"),), Place.REMOTE),
    ((DESKTOP,), Place.LOCAL),
    ((ELSEWHERE,), Place.REMOTE),
    ((DESKTOP, ELSEWHERE), Place.REMOTE),
    # The camera is the first seat's.
    ((session(False, shown="x11", seat="seat1"),), Place.REMOTE),
    ((session(False, seat="seatusb"),), Place.REMOTE),
    ((DESKTOP, session(False, shown="x11", seat="seat1")), Place.REMOTE),
]


@pytest.mark.parametrize(("sessions", "place"), SITS)
@pytest.mark.parametrize("asker", [ROOT, ALICE])
def test_a_process_in_no_session_sits_where_its_user_does(
    private_bus: PrivateBus,
    caplog: pytest.LogCaptureFixture,
    sessions: tuple[dict[str, GLib.Variant], ...],
    place: Place,
    asker: int,
) -> None:
    """From a remote session, systemd-run --user starts processes that are in none."""
    with logind_stand_in(private_bus) as logind:
        has_no_session(logind)
        has_user(logind, *sessions)
        assert look(private_bus, asker) == Surroundings(place, lid_closed=False)
    assert caplog.text == ""


@pytest.mark.parametrize(("sessions", "place"), SITS)
def test_a_process_of_no_user_sits_where_who_asks_does(
    private_bus: PrivateBus,
    caplog: pytest.LogCaptureFixture,
    sessions: tuple[dict[str, GLib.Variant], ...],
    place: Place,
) -> None:
    """Such as what cron starts."""
    with logind_stand_in(private_bus) as logind:
        is_no_user_s(logind)
        logged_in(logind, *sessions)
        assert look(private_bus) == Surroundings(place, lid_closed=False)
    assert caplog.text == ""


def test_a_process_of_no_user_for_who_is_not_logged_in_sits_nowhere(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    with logind_stand_in(private_bus) as logind:
        is_no_user_s(logind)
        refuses(logind, "GetUser", "NoSuchUser")
        assert look(private_bus) == Surroundings(Place.NOWHERE, lid_closed=False)
    assert caplog.text == ""


@pytest.mark.parametrize("kind", ["background", "background-light", "manager"])
@pytest.mark.parametrize(("sessions", "place"), [((HERE,), Place.LOCAL), ((), Place.NOWHERE)])
def test_a_session_in_which_nobody_sits_is_none(
    private_bus: PrivateBus,
    kind: str,
    sessions: tuple[dict[str, GLib.Variant], ...],
    place: Place,
) -> None:
    """Cron's jobs have such a session, where its PAM stack has pam_systemd."""
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed=False)
        has_session(logind, remote=False, kind=kind)
        logged_in(logind, *sessions)
        assert look(private_bus) == Surroundings(place, lid_closed=False)


def test_a_logind_that_does_not_know_the_asker_as_it_should_is_no_yes(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    with logind_stand_in(private_bus) as logind:
        is_no_user_s(logind)
        refuses(logind, "GetUser", "Strange")
        assert look(private_bus) == UNKNOWN
    assert "logind does not say: the asking user" in caplog.text


def test_root_s_process_of_no_user_is_the_system_s_own(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    with logind_stand_in(private_bus) as logind:
        is_no_user_s(logind)
        has_seats(logind, "seat0")
        assert look(private_bus, ROOT) == Surroundings(Place.SYSTEM, lid_closed=False)
    assert caplog.text == ""


def test_of_several_seats_a_display_manager_may_ask_at_any(private_bus: PrivateBus) -> None:
    """Who stands at another seat must not get in by who sits before the camera."""
    with logind_stand_in(private_bus) as logind:
        is_no_user_s(logind)
        has_seats(logind, "seat0", "seat1")
        assert look(private_bus, ROOT) == Surroundings(Place.REMOTE, lid_closed=False)
        refused = 'raise dbus.exceptions.DBusException("none", name="org.example.No")'
        logind.mock("AddMethod", "(sssss)", MANAGER, "ListSeats", "", "a(so)", refused)
        assert look(private_bus, ROOT) == UNKNOWN, "nor does it say how many there are"


@pytest.mark.parametrize("shown", ["x11", "wayland"])
def test_a_desktop_that_is_on_no_seat_is_shown_elsewhere(
    private_bus: PrivateBus, shown: str
) -> None:
    """Such as xrdp's, which logind calls local: it knows no more than PAM_RHOST."""
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed=False)
        logind.mock(
            "AddObject", "(ssa{sv}a(ssss))", SESSION, SESSION_INTERFACE,
            session(False, shown=shown), [],
        )  # fmt: skip
        code = f'ret = "{SESSION}"'
        logind.mock("AddMethod", "(sssss)", MANAGER, "GetSessionByPID", "u", "o", code)
        assert look(private_bus) == Surroundings(Place.REMOTE, lid_closed=False)


def test_a_logind_that_keeps_silent_holds_nobody_up_and_lets_nobody_in(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "TIMEOUT", 0.1)
    with logind_stand_in(private_bus) as logind:
        logind.process.send_signal(signal.SIGSTOP)
        try:
            with caplog.at_level(logging.WARNING):
                assert look(private_bus) == UNKNOWN
        finally:
            logind.process.send_signal(signal.SIGCONT)
    assert "logind does not say" in caplog.text


def test_an_answer_of_another_type_is_no_answer(private_bus: PrivateBus) -> None:
    with logind_stand_in(private_bus) as logind:
        logind.mock("AddProperty", "(ssv)", MANAGER, "LidClosed", GLib.Variant("s", "yes"))
        logind.mock("AddMethod", "(sssss)", MANAGER, "GetSessionByPID", "u", "s", 'ret = "x"')
        assert look(private_bus) == UNKNOWN


def test_a_session_that_does_not_say_is_no_local_one(private_bus: PrivateBus) -> None:
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed=False)
        logind.mock("AddObject", "(ssa{sv}a(ssss))", SESSION, SESSION_INTERFACE, {}, [])
        code = f'ret = "{SESSION}"'
        logind.mock("AddMethod", "(sssss)", MANAGER, "GetSessionByPID", "u", "o", code)
        assert look(private_bus) == UNKNOWN
