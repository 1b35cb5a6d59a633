# SPDX-License-Identifier: MIT
"""Frames in which a face was followed count between two sure ones, and in no other case."""

from dataclasses import replace

import pytest

from faceauthd.results import Result
from faceauthd.sessions import Verdict, VerifySession
from faceauthd.sessions.follow import COMFORTABLE, EVERY, LONGEST, WIDEST
from models.face import Box
from models.observation import Observation
from tests.faceauthd.frames import ALICE, BOX, STRANGER, Change, between, frame
from tests.faceauthd.matching import verify

RATE = 30
SURE = 0.8
FOLLOWED: Change = {"embedding": None}
SURELY: Change = {}
NARROWLY: Change = {"embedding": between(ALICE, STRANGER, 0.85)}  # above SURE, not comfortably
HARDLY: Change = {"embedding": between(ALICE, STRANGER, 0.7)}  # above the threshold, below SURE
STRANGE: Change = {"embedding": STRANGER}
DENIED: Change = {"liveness": {"m": 0.1}}


def shown(changes: list[Change], rate: float = RATE) -> list[Observation]:
    return [replace(frame(index, change), at=index / rate) for index, change in enumerate(changes)]


def judged(changes: list[Change], rate: float = RATE, frames: int = 10) -> Verdict | None:
    """The verdict after these frames, of a session that lets a sure face be followed."""
    session = verify(sure=SURE, frames=frames)
    for observation in shown(changes, rate):
        if session.feed(observation):
            break
    return session.verdict


def run(*between_two: Change) -> list[Change]:
    """Ten frames: the first, the fourth, … recognised, with these two between."""
    return [SURELY, *between_two, SURELY, *between_two, SURELY, *between_two, SURELY]


def test_frames_between_two_sure_ones_count() -> None:
    verdict = judged(run(FOLLOWED, FOLLOWED))
    assert verdict is not None
    assert (verdict.result, verdict.frames) == (Result.MATCH, 10)


def test_a_run_does_not_end_with_a_frame_that_nobody_vouches_for() -> None:
    assert judged(run(FOLLOWED, FOLLOWED)[:-1], frames=9) is None


def test_frames_without_any_embedding_never_match() -> None:
    assert judged([FOLLOWED] * 100) is None


def test_nothing_is_followed_where_the_caller_allows_none() -> None:
    session = verify(frames=10)
    assert session.every == 0
    for observation in shown(run(FOLLOWED, FOLLOWED) * 5):
        assert session.feed(observation) is None


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param(HARDLY, id="an end that is not sure"),
        pytest.param(STRANGE, id="an end that is somebody else"),
        pytest.param({"faces": 2, "box": None, "embedding": None, "liveness": {}}, id="two faces"),
        pytest.param({"box": Box(500, 150, 100, 120)}, id="an end elsewhere"),
    ],
)
@pytest.mark.parametrize("place", [0, 3, 6, 9])
def test_an_end_that_does_not_vouch_breaks_the_run(place: int, spoiled: Change) -> None:
    changes = run(FOLLOWED, FOLLOWED)
    changes[place] = spoiled
    assert judged(changes) is None


@pytest.mark.parametrize("place", [1, 2, 4, 8])
@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param({"faces": 2, "box": None, "liveness": {}}, id="two faces"),
        pytest.param({"faces": 0, "box": None, "liveness": {}}, id="nobody"),
        pytest.param({"brightness": 10.0}, id="dark"),
        # Near enough for two frames that are both recognised, and not for these.
        pytest.param({"box": Box(BOX.x + 40, BOX.y, BOX.width, BOX.height)}, id="moved"),
    ],
)
def test_what_is_seen_between_breaks_the_run(place: int, spoiled: Change) -> None:
    changes = run(FOLLOWED, FOLLOWED)
    changes[place] = {**FOLLOWED, **spoiled}
    assert judged(changes) is None


def test_sure_frames_too_far_apart_vouch_for_nothing() -> None:
    slow = 3 / LONGEST
    assert judged(run(FOLLOWED, FOLLOWED), rate=slow * 1.01) is not None
    assert judged(run(FOLLOWED, FOLLOWED) * 3, rate=slow * 0.99) is None


