# SPDX-License-Identifier: MIT
"""An account database that is slow, silent or broken holds nobody else up."""

import pwd
import threading
from collections.abc import Iterator

import pytest

from faceauthd import accounts, arguments
from faceauthd.arguments import Target
from tests.faceauthd.stage import ROOT, USER, Stage, run_until

SLOW = "someone-far-away"


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A database that does not say who SLOW is until the event is set."""
    speak = threading.Event()
    honest = arguments.target

    def target(user: str, caller: int) -> Target:
        if user == SLOW:
            assert speak.wait(60)
        return honest(user, caller)

    monkeypatch.setattr(arguments, "target", target)
    yield speak
    speak.set()


def test_who_asks_about_others_does_not_wait(stage: Stage, silent: threading.Event) -> None:
    caller = stage.caller(ROOT)
    slow = caller.call("ListFaces", "(s)", SLOW)
    assert caller.call("ListFaces", "(s)", USER).values() == ([],)
    assert slow.open
    silent.set()
    assert slow.values() == ([],)


def test_a_database_that_keeps_silent_is_an_error(
    stage: Stage, silent: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "TIMEOUT", 0.05)
    stage.enrolled()
    answer = stage.caller(ROOT).verify(SLOW)
    assert answer.error() == "Internal"
    assert "account database does not answer" in answer.text()
    silent.set()
    stage.caller(ROOT).call("GetStatus").values()
    assert stage.worker.scans == []  # what comes too late starts nothing


def test_where_there_is_no_thread_the_next_call_may_have_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def none_left(thread: threading.Thread) -> None:
        if thread.name == "account":
            raise RuntimeError("can't start new thread")
        start(thread)

    caller = stage.caller(ROOT)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        for _ in range(accounts.AT_ONCE + 1):
            assert caller.call("ListFaces", "(s)", USER).error() == "Internal"
    assert caller.call("ListFaces", "(s)", USER).values() == ([],)


def test_a_database_that_answers_nobody_costs_a_few_threads_and_no_more(
    stage: Stage, silent: threading.Event
) -> None:
    caller = stage.caller(ROOT)
    waiting = [caller.call("ListFaces", "(s)", SLOW) for _ in range(accounts.AT_ONCE)]
    run_until(lambda: sum(t.name == "account" for t in threading.enumerate()) >= accounts.AT_ONCE)
    assert caller.call("ListFaces", "(s)", USER).error() == "Busy"
    silent.set()
    assert [answer.values() for answer in waiting] == [([],)] * accounts.AT_ONCE
    assert caller.call("ListFaces", "(s)", USER).values() == ([],)


def test_a_database_that_fails_is_an_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> pwd.struct_passwd:
        raise OSError("nss module")

    monkeypatch.setattr(pwd, "getpwnam", broken)
    assert stage.caller(ROOT).verify().error() == "Internal"
