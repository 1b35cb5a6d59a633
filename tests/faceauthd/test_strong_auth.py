# SPDX-License-Identifier: MIT
"""When a password is due before a face will do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceauthd.config import Config, ServiceConfig, VerifyConfig
from faceauthd.lockout import Moment
from faceauthd.policy import for_service
from faceauthd.strong_auth import HOUR, due

NOW = Moment("b", 100 * HOUR)


def is_due(last: Moment | None, *, after_boot: bool = False, max_age: float = 0.0) -> bool:
    verify = VerifyConfig(after_boot=after_boot, max_age=max_age)
    return bool(due(last, NOW, for_service(Config(verify=verify), "")))


@pytest.mark.parametrize("last", [None, Moment("a", 1.0), Moment("b", 0.0), NOW])
def test_nothing_is_due_where_nobody_asks_for_it(last: Moment | None) -> None:
    assert not is_due(last)


@pytest.mark.parametrize(
    ("last", "expected"),
    [(None, True), (Moment("a", 99 * HOUR), True), (Moment("b", 0.0), False), (NOW, False)],
)
def test_once_after_each_start(last: Moment | None, expected: bool) -> None:
    assert is_due(last, after_boot=True) is expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, True),
        (Moment("b", 99 * HOUR), False),
        (Moment("b", 90.01 * HOUR), False),
        (Moment("b", 90 * HOUR), True),
        (Moment("b", 101 * HOUR), True),  # from the future: damaged, so it says nothing
        (Moment("a", 99 * HOUR), True),  # another boot: nobody knows how long ago
    ],
)
def test_again_after_a_while(last: Moment | None, expected: bool) -> None:
    assert is_due(last, max_age=10) is expected


MOMENTS = st.builds(Moment, st.sampled_from(["a", "b"]), st.floats(0, 1e6))


@given(MOMENTS, st.floats(0.1, 1000), st.floats(0, 1000))
def test_a_stricter_age_never_lets_in_more(last: Moment, age: float, less: float) -> None:
    stricter = max(age - less, 0.01)
    assert is_due(last, max_age=stricter) or not is_due(last, max_age=age)


def test_logins_ask_for_a_password_once_after_a_start_and_commands_do_not() -> None:
    due_at = {name: for_service(Config(), name).after_boot for name in ("login", "sudo", "kde")}
    assert due_at == {"login": True, "sudo": False, "kde": False}


def test_a_service_decides_for_itself() -> None:
    services = {"sudo": ServiceConfig(after_boot=True, max_age=8.0)}
    policy = for_service(Config(services=services), "sudo")
    assert (policy.after_boot, policy.max_age) == (True, 8.0)