def test_liveness_between_counts_as_in_every_frame() -> None:
    assert judged(run({**FOLLOWED, **DENIED}, {**FOLLOWED, **DENIED})) is None


def test_the_face_that_is_recognised_must_be_the_live_one() -> None:
    """Six live frames of ten would do, were they not those in which nobody was recognised."""
    changes = run(FOLLOWED, FOLLOWED)
    for place in (0, 3, 6, 9):
        changes[place] = DENIED
    assert judged(changes) is None
    # The lower median of four: one may dip.
    assert judged([DENIED, *run(FOLLOWED, FOLLOWED)[1:]]) is not None


def test_followed_frames_that_are_not_live_are_refused_ones() -> None:
    session = verify(sure=SURE, frames=10)
    not_live = {**FOLLOWED, **DENIED}
    for observation in shown(run(not_live, not_live) * 2):
        session.feed(observation)
    assert session.ended("stopped").result is Result.NOT_LIVE


def asked(session: VerifySession, *changes: Change) -> list[float]:
    return asked_at(session, RATE, *changes)


def asked_at(session: VerifySession, rate: float, *changes: Change) -> list[float]:
    """How far apart the session wants recognised frames, behind each of these."""
    wishes = []
    for observation in shown(list(changes), rate):
        session.feed(observation)
        wishes.append(session.every)
    return wishes


def test_doubt_asks_for_every_frame() -> None:
    session = verify(sure=SURE, frames=10)
    assert session.every == EVERY
    wishes = asked(session, SURELY, FOLLOWED, HARDLY, SURELY, STRANGE, SURELY)
    assert [wish > 0 for wish in wishes] == [True, True, False, True, False, True]


@pytest.mark.parametrize(
    ("rate", "length", "recognised"),
    [
        (60, 10, [0, 5, 9]),
        (30, 10, [0, 5, 9]),
        (25, 10, [0, 5, 9]),
        (15, 10, [0, 3, 6, 9]),
        (10, 10, [0, 2, 4, 6, 8, 9]),
        (30, 5, [0, 1, 3, 4]),  # the pace is known with the second frame
        (30, 2, [0, 1]),
        (4, 10, list(range(10))),
    ],
)
def test_a_run_is_recognised_at_both_ends_and_between(
    rate: float, length: int, recognised: list[int]
) -> None:
    """As the worker does as it is told, the run ends with the first frame that can end it."""
    assert found_recognised(rate, length, SURELY) == recognised


@pytest.mark.parametrize(
    ("rate", "length", "recognised"),
    [
        (60, 10, [0, 5, 9]),
        (30, 10, [0, 3, 6, 9]),
        (25, 10, [0, 2, 4, 6, 8, 9]),
        (15, 10, [0, *range(2, 10)]),
        (30, 5, [0, 1, 3, 4]),
    ],
)
def test_who_might_soon_be_unsure_is_recognised_more_often(
    rate: float, length: int, recognised: list[int]
) -> None:
    assert found_recognised(rate, length, NARROWLY) == recognised


ONCE: Change = {"once": True}
COMFORTABLY: Change = {**ONCE, "embedding": between(ALICE, STRANGER, SURE + COMFORTABLE + 0.01)}
UNCOMFORTABLY: Change = {**ONCE, "embedding": between(ALICE, STRANGER, SURE + COMFORTABLE - 0.01)}


def test_who_is_comfortably_the_user_is_embedded_once() -> None:
    session = verify(sure=SURE, frames=10)
    for observation in shown([COMFORTABLY, FOLLOWED, FOLLOWED] * 3 + [COMFORTABLY]):
        assert session.once
        session.feed(observation)
    assert session.verdict is not None and session.verdict.result is Result.MATCH


@pytest.mark.parametrize("sure", [None, 0.95])
def test_nobody_is_embedded_once_where_nobody_can_be_comfortable(sure: float | None) -> None:
    """Where nothing is followed; and with dlib's network, whose sure similarity is 0.968."""
    session = verify(sure=sure, frames=10)
    for observation in shown([SURELY] * 9):
        assert not session.once
        session.feed(observation)


