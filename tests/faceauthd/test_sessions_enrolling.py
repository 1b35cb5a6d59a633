# SPDX-License-Identifier: MIT
"""EnrollSession: which frames make a template, and what refuses one. It takes 6 frames here."""

from collections.abc import Sequence

import numpy as np
import pytest

from faceauthd.sessions import EnrollSession, Enrolment
from tests.faceauthd.frames import (
    ALICE,
    AWAY,
    BOB,
    DARK,
    DARK_FACE,
    DIMENSION,
    ELSEWHERE,
    GOOD,
    JUMPED,
    NOBODY,
    SEVERAL,
    SMALL,
    STRANGE,
    STRANGER,
    Change,
    between,
    frame,
    frames,
)


def enroll(frames: int = 6) -> EnrollSession:
    return EnrollSession(frames, dark=40, consistency=0.6)


def fed(session: EnrollSession, changes: Sequence[Change]) -> Enrolment | None:
    for observation in frames(changes):
        if enrolment := session.feed(observation):
            return enrolment
    return None


def looking(yaw: float, cosine: float = 0.9) -> Change:
    return {"yaw": yaw, "embedding": between(ALICE, BOB, cosine)}


def test_the_template_is_the_mean_of_the_frames() -> None:
    changes = [looking(0, cosine) for cosine in (0.8, 0.9, 1.0, 0.8, 0.9, 1.0)]
    enrolment = fed(enroll(), changes)
    assert enrolment is not None
    assert enrolment.vectors is not None
    assert (enrolment.frames, enrolment.reason) == (6, "")
    assert enrolment.vectors.shape == (1, DIMENSION)
    assert enrolment.vectors.dtype == np.float32
    total = np.sum([change["embedding"] for change in changes], axis=0)
    assert enrolment.vectors[0] == pytest.approx(total / np.linalg.norm(total), abs=1e-6)


def test_the_fraction_says_how_far_it_is() -> None:
    session, seen = enroll(4), []
    for observation in frames([GOOD, NOBODY, GOOD, GOOD, GOOD]):
        session.feed(observation)
        seen.append(session.fraction)
    assert seen == [0.25, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("bad", "reason", "hint"),
    [
        (NOBODY, "there was no face", "look-at-camera"),
        (SMALL, "the face was too far away", "move-closer"),
        (DARK, "it was too dark", "too-dark"),
        (DARK_FACE, "it was too dark", "too-dark"),
        (SEVERAL, "there was more than one face", "one-person-only"),
        (AWAY, "the face was turned away", "look-at-camera"),
        ({"sharpness": 10.0}, "the face was blurred", "hold-still"),
    ],
)
def test_bad_frames_are_not_used_and_the_reason_is_told(
    bad: Change, reason: str, hint: str
) -> None:
    session = enroll()
    assert fed(session, [GOOD, GOOD, *[bad] * 2]) is None
    assert session.hint == hint
    assert session.fraction == pytest.approx(2 / 6)
    enrolment = session.expire()
    assert enrolment.vectors is None
    assert enrolment.reason == f"only 2 of 6 frames could be used: {reason}"


def test_pictures_need_not_follow_each_other() -> None:
    enrolment = fed(enroll(), [GOOD, JUMPED] * 3)
    assert enrolment is not None
    assert enrolment.vectors is not None


def test_one_odd_frame_is_left_out() -> None:
    enrolment = fed(enroll(), [GOOD, GOOD, STRANGE, GOOD, GOOD, GOOD, GOOD])
    assert enrolment is not None
    assert enrolment.vectors is not None
    assert enrolment.vectors[0] == pytest.approx(ALICE)


def test_the_first_frame_may_be_the_odd_one() -> None:
    enrolment = fed(enroll(), [STRANGE, *[GOOD] * 6])
    assert enrolment is not None
    assert enrolment.vectors is not None
    assert enrolment.vectors[0] == pytest.approx(ALICE)


@pytest.mark.parametrize(
    "changes",
    [
        [GOOD] * 3 + [STRANGE] * 9,  # another person takes over
        [GOOD, GOOD] + [STRANGE, GOOD] * 9,  # two in turns
        [GOOD, STRANGE] * 9,
    ],
)
def test_two_people_are_not_enrolled(changes: list[Change]) -> None:
    session = enroll(10)
    enrolment = fed(session, changes) or session.expire()
    assert enrolment.vectors is None
    assert "the frames show more than one person" in enrolment.reason


def test_a_face_that_turns_into_another_is_not_enrolled() -> None:
    morph = [
        {"embedding": between(ALICE, STRANGER, cosine)} for cosine in np.linspace(1.0, -0.3, 24)
    ]
    session = enroll(24)
    enrolment = fed(session, morph) or session.expire()
    assert enrolment.vectors is None
    assert "more than one person" in enrolment.reason


def test_a_source_that_ends_suffices_with_three_frames() -> None:
    few, enough = enroll(), enroll()
    fed(few, [GOOD] * 2)
    fed(enough, [GOOD] * 3)
    assert few.ended("end").reason == "only 2 of 6 frames could be used"
    assert enough.ended("end").vectors is not None


def test_a_source_that_ends_suffices_with_one_frame_where_one_was_asked_for() -> None:
    session = enroll(1)
    assert fed(session, [GOOD]) is not None
    assert session.ended("end").vectors is not None


@pytest.mark.parametrize("why", ["stopped", "missing", "busy", "broken", "error"])
def test_a_source_that_breaks_enrols_nothing(why: str) -> None:
    session = enroll()
    fed(session, [GOOD] * 5)
    enrolment = session.ended(why)
    assert (enrolment.vectors, enrolment.reason) == (
        None,
        "the camera stopped before it was done",
    )


def test_one_pose_is_asked_to_turn_a_little() -> None:
    still, turning = enroll(), enroll()
    fed(still, [looking(0.0)] * 4)
    fed(turning, [looking(yaw) for yaw in (-0.1, 0.0, 0.1, 0.0)])
    assert (still.hint, turning.hint) == ("turn-a-little", "scanning")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"at": 0.0}, "the frames' times do not increase"),
        ({"box": None}, "a face has no box"),
        ({"embedding": ALICE[:4]}, "an embedding's dimension"),
        ({"embedding": np.full(DIMENSION, np.nan, np.float32)}, "an embedding's length is not 1"),
        ({"sharpness": float("nan")}, "a frame's measures are not finite"),
    ],
)
def test_a_frame_without_sense_enrols_nothing(second: Change, reason: str) -> None:
    session = enroll(2)
    assert session.feed(frame(0)) is None
    enrolment = session.feed(frame(1, second))
    assert enrolment is not None
    assert enrolment.vectors is None
    assert enrolment.reason.startswith(reason)


def test_the_first_answer_stays() -> None:
    session = enroll(2)
    enrolment = fed(session, [GOOD, {**GOOD, "box": ELSEWHERE}])
    assert session.feed(frame(9, NOBODY)) is enrolment
    assert session.expire() is enrolment
    assert session.ended("error") is enrolment


@pytest.mark.parametrize(("frames", "consistency"), [(0, 0.6), (5, 0.0), (5, float("nan"))])
def test_an_enrolment_that_could_not_refuse_is_a_mistake(frames: int, consistency: float) -> None:
    with pytest.raises(ValueError, match="takes frames"):
        EnrollSession(frames, dark=40, consistency=consistency)
