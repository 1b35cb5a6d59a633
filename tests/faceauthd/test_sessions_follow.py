# SPDX-License-Identifier: MIT
"""Frames in which a face was followed count between two sure ones, and in no other case."""

from dataclasses import replace

import pytest

from faceauthd.results import Result
from faceauthd.sessions import Verdict, VerifySession
from faceauthd.sessions.follow import EVERY, LONGEST
from models.face import Box
from models.observation import Observation
from tests.faceauthd.frames import ALICE, BOX, STRANGER, Change, between, frame
from tests.faceauthd.matching import verify

RATE = 30
SURE = 0.8
FOLLOWED: Change = {"embedding": None}
SURELY: Change = {}
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
    wishes = []
    for observation in shown(list(changes)):
        session.feed(observation)
        wishes.append(session.every)
    return wishes


def test_doubt_asks_for_every_frame() -> None:
    session = verify(sure=SURE, frames=10)
    assert session.every == EVERY
    wishes = asked(session, SURELY, FOLLOWED, HARDLY, SURELY, STRANGE, SURELY)
    assert wishes == [EVERY, EVERY, 0, EVERY, 0, EVERY]
