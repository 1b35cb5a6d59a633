# SPDX-License-Identifier: MIT
"""What holds for every scan, whatever the frames show."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from faceauthd.results import Result
from faceauthd.sessions import VerifySession
from faceauthd.sessions.sight import followed
from models.observation import Observation
from tests.faceauthd.frames import (
    ALICE,
    BOB,
    BOX,
    CUES,
    DARK,
    DARK_FACE,
    ELSEWHERE,
    GOOD,
    NOBODY,
    SEVERAL,
    SMALL,
    STRANGE,
    STRANGER,
    Change,
    between,
    frame,
    policy,
    template,
)

N = 4
THRESHOLD = 0.6
BAD = [STRANGE, NOBODY, SMALL, SEVERAL, DARK, DARK_FACE]


def good(probability: float, elsewhere: bool) -> Change:
    return {"liveness": {"m": probability}, "box": ELSEWHERE if elsewhere else BOX}


PROBABILITIES = st.sampled_from([0.0, 0.1, 0.49, 0.5, 0.9, 1.0])
GOODS = st.builds(good, PROBABILITIES, st.sampled_from([False] * 9 + [True]))
# Mostly good frames, since a scan of others says little about match.
SCANS = st.lists(st.one_of(GOODS, GOODS, GOODS, st.sampled_from(BAD)), max_size=40)


def matched_at(scan: Sequence[Observation]) -> float | None:
    """When the scan ended in a match, or None. Nobody there does not end it: see below."""
    gallery = [template(ALICE, "alice")]
    session = VerifySession(policy(frames=N, no_face_timeout=60.0), gallery, THRESHOLD, CUES)
    for observation in scan:
        if verdict := session.feed(observation):
            return observation.at if verdict.result is Result.MATCH else None
    assert session.expire().result is not Result.MATCH
    return None


def frames_of(changes: Sequence[Change]) -> list[Observation]:
    # Even indices, so that a frame fits in between.
    return [frame(2 * index, change) for index, change in enumerate(changes)]


def is_good(observation: Observation) -> bool:
    return (
        observation.faces == 1
        and observation.brightness >= 40
        and observation.embedding is not None
        and float(observation.embedding @ ALICE) >= THRESHOLD
    )


@given(SCANS)
def test_match_means_that_the_last_n_frames_were_good(changes: list[Change]) -> None:
    scan = frames_of([*changes, *[GOOD] * N])
    at = matched_at(scan)
    if at is None:
        return
    seen = [observation for observation in scan if observation.at <= at]
    run = seen[-N:]
    assert len(run) == N
    assert all(map(is_good, run))
    assert all(map(followed, run, run[1:]))
    live = [observation.liveness["m"] >= 0.5 for observation in run]
    assert 2 * sum(live) > N


@given(SCANS, st.data())
def test_a_lower_liveness_never_lets_anybody_in(changes: list[Change], data: st.DataObject) -> None:
    lowered = [
        {**change, "liveness": {"m": data.draw(PROBABILITIES) * change["liveness"]["m"]}}
        if change.get("liveness")
        else change
        for change in changes
    ]
    before, after = matched_at(frames_of(changes)), matched_at(frames_of(lowered))
    assert after is None or (before is not None and before <= after)


@given(SCANS, st.sampled_from(BAD), st.integers(0, 40))
def test_a_bad_frame_more_never_makes_match_earlier(
    changes: list[Change], bad: Change, place: int
) -> None:
    """Where somebody's face ends the wait for one, it does: hence no no_face_timeout here."""
    scan = frames_of([*changes, *[GOOD] * N])
    place = min(place, len(changes))
    index = 2 * place - 1
    between_frames = [*scan[:place], frame(index, bad), *scan[place:]] if place else scan
    before, after = matched_at(scan), matched_at(between_frames)
    assert after is None or (before is not None and before <= after)


STRANGERS = st.builds(
    lambda cosine, other: between(ALICE, other, cosine),
    st.floats(-1, THRESHOLD - 0.001),
    st.sampled_from([BOB, STRANGER]),
)


@given(
    st.lists(
        st.one_of(
            st.builds(lambda change, vector: {**change, "embedding": vector}, GOODS, STRANGERS),
            st.sampled_from(BAD),
        ),
        max_size=60,
    )
)
def test_nobody_else_is_ever_let_in(changes: list[Change]) -> None:
    assert matched_at(frames_of(changes)) is None
