# SPDX-License-Identifier: MIT
"""ChallengeSession, transition by transition. N is 4, at 10 frames a second."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceauthd.results import Result
from faceauthd.sessions import ChallengeSession, Gesture, IdentifySession, Verdict
from faceauthd.sessions.challenge import (
    BROKEN_OFF,
    NOT_DONE,
    NOT_FOLLOWED,
    OTHERWISE,
    SOMEBODY_ELSE,
)
from models.pose import Pose
from tests.faceauthd.frames import (
    ALICE,
    BOB,
    CUES,
    DARK,
    GOOD,
    JUMPED,
    NOBODY,
    NOT_LIVE,
    SEVERAL,
    SMALL,
    STRANGE,
    STRANGER,
    Change,
    frames,
    policy,
    template,
)
from tests.faceauthd.matching import THRESHOLD, verify

NEUTRAL = Pose(turn=0.0, nod=0.7, eyes=0.15)
LEFT = Pose(turn=0.4, nod=0.7, eyes=0.15)
RIGHT = Pose(turn=-0.4, nod=0.7, eyes=0.15)
BENT = Pose(turn=0.0, nod=0.9, eyes=0.15)
CLOSED = Pose(turn=0.0, nod=0.7, eyes=0.05)


def posed(change: Change, pose: Pose = NEUTRAL) -> Change:
    return {**change, "pose": pose}


STILL = posed(GOOD)
KNOWN = [STILL] * 4  # what it takes to be recognised
DONE: dict[Gesture, list[Change]] = {
    Gesture.TURN_LEFT: [posed(GOOD, LEFT)] * 4 + [STILL],
    Gesture.TURN_RIGHT: [posed(GOOD, RIGHT)] * 4 + [STILL],
    Gesture.NOD: [posed(GOOD, BENT)] * 4 + [STILL],
    Gesture.BLINK: [posed(GOOD, CLOSED)] * 6 + [STILL],
}
TURNED = DONE[Gesture.TURN_LEFT]


def challenged(
    *gestures: Gesture, make: Callable[[], IdentifySession] = verify
) -> ChallengeSession:
    return ChallengeSession(
        make, policy(), [template(ALICE, "alice")], THRESHOLD, gestures or [Gesture.TURN_LEFT]
    )


def fed(session: ChallengeSession, changes: Sequence[Change]) -> tuple[int, Verdict | None]:
    for taken, observation in enumerate(frames(changes), start=1):
        if verdict := session.feed(observation):
            return taken, verdict
    return len(changes), None


def outcome(changes: Sequence[Change], *gestures: Gesture) -> tuple[Result, str]:
    _, verdict = fed(challenged(*gestures), changes)
    assert verdict is not None
    return verdict.result, verdict.reason


@pytest.mark.parametrize("gesture", list(Gesture))
def test_who_does_what_is_asked_is_let_in(gesture: Gesture) -> None:
    changes = [*KNOWN, STILL, *DONE[gesture], *KNOWN]
    taken, verdict = fed(challenged(gesture), [*changes, *KNOWN])
    assert verdict is not None
    assert (taken, verdict.result, verdict.user) == (len(changes), Result.MATCH, "alice")
    assert (verdict.frames, verdict.face_id, verdict.liveness) == (taken, "1", {"m": 0.9})


def test_several_gestures_are_asked_for_one_after_the_other() -> None:
    session = challenged(Gesture.NOD, Gesture.TURN_RIGHT)
    hints = []
    changes = [*KNOWN, *DONE[Gesture.NOD], *DONE[Gesture.TURN_RIGHT], *KNOWN]
    for observation in frames(changes):
        session.feed(observation)
        hints.append(session.hint)
    assert list(dict.fromkeys(hints)) == ["scanning", "nod", "turn-right"]
    assert hints[3:8] == ["nod"] * 5
    assert session.verdict is not None
    assert session.verdict.result is Result.MATCH


def test_nothing_is_asked_before_the_user_is_recognised() -> None:
    session = challenged()
    assert fed(session, [*KNOWN[:3], *[posed(STRANGE)] * 3]) == (6, None)
    assert session.hint == "scanning"
    _, verdict = fed(challenged(), [posed(STRANGE)] * 50)
    assert verdict is not None
    assert verdict.result is Result.NO_MATCH


# Refusals once something was asked. NEVER is a clip that does nothing.

NEVER = [STILL] * 100


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (NEVER, (Result.NOT_LIVE, NOT_DONE)),
        ([*KNOWN, *DONE[Gesture.TURN_RIGHT]], (Result.NOT_LIVE, OTHERWISE)),
        ([*KNOWN, *DONE[Gesture.NOD]], (Result.NOT_LIVE, OTHERWISE)),
        ([*KNOWN, *DONE[Gesture.BLINK]], (Result.NOT_LIVE, OTHERWISE)),
        # What was done in advance counts for nothing
        ([*DONE[Gesture.TURN_LEFT], *NEVER], (Result.NOT_LIVE, NOT_DONE)),
        # The face is followed
        ([*KNOWN, STILL, posed(JUMPED)], (Result.NOT_LIVE, NOT_FOLLOWED)),
        ([*KNOWN, STILL, SEVERAL, *TURNED, *KNOWN], (Result.NOT_LIVE, NOT_FOLLOWED)),
        ([*KNOWN, *[NOBODY] * 6, *TURNED, *KNOWN], (Result.NOT_LIVE, NOT_FOLLOWED)),
        ([*KNOWN, *[DARK] * 6, *TURNED, *KNOWN], (Result.NOT_LIVE, NOT_FOLLOWED)),
        ([*KNOWN, *[SMALL] * 6, *TURNED, *KNOWN], (Result.NOT_LIVE, NOT_FOLLOWED)),
        ([*KNOWN, *TURNED, STILL, posed(JUMPED)], (Result.NOT_LIVE, NOT_FOLLOWED)),
        ([*KNOWN, *TURNED, STILL, SEVERAL], (Result.NOT_LIVE, NOT_FOLLOWED)),
        ([*KNOWN, *TURNED, *[NOBODY] * 30], (Result.NOT_LIVE, NOT_FOLLOWED)),
        # Who moves is who was recognised
        (
            [*KNOWN, STILL, *[posed(STRANGE, LEFT)] * 4, STILL, STILL],
            (Result.NO_MATCH, SOMEBODY_ELSE),
        ),
        (
            [*KNOWN, *[posed(STRANGE)] * 4, *TURNED],
            (Result.NO_MATCH, SOMEBODY_ELSE),
        ),
        # and who is there at the end
        (
            [*KNOWN, *TURNED, *[posed(STRANGE)] * 30],
            (Result.NO_MATCH, "the face was not recognised"),
        ),
        (
            [*KNOWN, *TURNED, *[posed(NOT_LIVE)] * 30],
            (Result.NOT_LIVE, "the face did not pass the liveness check"),
        ),
    ],
)
def test_what_is_refused(changes: Sequence[Change], refusal: tuple[Result, str]) -> None:
    assert outcome(changes) == refusal


def test_a_face_may_be_lost_for_a_moment() -> None:
    """A head that turns fast is blurred."""
    moment = [posed(GOOD, LEFT), NOBODY, NOBODY, posed(GOOD, LEFT), posed(GOOD, LEFT), STILL]
    assert outcome([*KNOWN, *moment, *KNOWN])[0] is Result.MATCH


def test_some_frames_of_a_movement_may_be_unlike_the_user() -> None:
    turning = [posed(GOOD, LEFT)] * 3 + [posed(STRANGE, LEFT)] * 2 + [STILL]
    assert outcome([*KNOWN, STILL, *turning, *KNOWN])[0] is Result.MATCH


def test_time_runs_while_the_face_is_lost() -> None:
    late = [*KNOWN, *[STILL] * 48, *[NOBODY] * 4]
    assert outcome([*late, *KNOWN]) == (Result.NOT_LIVE, NOT_DONE)


def test_each_gesture_has_its_own_time() -> None:
    slow = [*KNOWN, *[STILL] * 40, *DONE[Gesture.NOD], *[STILL] * 40, *TURNED, *KNOWN]
    assert outcome(slow, Gesture.NOD, Gesture.TURN_LEFT)[0] is Result.MATCH


@pytest.mark.parametrize("why", ["end", "stopped", "missing", "busy", "broken", "error"])
def test_to_break_off_what_was_asked_is_a_refusal_that_counts(why: str) -> None:
    session = challenged()
    fed(session, KNOWN)
    verdict = session.ended(why)
    assert (verdict.result, verdict.reason) == (Result.NOT_LIVE, BROKEN_OFF)
    assert (verdict.user, verdict.face_id, verdict.label) == ("", "", "")
    assert session.feed(frames([STILL] * 9)[-1]) is verdict
    assert session.expire() is verdict


@pytest.mark.parametrize("asked", [KNOWN, [*KNOWN, STILL, *TURNED]])
def test_nonsense_after_something_was_asked_is_a_refusal_that_counts(asked: list[Change]) -> None:
    """A worker that was taken over could have it drawn again until its clip fits."""
    session = challenged()
    fed(session, asked)
    verdict = session.feed(frames([STILL])[0])  # its time was before
    assert verdict is not None
    assert (verdict.result, verdict.user) == (Result.NOT_LIVE, "")


def test_a_face_without_a_pose_is_none_that_does_what_is_asked() -> None:
    assert outcome([*KNOWN, GOOD]) == (Result.NOT_LIVE, BROKEN_OFF)


def test_nonsense_before_spares_no_stranger_the_lockout() -> None:
    assert outcome([*[posed(STRANGE)] * 4, STRANGE])[0] is Result.NO_MATCH
    assert outcome([*KNOWN[:3], GOOD])[0] is Result.ERROR  # and is no match either


def test_the_deadline_is_a_refusal_that_counts() -> None:
    session = challenged()
    fed(session, KNOWN)
    assert session.expire().result is Result.NOT_LIVE


@pytest.mark.parametrize(
    ("why", "result"),
    [("end", Result.TIMEOUT), ("stopped", Result.CANCELLED), ("broken", Result.ERROR)],
)
def test_before_anything_was_asked_an_end_is_as_without(why: str, result: Result) -> None:
    session = challenged()
    fed(session, KNOWN[:3])
    assert session.ended(why).result is result
    session = challenged()
    fed(session, KNOWN[:3])
    assert session.expire().result is Result.TIMEOUT


# The neutral pose


@pytest.mark.parametrize(
    "unfit",
    [
        [posed(GOOD, LEFT)] * 4,
        [posed(GOOD, Pose(turn, 0.7, 0.15)) for turn in (-0.2, -0.1, 0.1, 0.2)],
        [STILL, STILL, STILL, posed(GOOD, BENT)],
    ],
)
def test_nothing_is_asked_of_a_head_that_is_turned_or_moves(unfit: list[Change]) -> None:
    session = challenged()
    assert fed(session, unfit) == (4, None)
    assert session.hint == "look-at-camera"
    _, verdict = fed(challenged(), [*unfit, *KNOWN, STILL, *TURNED, *KNOWN])
    assert verdict is not None
    assert verdict.result is Result.MATCH


def test_a_camera_that_sees_the_user_from_the_side_will_do() -> None:
    def aside(changes: Sequence[Change]) -> list[Change]:
        poses = [change["pose"] for change in changes]
        turned = [Pose(pose.turn + 0.2, pose.nod, pose.eyes) for pose in poses]
        return [posed(change, pose) for change, pose in zip(changes, turned, strict=True)]

    changes = aside([*KNOWN, STILL, *DONE[Gesture.TURN_RIGHT], *KNOWN])
    assert outcome(changes, Gesture.TURN_RIGHT)[0] is Result.MATCH


# What makes no sense


def test_a_face_without_a_pose_is_an_error() -> None:
    assert outcome([GOOD] * 9)[0] is Result.ERROR


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("part", ["turn", "nod", "eyes"])
def test_a_pose_that_is_no_number_lets_nobody_in(part: str, value: float) -> None:
    wrong = posed(GOOD, replace(NEUTRAL, **{part: value}))
    for changes in (
        [*KNOWN, *[wrong] * 60, *KNOWN],
        [*[wrong] * 60],
        [wrong, *KNOWN, *[wrong] * 5, *KNOWN, *[wrong] * 60],
    ):
        session = challenged()
        fed(session, changes)
        assert session.expire().result is not Result.MATCH


def test_time_that_runs_backwards_is_an_error() -> None:
    session = challenged()
    changes = frames(KNOWN[:3])
    for observation in changes:
        session.feed(observation)
    verdict = session.feed(changes[-1])
    assert verdict is not None
    assert verdict.result is Result.ERROR


def test_what_cannot_be_judged_is_known_at_once() -> None:
    session = challenged(make=lambda: verify(cues={}))
    assert session.verdict is not None
    assert session.verdict.result is Result.ERROR


def test_a_challenge_that_asks_for_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="asks for something"):
        ChallengeSession(verify, policy(), [template(ALICE, "alice")], THRESHOLD, [])


# Of all users


def test_who_was_recognised_is_who_moves_and_who_is_let_in() -> None:
    gallery = [template(ALICE, "alice"), template(BOB, "bob", "2")]

    def who(changes: Sequence[Change]) -> Verdict:
        session = ChallengeSession(
            lambda: IdentifySession(policy(), gallery, THRESHOLD, CUES),
            policy(),
            gallery,
            THRESHOLD,
            [Gesture.TURN_LEFT],
        )
        _, verdict = fed(session, changes)
        assert verdict is not None
        return verdict

    bobs = {"embedding": BOB}
    turned = [posed(bobs, LEFT)] * 4
    bob = [posed(bobs)] * 4
    assert who([*KNOWN, STILL, *TURNED, *KNOWN]).user == "alice"
    assert who([*bob, *bob, *turned, *bob, *bob]).user == "bob"
    for mixed in ([*KNOWN, STILL, *turned, STILL, *KNOWN], [*KNOWN, STILL, *TURNED, *bob]):
        verdict = who(mixed)
        assert (verdict.result, verdict.user) == (Result.NO_MATCH, "")


# What holds for every scan

POSES = st.sampled_from([NEUTRAL] * 6 + [LEFT, RIGHT, BENT, CLOSED])
CHANGES = st.builds(
    posed, st.sampled_from([GOOD] * 8 + [STRANGE, NOT_LIVE, NOBODY, SEVERAL]), POSES
)
PIECES = st.sampled_from([*DONE.values(), KNOWN])
SCANS = st.builds(
    lambda pieces, noise: [*KNOWN, STILL, *(one for piece in pieces for one in piece), *noise],
    st.lists(PIECES, max_size=8),
    st.lists(CHANGES, max_size=20),
)


@given(SCANS, st.sampled_from(list(Gesture)))
def test_a_match_takes_what_was_asked(changes: list[Change], gesture: Gesture) -> None:
    _, verdict = fed(challenged(gesture), changes)
    if verdict is None or verdict.result is not Result.MATCH:
        return
    shown = {change["pose"] for change in changes[: verdict.frames]}
    assert shown >= {NEUTRAL, DONE[gesture][0]["pose"]}


@given(SCANS)
def test_one_clip_passes_one_challenge_at_most(changes: list[Change]) -> None:
    """A replay that does one thing after the other is let in by one of four draws."""
    passed = [
        gesture
        for gesture in Gesture
        if (verdict := fed(challenged(gesture), changes)[1]) and verdict.result is Result.MATCH
    ]
    assert len(passed) <= 1


@given(SCANS, st.sampled_from(list(Gesture)))
def test_a_challenge_only_ever_makes_it_harder(changes: list[Change], gesture: Gesture) -> None:
    _, verdict = fed(challenged(gesture), changes)
    if verdict is not None and verdict.result is Result.MATCH:
        session = verify()
        taken = next(
            count for count, one in enumerate(frames(changes), start=1) if session.feed(one)
        )
        assert session.verdict is not None
        assert session.verdict.result is Result.MATCH
        assert taken < verdict.frames


@given(SCANS, st.sampled_from(list(Gesture)))
def test_once_asked_it_ends_in_a_match_or_a_refusal_that_counts(
    changes: list[Change], gesture: Gesture
) -> None:
    session = challenged(gesture)
    asked = False
    for observation in frames(changes):
        session.feed(observation)
        asked = asked or session.hint == gesture
    verdict = session.ended("stopped")
    assert not asked or verdict.result is Result.MATCH or verdict.result.judged_refusal


@given(SCANS)
def test_nobody_else_is_let_in_by_doing_what_is_asked(changes: list[Change]) -> None:
    strangers = [{**change, "embedding": STRANGER} for change in changes]
    _, verdict = fed(challenged(), strangers)
    assert verdict is None or verdict.result is not Result.MATCH
