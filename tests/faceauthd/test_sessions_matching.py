# SPDX-License-Identifier: MIT
"""VerifySession and IdentifySession, transition by transition. N is 4, at 10 frames a second."""

import ast
from collections.abc import Mapping
from dataclasses import replace

import pytest

from faceauthd.results import Result
from faceauthd.sessions import IdentifySession, Verdict
from faceauthd.sessions.matching import MOST_REFUSED
from models.face import Box
from tests.faceauthd.frames import (
    ALICE,
    AWAY,
    BOB,
    BOX,
    CUES,
    DARK,
    DARK_FACE,
    ELSEWHERE,
    GOOD,
    JUMPED,
    NOBODY,
    NOT_LIVE,
    SEVERAL,
    SMALL,
    STRANGE,
    STRANGER,
    Change,
    between,
    frame,
    frames,
    policy,
    template,
)
from tests.faceauthd.matching import THRESHOLD, fed, verify
from tests.harness.data import ROOT


def test_the_user_is_let_in_after_n_good_frames() -> None:
    taken, verdict = fed(verify(), [GOOD] * 9)
    assert taken == 4
    assert verdict == Verdict(
        result=Result.MATCH,
        reason="the face was recognised",
        frames=4,
        score=1.0,
        threshold=THRESHOLD,
        liveness={"m": 0.9},
        face_id="1",
        label="alice's face",
        user="alice",
    )


@pytest.mark.parametrize("bad", [STRANGE, NOBODY, SMALL, SEVERAL, DARK, DARK_FACE])
def test_a_bad_frame_begins_the_run_again(bad: Change) -> None:
    taken, verdict = fed(verify(), [GOOD] * 3 + [bad] + [GOOD] * 9)
    assert verdict is not None
    assert (taken, verdict.result) == (8, Result.MATCH)


def test_a_jump_begins_the_run_again_with_the_frame_that_jumped() -> None:
    taken, verdict = fed(verify(), [GOOD] * 3 + [JUMPED] * 9)
    assert verdict is not None
    assert (taken, verdict.result) == (7, Result.MATCH)


@pytest.mark.parametrize(
    ("box", "gap", "same"),
    [
        (BOX, 0.1, True),
        (Box(240, 150, 100, 120), 0.1, True),  # overlap 0.43
        (ELSEWHERE, 0.1, False),
        (Box(290, 150, 100, 120), 0.1, False),  # 0.9 of a width in a tenth of a second
        (Box(290, 150, 100, 120), 0.5, True),  # the same in half a second
        (Box(290, 100, 260, 300), 0.5, False),  # 2.6 times as large
        (BOX, 1.5, False),  # unseen for too long
    ],
)
def test_a_face_is_followed_as_far_as_a_head_moves(box: Box, gap: float, same: bool) -> None:
    session = verify(frames=2)
    assert session.feed(frame(0)) is None
    verdict = session.feed(frame(1, {"box": box, "at": gap}))
    assert (verdict is not None) is same


def test_identity_is_the_best_of_the_user_s_templates() -> None:
    gallery = [template(BOB, "alice", "1"), template(ALICE, "alice", "2")]
    _, verdict = fed(verify(gallery), [GOOD] * 4)
    assert verdict is not None
    assert (verdict.result, verdict.face_id) == (Result.MATCH, "2")


@pytest.mark.parametrize(("cosine", "result"), [(0.61, Result.MATCH), (0.59, Result.NO_MATCH)])
def test_the_threshold_decides(cosine: float, result: Result) -> None:
    near: Change = {"embedding": between(ALICE, STRANGER, cosine)}
    _, verdict = fed(verify(), [near] * 30)
    assert verdict is not None
    assert verdict.result is result
    assert verdict.score == pytest.approx(cosine)


# Liveness


def live(*probabilities: float) -> list[Change]:
    return [{"liveness": {"m": probability}} for probability in probabilities]


