# SPDX-License-Identifier: MIT
"""CanVerify, Verify and Identify over the bus, with a camera that the test plays."""

import logging
from dataclasses import replace

import pytest

from faceauthd.config import Config, VerifyConfig
from faceauthd.variants import Typed
from tests.faceauthd.frames import BOB, GOOD, NOBODY, NOT_LIVE, STRANGE, frame
from tests.faceauthd.stage import (
    NEIGHBOUR,
    OTHER,
    ROOT,
    SELF,
    USER,
    Stage,
)

SCORES = {"score", "threshold", "liveness", "face", "label"}


def test_the_user_is_let_in(stage: Stage) -> None:
    face = stage.enrolled()
    answer = stage.caller(ROOT).verify(service=Typed("s", "sudo"))
    scan = stage.scan()
    assert scan.liveness == ("passive",)
    scan.show(GOOD, GOOD)
    result, details = answer.values()
    assert result == "match"
    assert details["frames"] == 2
    assert details["face"] == face
    assert details["score"] == pytest.approx(1.0)
    assert details["liveness"] == pytest.approx({"m": 0.9})
    assert scan.stopped


def test_another_is_not(stage: Stage) -> None:
    stage.enrolled()
    assert stage.result_of(*[STRANGE] * 30) == "no-match"


def test_a_photograph_is_not(stage: Stage) -> None:
    stage.enrolled()
    assert stage.result_of(*[NOT_LIVE] * 30) == "not-live"


def test_the_neighbour_s_face_does_not_open_the_user_s_session(stage: Stage) -> None:
    stage.two_users()
    assert stage.result_of(*[{"embedding": BOB}] * 30) == "no-match"


def test_scores_are_for_root_alone(stage: Stage) -> None:
    stage.enrolled()
    answers = []
    for number, uid in enumerate((ROOT, SELF)):
        answers.append(stage.caller(uid).verify())
        stage.scan(number).show(*[STRANGE] * 30)
    root, user = (answer.values()[1] for answer in answers)
    assert root.keys() == {"frames", "milliseconds", "reason"} | SCORES
    assert user.keys() == {"frames", "milliseconds", "reason"}


def test_an_empty_name_is_the_caller(stage: Stage) -> None:
    stage.enrolled(USER)
    answer = stage.caller(SELF).verify("")
    stage.scan().show(GOOD, GOOD)
    assert answer.values()[0] == "match"


def test_hints_go_to_the_caller_alone_and_tell_no_progress(stage: Stage) -> None:
    stage.enrolled()
    caller, bystander = stage.caller(SELF), stage.caller(OTHER)
    answer = caller.verify()
    stage.scan().show(GOOD, NOBODY, NOBODY, GOOD, GOOD)
    answer.values()
    bystander.call("GetStatus").values()  # what was sent to it before has arrived by now
    assert caller.hints == [("scanning", 0.0), ("look-at-camera", 0.0), ("scanning", 0.0)]
    assert bystander.hints == []


def test_a_second_scan_is_told_busy_at_once(stage: Stage) -> None:
    stage.two_users()
    first = stage.caller(SELF).verify()
    stage.scan()
    second = stage.caller(OTHER).verify(NEIGHBOUR)
    assert second.values()[0] == "busy"
    assert stage.caller(SELF).can_verify().values()[0] == "busy"
    assert stage.caller(ROOT).identify().values()[0] == "busy"
    assert stage.caller(ROOT).enroll().error() == "Busy"
    assert first.open
    stage.scan().show(GOOD, GOOD)
    assert first.values()[0] == "match"


def test_after_a_verdict_the_next_scan_may_begin(stage: Stage) -> None:
    stage.enrolled()
    for _ in range(3):
        assert stage.result_of(GOOD, GOOD) == "match"


def test_frames_after_the_verdict_change_nothing(stage: Stage) -> None:
    stage.enrolled()
    answer = stage.caller(ROOT).verify()
    scan = stage.scan()
    scan.show(*[STRANGE] * 30)
    scan.on_opened("cam-1", "Camera")
    for _ in range(3):
        scan.on_frame(frame(99))
    assert answer.values()[0] == "no-match"


# Identify


def test_root_may_ask_who_it_is(stage: Stage) -> None:
    stage.two_users()
    answer = stage.caller(ROOT).identify()
    stage.scan().show({"embedding": BOB}, {"embedding": BOB})
    result, user, details = answer.values()
    assert (result, user) == ("match", NEIGHBOUR)
    assert details["label"] == "face 1"


def test_nobody_is_nobody(stage: Stage) -> None:
    stage.two_users()
    answer = stage.caller(ROOT).identify()
    stage.scan().show(*[STRANGE] * 30)
    assert answer.values()[:2] == ("no-match", "")


# Arguments, log, configuration


@pytest.mark.parametrize(
    "options",
    [{"servcie": Typed("s", "sudo")}, {"service": Typed("i", 1)}, {"service": Typed("s", "x" * 65)},
     {"service": Typed("s", "a\nb")}, {"a\nb": Typed("s", "x")}],
)  # fmt: skip
@pytest.mark.parametrize("method", ["Verify", "CanVerify", "Identify"])
def test_wrong_options_are_refused(stage: Stage, method: str, options: dict[str, Typed]) -> None:
    stage.enrolled()
    caller = stage.caller(ROOT)
    if method == "Identify":
        answer = caller.call(method, "(a{sv})", options)
    else:
        answer = caller.call(method, "(sa{sv})", USER, options)
    assert answer.error() == "InvalidArgument"


@pytest.mark.parametrize("user", ["x" * 257, "ä" * 129, "a\nb"])
def test_names_that_nobody_can_have_are_refused(stage: Stage, user: str) -> None:
    assert stage.caller(ROOT).verify(user).error() == "InvalidArgument"


def test_a_user_without_account_or_face_is_not_enrolled(stage: Stage) -> None:
    assert stage.caller(ROOT).verify("no-such-user").values()[0] == "not-enrolled"


def test_the_audit_line_says_what_happened_and_no_score(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.enrolled()
    with caplog.at_level(logging.INFO, "faceauthd.audit"):
        answer = stage.caller(SELF).verify(service=Typed("s", "sudo"))
        stage.scan().show(*[STRANGE] * 30)
        answer.values()
    (line,) = [r.getMessage() for r in caplog.records if r.name == "faceauthd.audit"]
    start = f'event="verify" user="{USER}" service="sudo" caller={SELF} result="no-match" '
    assert line.startswith(start)
    assert 'camera="cam-1" models="fake-v1,m"' in line
    assert "0.9" not in line
    assert "score" not in line


def test_the_service_s_own_policy_applies(stage: Stage) -> None:
    config = Config(verify=VerifyConfig(frames=2))
    services = {**config.services, "login": replace(config.services["su"], liveness=())}
    stage.set(replace(config, services=services))
    stage.enrolled()
    answer = stage.caller(ROOT).verify(service=Typed("s", "login"))
    scan = stage.scan()
    assert scan.liveness == ()
    scan.show({"liveness": {}}, {"liveness": {}})
    assert answer.values()[0] == "match"
