# SPDX-License-Identifier: MIT
"""The machine goes to sleep in mid-scan: the scan ends, the camera is closed, then it may."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gi.repository import GLib

from faceauthd import sleep as sleeping
from faceauthd.capture import Slot
from tests.faceauthd.frames import GOOD
from tests.faceauthd.stage import ROOT, Stage, run_until
from tests.harness.bus import HANG_GUARD, PrivateBus, StandIn, logind_stand_in

MANAGER = "org.freedesktop.login1.Manager"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in on a busy machine may take longer than a logind may."""
    monkeypatch.setattr(sleeping, "TIMEOUT", HANG_GUARD)


@pytest.fixture
def logind(private_bus: PrivateBus) -> Iterator[StandIn]:
    with logind_stand_in(private_bus) as stand_in:
        yield stand_in


@pytest.fixture
def stage(logind: StandIn, private_bus: PrivateBus, tmp_path: Path) -> Iterator[Stage]:
    """A stage on a bus where logind is; its lock is taken."""
    stage = Stage(private_bus, tmp_path / "state")
    stage.enrolled()
    run_until(lambda: locks(logind))
    yield stage
    stage.close()


def locks(logind: StandIn) -> list[Any]:
    """What holds the machine's sleep up."""
    listed = logind._connection.call_sync(
        "org.freedesktop.login1", "/org/freedesktop/login1", MANAGER, "ListInhibitors",
        None, None, 0, HANG_GUARD * 1000, None,
    ).unpack()  # fmt: skip
    return list(listed[0])


def sleep(logind: StandIn, begins: bool) -> None:
    signature, values = "b", [GLib.Variant("b", begins)]
    logind.mock("EmitSignal", "(sssav)", MANAGER, "PrepareForSleep", signature, values)


def test_it_asks_to_be_waited_for(stage: Stage, logind: StandIn) -> None:
    ((what, who, why, mode, _uid, _pid),) = locks(logind)
    assert (what, who, mode) == ("sleep", "faceauthd", "delay")
    assert why


def test_the_scan_ends_and_the_camera_is_closed_before_the_machine_sleeps(
    stage: Stage, logind: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = stage.caller(ROOT).verify()
    scan = stage.scan()
    scan.show(GOOD)
    monkeypatch.setattr(scan, "end", lambda *_: None)  # a camera that takes its time to close
    sleep(logind, begins=True)
    result, details = answer.values()
    assert (result, details["reason"]) == ("cancelled", "the scan was cancelled")
    assert scan.stopped
    assert len(locks(logind)) == 1  # it is still open
    scan.over = True
    scan.on_ended("stopped", "")
    run_until(lambda: not locks(logind))


def test_without_a_scan_the_machine_sleeps_at_once(stage: Stage, logind: StandIn) -> None:
    sleep(logind, begins=True)
    run_until(lambda: not locks(logind))


def test_no_scan_begins_until_the_machine_is_awake(stage: Stage, logind: StandIn) -> None:
    sleep(logind, begins=True)
    run_until(lambda: stage.parts.slot.barred)
    root = stage.caller(ROOT)
    assert root.verify().values()[0] == "busy"
    assert root.can_verify().values()[0] == "busy"
    assert root.enroll().error() == "Busy"
    assert stage.worker.scans == []
    sleep(logind, begins=False)
    run_until(lambda: not stage.parts.slot.barred)
    run_until(lambda: locks(logind))  # and it holds the next sleep up
    assert stage.result_of(GOOD, GOOD) == "match"


def test_a_logind_that_dies_meanwhile_bars_nobody_for_ever(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    with logind_stand_in(private_bus) as logind:
        stage = Stage(private_bus, tmp_path / "state")
        run_until(lambda: locks(logind))
        sleep(logind, begins=True)
        run_until(lambda: stage.parts.slot.barred)
    run_until(lambda: not stage.parts.slot.barred)
    stage.close()


def test_without_logind_nothing_is_different(
    private_bus: PrivateBus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        stage = Stage(private_bus, tmp_path / "state")
        stage.enrolled()
        assert stage.result_of(GOOD, GOOD) == "match"
        stage.close()
    assert caplog.text == ""


class SlowBus:
    """A bus whose logind gives the lock when the test says so."""

    def __init__(self) -> None:
        self.say: Callable[[bool], None]
        self.lend: Callable[[int], None]

    def on_signal(self, _origin: object, _signal: str, callback: Callable[[bool], None]) -> None:
        self.say = callback

    def on_vanished(self, _sender: str, _callback: Callable[[], None]) -> None: ...

    def ask(self, *_: object, done: Callable[..., None], received: list[int], **__: object) -> None:
        def lend(lock: int) -> None:
            received.append(lock)
            done((0,))

        self.lend = lend


def test_a_lock_that_comes_when_the_machine_is_about_to_sleep_is_given_back() -> None:
    """Else that would wait for it in vain: the news that it sleeps may overtake the lock."""
    bus = SlowBus()
    sleeping.Sleep(bus, Slot()).start()  # type: ignore[arg-type]
    bus.say(True)
    reading, writing = os.pipe()
    bus.lend(writing)
    os.set_blocking(reading, False)
    assert os.read(reading, 1) == b"", "the lock is closed"
    os.close(reading)


def test_only_logind_is_believed(stage: Stage) -> None:
    """Anybody may send a signal that looks like it."""
    stranger = stage.caller(ROOT).bus
    stranger._bus.con.emit_signal(
        None, "/org/freedesktop/login1", MANAGER, "PrepareForSleep", GLib.Variant("(b)", (True,))
    )
    stage.caller(ROOT).call("GetStatus").values()
    assert stage.parts.slot.barred == ""