@pytest.mark.parametrize(
    ("probabilities", "taken"),
    [
        ([0.5, 0.5, 0.5, 0.5], 4),
        ([0.9, 0.1, 0.9, 0.9], 4),  # one dip is tolerated
        ([0.9, 0.1, 0.9, 0.1, 0.9], None),  # half is not enough
        ([0.9, 0.49, 0.49, 0.9], None),
        ([0.1, 0.1, 0.9, 0.9, 0.9, 0.9], 5),  # 3 of the last 4, and 3 of all 5
        ([0.1] * 4 + [0.9] * 4, None),  # the run is live, but the scan half not
        ([0.1] * 4 + [0.9] * 5, 9),
    ],
)
def test_liveness_is_the_median_over_run_and_scan(
    probabilities: list[float], taken: int | None
) -> None:
    count, verdict = fed(verify(), live(*probabilities))
    assert (count if verdict else None) == taken
    assert verdict is None or verdict.result is Result.MATCH


def test_a_high_score_of_one_model_buys_nothing_from_another() -> None:
    cues = {"passive": {"a": 0.5, "b": 0.5}}
    one_denies: Change = {"liveness": {"a": 1.0, "b": 0.4}}
    _, verdict = fed(verify(cues=cues), [one_denies] * 30)
    assert verdict is not None
    assert (verdict.result, verdict.liveness) == (Result.NOT_LIVE, {"a": 1.0, "b": 0.4})


def test_what_liveness_saw_before_a_break_is_not_forgotten() -> None:
    changes = [NOT_LIVE] * 6 + [NOBODY] + [GOOD] * 7
    taken, verdict = fed(verify(), changes)
    assert verdict is not None
    assert (taken, verdict.result) == (14, Result.MATCH), "7 live frames outweigh 6"


def test_without_required_cues_nobody_asks_a_model() -> None:
    no_scores: Change = {"liveness": {}}
    taken, verdict = fed(verify(cues={}, liveness=()), [no_scores] * 4)
    assert verdict is not None
    assert (taken, verdict.result, verdict.liveness) == (4, Result.MATCH, {})


@pytest.mark.parametrize(
    ("cues", "reason"),
    [
        ({}, "liveness cue passive is required, and no model for it is installed"),
        ({"passive": {}}, "liveness cue passive is required, and no model for it is installed"),
        ({"challenge": {"m": 0.5}}, "liveness cue passive is required, and no model"),
        ({"passive": {"m": 0.0}}, "liveness model m has no threshold that could deny"),
        ({"passive": {"m": float("nan")}}, "liveness model m has no threshold that could deny"),
    ],
)
def test_a_cue_that_cannot_be_judged_is_an_error_at_once(
    cues: Mapping[str, Mapping[str, float]], reason: str
) -> None:
    session = verify(cues=cues)
    assert session.verdict is not None
    assert session.verdict.result is Result.ERROR
    assert session.verdict.reason.startswith(reason)
    assert fed(session, [GOOD] * 9) == (1, session.verdict)
    assert session.expire() is session.verdict


# Early refusals


@pytest.mark.parametrize(
    ("change", "result"),
    [(STRANGE, Result.NO_MATCH), (NOT_LIVE, Result.NOT_LIVE)],
)
def test_a_stranger_need_not_wait_for_the_deadline(change: Change, result: Result) -> None:
    taken, verdict = fed(verify(), [change] * 50)
    assert verdict is not None
    assert (taken, verdict.result) == (16, result), "8 frames, and 1.5 s"
    assert (verdict.user, verdict.label, verdict.face_id) == ("", "", "")


def test_at_a_slow_camera_it_takes_twice_n_frames() -> None:
    slow = [{**STRANGE, "at": index * 0.5} for index in range(20)]
    taken, _ = fed(verify(), slow)
    assert taken == 8


def test_a_good_frame_begins_the_refusals_again() -> None:
    taken, verdict = fed(verify(), [STRANGE] * 10 + [GOOD] + [STRANGE] * 30)
    assert verdict is not None
    assert (taken, verdict.result) == (11 + 16, Result.NO_MATCH)