def test_embedded_once_the_user_is_recognised_only_where_comfortably() -> None:
    assert judged([{**UNCOMFORTABLY, "once": False}] * 10) is not None
    assert judged([UNCOMFORTABLY] * 100) is None


@pytest.mark.parametrize("doubtful", [UNCOMFORTABLY, {**ONCE, **HARDLY}])
def test_a_doubtful_face_is_looked_at_twice_and_the_run_goes_on(doubtful: Change) -> None:
    session = verify(sure=SURE, frames=10)
    for observation in shown([ONCE, *[FOLLOWED] * 3, doubtful, *[NARROWLY] * 5]):
        session.feed(observation)
        if observation.index == 4:
            assert session.every == 0 and not session.once, "each frame, and its mirror image"
    assert session.verdict is not None and session.verdict.result is Result.MATCH
    assert session.verdict.frames == 10


def test_who_was_doubtful_once_is_looked_at_twice_for_the_whole_scan() -> None:
    """Or a run at a camera too slow to follow might begin again and again."""
    session = verify(sure=SURE, frames=10)
    for observation in shown([COMFORTABLY, UNCOMFORTABLY, *[SURELY] * 8], rate=2):
        session.feed(observation)
        assert session.once == (observation.index == 0)


@pytest.mark.parametrize("place", [0, 3, 6, 9])
def test_a_doubtful_face_vouches_for_no_frame(place: int) -> None:
    changes = run(FOLLOWED, FOLLOWED)
    changes[place] = UNCOMFORTABLY
    assert judged(changes, rate=20) is None


def test_a_stranger_who_is_embedded_once_is_refused_as_ever() -> None:
    session = verify(sure=SURE, frames=10)
    for observation in shown([{**ONCE, **STRANGE}] * 10):
        session.feed(observation)
        assert not session.once
    assert session.ended("stopped").result is Result.NO_MATCH


def found_recognised(rate: float, length: int, seen: Change) -> list[int]:
    """The frames of a run in which the session had the user recognised, so seen."""
    session = verify(sure=SURE, frames=length)
    found: list[int] = []
    embedded_at = -1.0
    for index in range(2 * length):
        at = index / rate
        due = at - embedded_at >= session.every
        if due:
            found.append(index)
            embedded_at = at
        if session.feed(replace(frame(index, seen if due else FOLLOWED), at=at)):
            break
    assert session.verdict is not None and session.verdict.result is Result.MATCH
    return found


def test_a_run_needs_three_recognised_frames() -> None:
    """However the worker counts its time: of one or two a median is none."""
    early, late = [SURELY, *[FOLLOWED] * 9], [SURELY, *[FOLLOWED] * 23, SURELY]
    assert judged(late, rate=100) is None
    assert judged([*early, SURELY], rate=100) is None
    assert judged([*early, SURELY, *[FOLLOWED] * 3, SURELY], rate=100) is None
    assert judged([*early[:5], SURELY, *[FOLLOWED] * 3, SURELY], rate=100) is not None


def test_a_run_that_was_denied_goes_on_with_as_many_recognised_frames() -> None:
    session = verify(sure=SURE, frames=10)
    found: list[int] = []
    embedded_at = -1.0
    for index in range(40):
        at = index / RATE
        if due := at - embedded_at >= session.every:
            found.append(index)
            embedded_at = at
        change = {**(SURELY if due else FOLLOWED), **(DENIED if index < 8 else {})}
        if session.feed(replace(frame(index, change), at=at)):
            break
    assert session.verdict is not None and session.verdict.result is Result.MATCH
    assert sum(index > found[-1] - 10 for index in found) >= 3


def test_a_pace_without_end_is_no_traceback() -> None:
    session = verify(sure=SURE, frames=10)
    for index, at in enumerate((0.0, 5e-324, 1e300)):
        session.feed(replace(frame(index, FOLLOWED), at=at))
        assert 0 <= session.every <= WIDEST or at > 1


def test_no_two_recognised_frames_are_meant_to_lie_too_far_apart() -> None:
    for rate in range(5, 121):
        session = verify(sure=SURE, frames=20)
        asked_for = asked_at(session, rate, SURELY, FOLLOWED, FOLLOWED)
        assert all(0 <= wish <= WIDEST < LONGEST for wish in asked_for), rate
