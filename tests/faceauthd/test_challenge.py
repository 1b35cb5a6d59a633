# SPDX-License-Identifier: MIT
"""What is asked for: by lot, and nothing that cannot be seen."""

from collections import Counter

import pytest

from faceauthd.capture import RefusalError
from faceauthd.challenge import SHOWN_BY, draw, possible
from faceauthd.messages import POSE
from faceauthd.results import Result
from faceauthd.sessions import Gesture


def test_every_gesture_is_shown_by_a_part_of_a_pose() -> None:
    assert set(SHOWN_BY) == set(Gesture)
    assert set(SHOWN_BY.values()) == set(POSE)
    assert possible(POSE) == list(SHOWN_BY)


def test_only_what_can_be_seen_is_asked_for() -> None:
    turns = {Gesture.TURN_LEFT, Gesture.TURN_RIGHT}
    assert {gesture for _ in range(200) for gesture in draw(["turn"], 1)} == turns


@pytest.mark.parametrize(("parts", "steps"), [((), 1), (("turn",), 3)])
def test_what_cannot_be_asked_for_is_a_refusal(parts: tuple[str, ...], steps: int) -> None:
    with pytest.raises(RefusalError, match="no model that could see it is loaded") as refusal:
        draw(parts, steps)
    assert refusal.value.result is Result.ERROR


def test_each_order_of_two_comes_up_and_none_twice() -> None:
    """Of twelve orders each comes up in 1,200 draws, or something is wrong: 1 in 10^43."""
    drawn = Counter(tuple(draw(POSE, 2)) for _ in range(1200))
    assert len(drawn) == 12
    assert all(first is not second for first, second in drawn)
    assert max(drawn.values()) < 200
