# SPDX-License-Identifier: MIT
"""What logind says of a caller's surroundings, and what holds where it says nothing."""

import logging
import os
import signal

import pytest
from gi.repository import GLib

from faceauthd.bus import Bus
from faceauthd.environment import Environment, Place, Surroundings
from tests.faceauthd.stage import AT_HOME, run_until
from tests.harness.bus import PrivateBus, StandIn, logind_stand_in

MANAGER = "org.freedesktop.login1.Manager"
SESSION = "/org/freedesktop/login1/session/seven"
SESSION_INTERFACE = "org.freedesktop.login1.Session"
USER = "/org/freedesktop/login1/user/someone"
UNKNOWN = Surroundings(Place.UNKNOWN, lid_closed=False)


def look(bus: PrivateBus) -> Surroundings:
    seen: list[Surroundings] = []
    connection = Bus(bus.address)
    Environment(connection).look(os.getpid(), seen.append)
    run_until(lambda: seen)
    connection.close()
    (around,) = seen
    return around


def place(remote: bool) -> Place:
    return Place.REMOTE if remote else Place.LOCAL


def has_lid(logind: StandIn, closed: bool) -> None:
    value = GLib.Variant("b", closed)
    logind.mock("AddProperty", "(ssv)", MANAGER, "LidClosed", value)


def has_session(logind: StandIn, remote: bool) -> None:
    """The process is in a session; another's process is in none."""
    properties = {"Remote": GLib.Variant("b", remote)}
    logind.mock("AddObject", "(ssa{sv}a(ssss))", SESSION, SESSION_INTERFACE, properties, [])
    code = f'assert args[0] == {os.getpid()}; ret = "{SESSION}"'
    logind.mock("AddMethod", "(sssss)", MANAGER, "GetSessionByPID", "u", "o", code)


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_logind_knows(private_bus: PrivateBus, remote: bool, closed: bool) -> None:
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed)
        has_session(logind, remote)
        assert look(private_bus) == Surroundings(place(remote), lid_closed=closed)


def test_without_logind_one_is_at_home(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    assert look(private_bus) == AT_HOME
    assert caplog.text == ""  # it is ordinary


def has_no_session(logind: StandIn) -> None:
    error = "org.freedesktop.login1.NoSessionForPID"
    code = f'raise dbus.exceptions.DBusException("none", name="{error}")'
    logind.mock("AddMethod", "(sssss)", MANAGER, "GetSessionByPID", "u", "o", code)


def has_user(logind: StandIn, *remote: bool | None) -> None:
    """The process is its user's, who has these sessions; None is one that does not say."""
    sessions = []
    for number, value in enumerate(remote):
        path = f"/org/freedesktop/login1/session/of_user_{number}"
        sessions.append((str(number), path))
        properties = {} if value is None else {"Remote": GLib.Variant("b", value)}
        logind.mock("AddObject", "(ssa{sv}a(ssss))", path, SESSION_INTERFACE, properties, [])
    listed = {"Sessions": GLib.Variant("a(so)", sessions)}
    logind.mock("AddObject", "(ssa{sv}a(ssss))", USER, "org.freedesktop.login1.User", listed, [])
    code = f'assert args[0] == {os.getpid()}; ret = "{USER}"'
    logind.mock("AddMethod", "(sssss)", MANAGER, "GetUserByPID", "u", "o", code)


@pytest.mark.parametrize(
    ("sessions", "remote"),
    [((), False), ((False,), False), ((True,), True), ((False, True), True), ((True, True), True)],
)
def test_a_process_in_no_session_sits_where_its_user_does(
    private_bus: PrivateBus,
    caplog: pytest.LogCaptureFixture,
    sessions: tuple[bool, ...],
    remote: bool,
) -> None:
    """From a remote session, systemd-run --user starts processes that are in none."""
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed=False)
        has_no_session(logind)
        has_user(logind, *sessions)
        assert look(private_bus) == Surroundings(place(remote), lid_closed=False)
    assert caplog.text == ""


def test_a_process_of_no_user_is_the_system_s_own(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed=False)
        has_no_session(logind)
        error = "org.freedesktop.login1.NoUserForPID"
        code = f'raise dbus.exceptions.DBusException("none", name="{error}")'
        logind.mock("AddMethod", "(sssss)", MANAGER, "GetUserByPID", "u", "o", code)
        assert look(private_bus) == AT_HOME
    assert caplog.text == ""


def test_a_logind_that_keeps_silent_holds_nobody_up_and_lets_nobody_in(
    private_bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
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


@pytest.mark.parametrize(("remote", "sure"), [(True, Place.REMOTE), (False, Place.UNKNOWN)])
def test_one_of_a_user_s_sessions_that_does_not_say(
    private_bus: PrivateBus, remote: bool, sure: Place
) -> None:
    with logind_stand_in(private_bus) as logind:
        has_lid(logind, closed=False)
        has_no_session(logind)
        has_user(logind, remote, None)
        assert look(private_bus) == Surroundings(sure, lid_closed=False)
