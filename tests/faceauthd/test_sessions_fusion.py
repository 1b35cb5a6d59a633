# SPDX-License-Identifier: MIT
"""The mean face of a run decides as well as its frames do, and it may only refuse."""

import numpy as np
import pytest
from numpy.typing import NDArray

from faceauthd.results import Result
from faceauthd.sessions import IdentifySession
from faceauthd.sessions.run import Run
from tests.faceauthd.frames import (
    ALICE,
    BOB,
    CUES,
    DIMENSION,
    NOBODY,
    Change,
    between,
    policy,
    template,
)
from tests.faceauthd.matching import THRESHOLD, fed, verify

FRAMES = policy().frames
RUN = 0.8
OTHERS: list[NDArray[np.float32]] = list(np.eye(DIMENSION, dtype=np.float32)[2:])


def alike(cosine: float, *others: NDArray[np.float32]) -> list[Change]:
    """A run of frames, each with this cosine to Alice; away from her towards one after another."""
    return [
        {"embedding": between(ALICE, others[number % len(others)], cosine)}
        for number in range(FRAMES)
    ]


def test_frames_that_differ_by_chance_are_more_alike_together() -> None:
    """0.7 each, towards four directions: together 0.7 / sqrt(0.7² + 0.51 / 4) = 0.89."""
    taken, verdict = fed(verify(run_threshold=RUN), alike(0.7, *OTHERS[:4]))
    assert verdict is not None and verdict.result is Result.MATCH
    assert taken == FRAMES


def test_frames_that_are_all_wrong_alike_are_refused_together() -> None:
    """A stranger who is 0.7 like Alice in every frame stays at 0.7, and begins anew each time."""
    stranger = alike(0.7, OTHERS[0])
    assert fed(verify(), stranger)[1] is not None, "the frames by themselves would let them in"
    session = verify(run_threshold=RUN, timeout=60.0, no_face_timeout=60.0)
    assert fed(session, stranger * 10) == (10 * FRAMES, None)
    assert session.expire().result is Result.NO_MATCH


@pytest.mark.parametrize("why", ["end", "stopped", "missing"])
def test_a_run_that_was_refused_counts_however_the_scan_ends(why: str) -> None:
    session = verify(run_threshold=RUN)
    assert fed(session, alike(0.7, OTHERS[0]))[1] is None
    assert session.ended(why).result is Result.NO_MATCH


def test_the_owner_is_let_in_by_the_next_run() -> None:
    session = verify(run_threshold=RUN)
    taken, verdict = fed(session, [*alike(0.7, OTHERS[0]), *alike(0.95, OTHERS[0])])
    assert verdict is not None and verdict.result is Result.MATCH
    assert taken == 2 * FRAMES


def test_a_run_has_no_memory_of_the_frames_before_it() -> None:
    session = verify(run_threshold=RUN)
    before = alike(0.95, OTHERS[0])[:-1]
    assert fed(session, [*before, NOBODY, *alike(0.7, OTHERS[0])])[1] is None
    assert session.expire().result is Result.NO_MATCH


@pytest.mark.parametrize(("run_threshold", "matches"), [(0.8, True), (0.75, False)])
def test_who_is_like_two_users_together_is_neither(run_threshold: float, matches: bool) -> None:
    """Each frame is 0.9 like Alice and 0.72 like Bob; together they are 0.97 and 0.78."""
    gallery = [template(ALICE, "alice"), template(between(ALICE, BOB, 0.8), "bob", "2")]
    session = IdentifySession(policy(), gallery, 0.75, CUES, None, run_threshold)
    assert (fed(session, alike(0.9, *OTHERS[:4]))[1] is not None) is matches


@pytest.mark.parametrize("run_threshold", [THRESHOLD - 0.1, 1.1, float("nan")])
def test_a_run_is_never_judged_more_loosely_than_its_frames(run_threshold: float) -> None:
    session = verify(run_threshold=run_threshold)
    assert session.verdict is not None and session.verdict.result is Result.ERROR


def test_the_mean_is_of_the_frames_that_were_recognised() -> None:
    run = Run(3, {})
    for embedding in (BOB, ALICE, None, BOB):  # the first drops out of three
        run.add({}, embedding)
    assert run.face == pytest.approx((ALICE + BOB) / np.sqrt(2))
    assert not run.complete  # of two there is no median
    run.restart()
    run.add({}, ALICE)
    assert run.face == pytest.approx(ALICE)
