# SPDX-License-Identifier: MIT
"""How fast a user may call."""

from faceauthd import pace
from faceauthd.pace import Pace

ALICE, BOB = 1000, 1001


def test_so_many_at_once_and_then_one_by_one() -> None:
    limit = Pace(3, 0.5)
    assert [limit.allows(ALICE, 10.0) for _ in range(4)] == [True, True, True, False]
    assert not limit.allows(ALICE, 11.9)
    assert limit.allows(ALICE, 12.0)
    assert not limit.allows(ALICE, 12.0)


def test_one_user_s_calls_are_not_another_s() -> None:
    limit = Pace(1, 1.0)
    assert limit.allows(ALICE, 0.0) and limit.allows(BOB, 0.0)
    assert not limit.allows(ALICE, 0.0)


def test_who_waits_long_has_no_more_than_the_burst() -> None:
    limit = Pace(2, 1.0)
    assert limit.allows(ALICE, 0.0)
    assert [limit.allows(ALICE, 1e9) for _ in range(3)] == [True, True, False]


def test_users_who_have_all_their_calls_again_are_forgotten() -> None:
    limit = Pace(1, 1.0)
    for uid in range(10 * pace.ROOM):
        assert limit.allows(uid, float(uid))
    assert len(limit._left) <= pace.ROOM
