# SPDX-License-Identifier: MIT
"""Movements: what counts as one, which one it was, and what is none."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceauthd.sessions.movement import SLOW, Gesture, Movements, neutral_pose
from models.pose import Pose

RATE = 20  # frames a second
NEUTRAL = Pose(turn=0.05, nod=0.7, eyes=0.15)


def moved(turn: float = 0.0, nod: float = 0.0, eyes: float = 1.0) -> Pose:
    """The neutral pose, changed by so much; ``eyes`` is a share."""
    return Pose(NEUTRAL.turn + turn, NEUTRAL.nod + nod, NEUTRAL.eyes * eyes)


def seen(poses: Sequence[Pose], rate: float = RATE) -> list[Gesture]:
    """The gestures in these poses, with neutral ones behind them."""
    movements = Movements(NEUTRAL)
    gestures = [movements.feed(at / rate, pose) for at, pose in enumerate([*poses, NEUTRAL])]
    assert not movements.moving
    return [gesture for gesture in gestures if gesture]


LEFT = [moved(turn) for turn in (0.1, 0.2, 0.3, 0.35, 0.4, 0.35, 0.3, 0.2, 0.1)]
RIGHT = [moved(-turn) for turn in (0.1, 0.2, 0.3, 0.35, 0.4, 0.35, 0.3, 0.2, 0.1)]
NOD = [moved(nod=down) for down in (0.05, 0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.05)]
BLINK = [moved(eyes=0.3)] * 10


@pytest.mark.parametrize(
    ("poses", "gestures"),
    [
        ([NEUTRAL] * 50, []),
        (LEFT, [Gesture.TURN_LEFT]),
        (RIGHT, [Gesture.TURN_RIGHT]),
        (NOD, [Gesture.NOD]),
        (BLINK, [Gesture.BLINK]),
        ([*LEFT, NEUTRAL, *NOD, NEUTRAL, *BLINK], [Gesture.TURN_LEFT, Gesture.NOD, Gesture.BLINK]),
        # Small ones are none
        ([moved(0.2)] * 9, []),
        ([moved(nod=0.1)] * 9, []),
        ([moved(eyes=0.7)] * 20, []),
        # To look up is none
        ([moved(nod=-0.3)] * 9, []),
        # One frame whose landmarks are elsewhere
        ([moved(0.5)], []),
        ([moved(nod=0.4)], []),
        # The blink that nobody thinks of
        ([moved(eyes=0.1)] * 6, []),
        # A turn that nods a little and a nod that turns a little
        ([moved(0.4, nod=0.13)] * 5, [Gesture.TURN_LEFT]),
        ([moved(0.26, nod=0.25)] * 5, [Gesture.NOD]),
        # Eyelids follow a head that nods
        ([moved(nod=0.2, eyes=0.3)] * 15, [Gesture.NOD]),
        ([moved(nod=0.2, eyes=0.3)] * 15 + [moved(eyes=0.3)] * 15, [Gesture.NOD]),
        # From one side to the other without a stop in the middle
        ([*LEFT[:5], moved(0.02), *RIGHT[4:]], [Gesture.TURN_LEFT, Gesture.TURN_RIGHT]),
    ],
)
def test_what_counts(poses: Sequence[Pose], gestures: Sequence[Gesture]) -> None:
    assert seen(poses) == gestures


@pytest.mark.parametrize("rate", [10, 15, 30, 60])
@pytest.mark.parametrize(
    ("pose", "seconds", "gesture"),
    [
        (moved(0.4), 0.6, Gesture.TURN_LEFT),
        (moved(-0.4), 0.6, Gesture.TURN_RIGHT),
        (moved(nod=0.2), 0.4, Gesture.NOD),
        (moved(eyes=0.2), 0.7, Gesture.BLINK),
    ],
)
def test_the_camera_s_rate_does_not_matter(
    pose: Pose, seconds: float, gesture: Gesture, rate: int
) -> None:
    assert seen([pose] * round(seconds * rate), rate) == [gesture]


def test_it_is_over_only_when_the_head_is_back() -> None:
    movements = Movements(NEUTRAL)
    for at in range(100):
        assert movements.feed(at / RATE, moved(0.4)) is None
        assert movements.moving


def test_eyes_that_cannot_be_seen_do_not_blink() -> None:
    movements = Movements(Pose(turn=0.0))
    assert [movements.feed(at / RATE, Pose(turn=0.0)) for at in range(50)] == [None] * 50


def test_the_neutral_pose_is_no_single_frame_s() -> None:
    poses = [NEUTRAL, moved(0.6, 0.4, 0.1), NEUTRAL, moved(0.01), NEUTRAL]
    assert neutral_pose(poses) == NEUTRAL


NOISE = st.floats(-1, 1)


@given(st.lists(st.tuples(NOISE, NOISE, NOISE), max_size=200))
def test_the_noise_of_the_landmarks_is_no_movement(noise: list[tuple[float, float, float]]) -> None:
    """The widest that was measured in clips of people who sat still, in all three at once."""
    assert not seen([moved(0.07 * a, 0.07 * b, 1 + 0.3 * c) for a, b, c in noise])


@given(st.lists(st.sampled_from([NEUTRAL, *LEFT, *NOD]), max_size=100))
def test_without_closed_eyes_there_is_no_blink(poses: list[Pose]) -> None:
    assert Gesture.BLINK not in seen(poses)


@given(st.integers(0, int(SLOW * RATE) - 1), st.integers(2, 30))
def test_many_short_blinks_are_no_slow_one(closed: int, between: int) -> None:
    poses = ([moved(eyes=0.2)] * closed + [NEUTRAL] * between) * 5
    assert seen(poses) == []