def test_looking_away_does_not_begin_the_refusals_again() -> None:
    taken, verdict = fed(verify(), [STRANGE, NOBODY] * 30)
    assert verdict is not None
    assert (taken, verdict.result) == (17, Result.NO_MATCH)


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (NOBODY, Result.NO_FACE),
        (DARK, Result.TOO_DARK),
        (DARK_FACE, Result.TOO_DARK),
        (SEVERAL, Result.MULTIPLE_FACES),
    ],
)
def test_it_does_not_wait_for_long_for_somebody(change: Change, result: Result) -> None:
    taken, verdict = fed(verify(), [change] * 50)
    assert verdict is not None
    assert (taken, verdict.result) == (21, result), "2 s"


def test_the_wait_begins_anew_when_somebody_was_there() -> None:
    taken, verdict = fed(verify(), [NOBODY] * 15 + [GOOD] + [NOBODY] * 50)
    assert verdict is not None
    assert (taken, verdict.result) == (16 + 20, Result.NO_FACE)


def test_somebody_far_away_may_come_closer_until_the_deadline() -> None:
    session = verify()
    assert fed(session, [SMALL] * 49) == (49, None)
    assert session.expire().result is Result.NO_FACE


def test_several_faces_and_nobody_in_turns_is_nobody() -> None:
    _, verdict = fed(verify(), [SEVERAL, NOBODY] * 25)
    assert verdict is not None
    assert verdict.result is Result.NO_FACE


# The deadline


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ([], Result.TIMEOUT),
        ([GOOD] * 3, Result.TIMEOUT),
        ([STRANGE], Result.NO_MATCH),
        ([NOT_LIVE], Result.NOT_LIVE),
        ([STRANGE, NOT_LIVE], Result.NO_MATCH),  # of equals, identity
        ([STRANGE, NOT_LIVE, NOT_LIVE], Result.NOT_LIVE),
        ([NOBODY], Result.NO_FACE),
        ([SMALL], Result.NO_FACE),
        ([DARK], Result.TOO_DARK),
        ([SEVERAL], Result.MULTIPLE_FACES),
        # What most frames showed
        ([STRANGE, NOBODY, NOBODY], Result.NO_FACE),
        ([GOOD, GOOD, STRANGE], Result.TIMEOUT),
        ([GOOD, GOOD, SEVERAL], Result.TIMEOUT),
        # Of equals, the first of: refused, several, dark, nobody, too few
        ([STRANGE, SEVERAL, DARK, NOBODY, GOOD], Result.NO_MATCH),
        ([SEVERAL, DARK, NOBODY, GOOD], Result.MULTIPLE_FACES),
        ([DARK, NOBODY, GOOD], Result.TOO_DARK),
        ([NOBODY, GOOD], Result.NO_FACE),
        # N refused frames are a refusal, whatever else there was
        ([STRANGE] * 4 + [NOBODY] * 15, Result.NO_MATCH),
        ([NOT_LIVE] * 4 + [NOBODY] * 15, Result.NOT_LIVE),
        ([STRANGE] * 3 + [NOBODY] * 15, Result.NO_FACE),
        # A whole run that liveness denied is a refusal by liveness
        (live(0.9, 0.1, 0.1, 0.9), Result.NOT_LIVE),
    ],
)
def test_the_deadline_says_why(changes: list[Change], result: Result) -> None:
    session = verify()
    assert fed(session, changes)[1] is None
    assert session.expire().result is result


@pytest.mark.parametrize(
    ("why", "result"),
    [
        ("end", Result.TIMEOUT),
        ("stopped", Result.CANCELLED),
        ("missing", Result.CAMERA_MISSING),
        ("busy", Result.BUSY),
        ("broken", Result.ERROR),
        ("error", Result.ERROR),
        ("anything", Result.ERROR),
    ],
)
def test_the_end_of_the_source_says_why(why: str, result: Result) -> None:
    assert verify().ended(why).result is result


@pytest.mark.parametrize("why", ["end", "stopped", "missing", "busy", "broken"])
def test_no_way_to_end_a_scan_spares_a_stranger_the_lockout(why: str) -> None:
    session = verify()
    assert fed(session, [STRANGE] * 4)[1] is None
    assert session.ended(why).result is Result.NO_MATCH


