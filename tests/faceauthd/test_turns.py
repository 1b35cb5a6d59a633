# SPDX-License-Identifier: MIT
"""Turns of the main loop: their order, what gives them up, and that nothing of them stays."""

import logging
import subprocess
import sys
import threading

import pytest
from gi.repository import GLib

from faceauthd import turns
from tests.faceauthd.stage import run_until
from tests.harness.bus import HANG_GUARD, PrivateBus
from tests.harness.data import ROOT

MOST = 384  # KiB; GLib.timeout_add and Gio's asynchronous calls leave 640 and more behind


def test_turns_come_in_their_order_and_late_ones_when_they_are_due() -> None:
    done: list[str] = []
    turns.after(0.05, lambda: done.append("late"))
    turns.after(0.02, lambda: done.append("later"))
    turns.soon(lambda: done.append("first"))
    turns.soon(lambda: done.append("second"))
    run_until(lambda: len(done) == 4)
    assert done == ["first", "second", "later", "late"]


def test_what_is_given_up_is_not_done() -> None:
    done: list[str] = []
    give_up = turns.after(0.01, lambda: done.append("given up"))
    turns.after(0.02, lambda: done.append("kept"))
    give_up()
    give_up()  # no harm in it
    run_until(lambda: done)
    assert done == ["kept"]


def test_of_timers_of_one_name_the_newest_is_done() -> None:
    done: list[str] = []
    timers = turns.Timers()
    timers.after("a", 0.01, lambda: done.append("old"))
    timers.after("a", 0.02, lambda: done.append(f"new; waiting: {'a' in timers}"))
    timers.after("b", 0.01, lambda: done.append("dropped"))
    timers.drop("b")
    timers.drop("b")  # no harm in it
    turns.after(0.03, lambda: done.append("last"))
    run_until(lambda: "last" in done)
    assert done == ["new; waiting: False", "last"]
    timers.after("a", 0, lambda: done.append("cleared"))
    timers.clear()
    turns.soon(lambda: done.append("end"))
    run_until(lambda: "end" in done)
    assert "cleared" not in done


def test_a_thread_may_ask_and_wakes_the_loop_up() -> None:
    loop, done = GLib.MainLoop(), list[int]()

    def act() -> None:
        done.append(threading.get_ident())
        loop.quit()

    hang = threading.Timer(HANG_GUARD, loop.quit)
    hang.start()
    turns.soon(lambda: threading.Thread(target=turns.soon, args=(act,)).start())
    loop.run()
    hang.cancel()
    assert done == [threading.get_ident()]


def test_a_mistake_costs_nobody_else_their_turn(caplog: pytest.LogCaptureFixture) -> None:
    def stumble() -> None:
        raise RuntimeError("stumbled")

    done: list[bool] = []
    turns.soon(stumble)
    turns.soon(lambda: done.append(True))
    with caplog.at_level(logging.ERROR):
        run_until(lambda: done)
    assert "stumbled" in caplog.text


def test_an_act_may_wait_in_a_main_loop_of_its_own() -> None:
    done: list[str] = []

    def wait() -> None:
        run_until(lambda: "inner" in done)
        done.append("outer")

    turns.soon(wait)
    turns.soon(lambda: done.append("inner"))
    run_until(lambda: "outer" in done)
    assert done == ["inner", "outer"]


def growth(of: str, bus: str = "") -> int:
    """What many of them cost, in KiB: in a process that shares nothing with pytest."""
    command = [sys.executable, "-m", "tests.faceauthd.growing", of, bus]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_turns_leave_nothing_behind() -> None:
    assert growth("turns") < MOST


def test_questions_over_the_bus_leave_nothing_behind(private_bus: PrivateBus) -> None:
    assert growth("questions", private_bus.address) < MOST
