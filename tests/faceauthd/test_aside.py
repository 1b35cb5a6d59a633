# SPDX-License-Identifier: MIT
"""What blocks is done in a few threads, and what comes later waits its turn."""

import threading

import pytest

from faceauthd.aside import Aside

GUARD = 60  # seconds; only a hang reaches it


def test_no_more_threads_than_it_may_have_and_nothing_is_forgotten() -> None:
    aside, go, done = Aside(2), threading.Event(), threading.Semaphore(0)
    at_once, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        assert go.wait(GUARD)
        with lock:
            at_once -= 1
        done.release()

    for _ in range(5):
        aside.do(work)
    go.set()
    assert all(done.acquire(timeout=GUARD) for _ in range(5))
    assert most <= 2


def test_at_rest_it_has_no_thread() -> None:
    aside, before, done = Aside(2), threading.active_count(), threading.Event()
    aside.do(done.set)
    assert done.wait(GUARD)
    for thread in threading.enumerate():
        if thread.name == "aside":
            thread.join(GUARD)
    assert threading.active_count() <= before


def test_where_there_is_no_thread_the_next_may_still_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aside, done = Aside(1), threading.Event()

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", none_left)
        aside.do(done.set)
    aside.do(done.set)
    assert done.wait(GUARD)
