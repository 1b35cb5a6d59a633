# SPDX-License-Identifier: MIT
"""The lockout's arithmetic: waits that grow, and that no reboot or clock shortens."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceauthd.config import LockoutConfig
from faceauthd.lockout import Lockout, Moment

CONFIG = LockoutConfig(attempts=5, first_wait=30, longest_wait=3600, final=50)


def after(failures: int, at: Moment) -> Lockout:
    lockout = Lockout()
    for _ in range(failures):
        lockout = lockout.refused(at)
    return lockout


@pytest.mark.parametrize(
    ("failures", "wait"),
    [
        (0, 0), (1, 0), (4, 0),
        (5, 30), (6, 60), (7, 120), (11, 1920),
        (12, 3600), (49, 3600),
        (50, math.inf), (1000, math.inf),
    ],
)  # fmt: skip
def test_the_wait_grows_with_the_refusals(failures: int, wait: float) -> None:
    now = Moment("boot", 1000.0)
    assert after(failures, now).remaining(CONFIG, now) == wait


@pytest.mark.parametrize(
    ("now", "remaining"),
    [
        (Moment("a", 100.0), 30),
        (Moment("a", 110.0), 20),
        (Moment("a", 130.0), 0),
        (Moment("a", 1e9), 0),
        (Moment("a", 50.0), 30),  # a record from the future is damaged: the whole wait
        (Moment("b", 0.0), 30),  # after a reboot only the time since then counts
        (Moment("b", 12.0), 18),
        (Moment("b", 30.0), 0),
    ],
)
def test_time_that_surely_went_by_shortens_the_wait(now: Moment, remaining: float) -> None:
    assert after(5, Moment("a", 100.0)).remaining(CONFIG, now) == remaining


def test_a_clean_slate_waits_for_nothing() -> None:
    assert Lockout().remaining(CONFIG, Moment.now()) == 0


def test_now_is_this_boot_and_goes_on() -> None:
    first, second = Moment.now(), Moment.now()
    assert first.boot == second.boot != ""
    assert 0 < first.seconds <= second.seconds


MOMENTS = st.builds(
    Moment, st.sampled_from(["a", "b"]), st.floats(0, 1e7, allow_nan=False, allow_infinity=False)
)


@given(st.integers(0, 60), MOMENTS, MOMENTS)
def test_another_refusal_never_shortens_the_wait(n: int, last: Moment, now: Moment) -> None:
    lockout = after(n, last)
    assert lockout.refused(now).remaining(CONFIG, now) >= lockout.remaining(CONFIG, now)


@given(st.integers(0, 60), MOMENTS, st.floats(0, 1e7))
def test_a_reboot_never_shortens_the_wait(n: int, last: Moment, uptime: float) -> None:
    """The old boot's clock, had it run on, would show at least as much time gone by."""
    lockout = after(n, last)
    without = lockout.remaining(CONFIG, Moment(last.boot, last.seconds + uptime))
    assert lockout.remaining(CONFIG, Moment("another", uptime)) >= without - 1e-6
