# SPDX-License-Identifier: MIT
"""A worker that nobody needs is let go, and comes back for the next work."""

import pytest

from faceauthd.engine import WorkerSupervisor
from faceauthd.worker_spec import Limits
from tests.faceauthd.supervised import GUARD, Bench, Record, is_gone, run_until, worker_pid

SOON = 0.02  # seconds: let go as soon as there is nothing to do


@pytest.fixture
def idle(bench: Bench) -> Bench:
    bench.supervisor = WorkerSupervisor(bench.script, Limits(stop=GUARD, answer=GUARD), idle=SOON)
    return bench.start()


def let_go(bench: Bench) -> None:
    run_until(lambda: bench.supervisor.state == "idle")


def test_it_is_let_go_and_what_it_loaded_is_remembered(idle: Bench) -> None:
    pid = worker_pid(idle.supervisor)
    let_go(idle)
    assert is_gone(pid)
    assert idle.supervisor.info is not None and not idle.supervisor.text


def test_it_comes_back_for_a_scan_and_stays_while_that_runs(idle: Bench) -> None:
    let_go(idle)
    record = idle.scan(paced=True)
    run_until(lambda: len(record.frames) >= 10)  # a third of a second, so many times SOON
    pid = worker_pid(idle.supervisor)
    assert idle.supervisor.state == "ready"
    record.stop()
    run_until(lambda: record.ended)
    let_go(idle)
    assert is_gone(pid)


def test_it_comes_back_to_list_the_cameras(idle: Bench) -> None:
    let_go(idle)
    answers: list[object] = []
    idle.supervisor.list_cameras(answers.append)
    run_until(lambda: answers)
    assert answers[0] is not None
    let_go(idle)


def test_it_comes_back_when_told_that_a_scan_is_near(idle: Bench) -> None:
    let_go(idle)
    idle.supervisor.start()
    assert idle.supervisor.info is None, "it may find other models than before"
    idle.ready()


def test_one_that_died_meanwhile_is_replaced_as_ever(idle: Bench) -> None:
    let_go(idle)
    idle.script.how = "crash"
    record = idle.scan()
    run_until(lambda: record.ended)
    assert record.why == "error"


def test_an_idle_one_can_be_stopped(idle: Bench) -> None:
    let_go(idle)
    idle.supervisor.stop()
    assert idle.supervisor.state == "stopped"
    record = idle.scan()
    run_until(lambda: record.ended)
    assert record.why == "error"


def test_by_default_it_stays(bench: Bench) -> None:
    bench.start().ready()
    pid = worker_pid(bench.supervisor)
    first: Record = bench.scan(paced=True)
    run_until(lambda: len(first.frames) >= 10)
    first.stop()
    run_until(lambda: first.ended)
    assert worker_pid(bench.supervisor) == pid
    assert "idle" not in bench.supervisor._timers