@pytest.mark.parametrize("why", ["stopped", "missing", "busy", "broken"])
def test_no_way_to_end_a_scan_makes_a_denied_run_uncounted(why: str) -> None:
    """A recapture that wavers must not get a new try, with a clean median, by cancelling."""
    session = verify()
    assert fed(session, [NOT_LIVE] * 2 + [GOOD]) == (3, None)
    assert session.ended(why).result is not Result.NOT_LIVE  # no run yet that could have matched
    session = verify()
    assert fed(session, [NOT_LIVE] * 2 + [GOOD] * 2) == (4, None)
    assert session.ended(why).result is Result.NOT_LIVE


def test_walking_away_does_not_spare_a_stranger_the_lockout() -> None:
    _, verdict = fed(verify(), [STRANGE] * 4 + [NOBODY] * 30)
    assert verdict is not None
    assert verdict.result is Result.NO_MATCH


def test_a_scan_has_so_many_tries_however_fast_they_come() -> None:
    """A worker that was taken over could play a list of faces, a microsecond apart."""
    session = verify()
    most = MOST_REFUSED * policy().frames
    tries = [replace(frame(index, STRANGE), at=index * 1e-6) for index in range(most)]
    for observation in tries[:-1]:
        assert session.feed(observation) is None
    verdict = session.feed(tries[-1])
    assert verdict is not None and verdict.result is Result.NO_MATCH


def test_nonsense_at_the_end_does_not_spare_a_stranger_the_lockout() -> None:
    session = verify()
    shown = list(frames([STRANGE] * policy().frames))
    for observation in shown:
        assert session.feed(observation) is None
    verdict = session.feed(shown[0])  # its time has been
    assert verdict is not None and verdict.result is Result.NO_MATCH


def test_the_first_verdict_stays() -> None:
    session = verify()
    _, verdict = fed(session, [NOBODY] * 50)
    assert verdict is not None
    assert session.feed(frame(60)) is verdict
    assert session.expire() is verdict
    assert session.ended("error") is verdict


# Hints


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (GOOD, "scanning"),
        (STRANGE, "scanning"),
        (NOT_LIVE, "scanning"),
        (NOBODY, "look-at-camera"),
        (AWAY, "look-at-camera"),
        (SMALL, "move-closer"),
        (SEVERAL, "one-person-only"),
        (DARK, "too-dark"),
        (DARK_FACE, "too-dark"),
        (JUMPED, "hold-still"),
    ],
)
def test_hints_say_what_to_do_and_not_how_near_one_is(change: Change, hint: str) -> None:
    session = verify()
    session.feed(frame(0))
    session.feed(frame(1, change))
    assert session.hint == hint
    assert session.fraction == 0


# Identify


def identify(*users: str) -> IdentifySession:
    vectors = {"alice": ALICE, "bob": BOB}
    gallery = [template(vectors[user], user, user[0]) for user in users]
    return IdentifySession(policy(), gallery, THRESHOLD, CUES)


def test_identify_names_the_user() -> None:
    _, verdict = fed(identify("bob", "alice"), [GOOD] * 4)
    assert verdict is not None
    assert (verdict.result, verdict.user, verdict.face_id) == (Result.MATCH, "alice", "a")


def test_a_run_is_one_user_s() -> None:
    bob: Change = {"embedding": BOB}
    taken, verdict = fed(identify("bob", "alice"), [bob] * 3 + [GOOD] * 9)
    assert verdict is not None
    assert (taken, verdict.user) == (7, "alice")


def test_a_face_that_passes_for_two_users_is_nobody_s() -> None:
    both: Change = {"embedding": between(ALICE, BOB, 0.75)}  # 0.75 and 0.66
    _, verdict = fed(identify("alice", "bob"), [both] * 30)
    assert verdict is not None
    assert (verdict.result, verdict.user) == (Result.NO_MATCH, "")
    _, alone = fed(identify("alice"), [both] * 30)
    assert alone is not None
    assert alone.result is Result.MATCH


def test_match_is_said_at_one_place() -> None:
    places = [
        path.name
        for path in (ROOT / "faceauthd" / "sessions").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "MATCH"
    ]
    assert places == ["matching.py"]
