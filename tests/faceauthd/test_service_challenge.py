# SPDX-License-Identifier: MIT
"""A challenge over the bus: what callers are asked, and what becomes of those who do not do it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from faceauthd import challenge
from faceauthd.config import ServiceConfig, VerifyConfig
from faceauthd.messages import POSE
from faceauthd.sessions import Gesture
from faceauthd.status import warnings
from faceauthd.variants import Typed
from tests.faceauthd.frames import GOOD, SEVERAL, frame
from tests.faceauthd.stage import CONFIG, INFO, ROOT, SELF, USER, Answer, Caller, Stage, run_until
from tests.faceauthd.test_sessions_challenge import DONE, KNOWN, STILL, posed

ASKING = replace(
    CONFIG,
    services={"sudo": ServiceConfig(liveness=("passive", "challenge"), timeout=30.0)},
    verify=replace(CONFIG.verify, frames=4),
)
SEEING = replace(INFO, pose=POSE)
SUDO = Typed("s", "sudo")


@pytest.fixture
def asking(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """sudo demands a challenge, and the lot is a turn to the left."""

    def draw(parts: Sequence[str], steps: int) -> list[Gesture]:
        assert (parts, steps) == (POSE, 1)
        return [Gesture.TURN_LEFT]

    monkeypatch.setattr(challenge, "draw", draw)
    stage.set(ASKING)
    stage.worker.info = SEEING
    stage.enrolled()
    return stage


def asked(stage: Stage, uid: int = ROOT) -> tuple[Caller, Answer]:
    """A caller whose scan has come to the question."""
    caller = stage.caller(uid)
    answer = caller.verify(service=SUDO)
    scan = stage.scan()
    scan.show(*KNOWN)
    return caller, answer


def test_the_caller_is_told_what_is_asked(asking: Stage) -> None:
    caller = asking.caller(SELF)
    answer = caller.verify(service=SUDO)
    scan = asking.scan()
    assert scan.liveness == ("passive", "challenge")
    scan.show(*KNOWN, *DONE[Gesture.TURN_LEFT], *KNOWN)
    assert answer.values()[0] == "match"
    assert [hint for hint, _ in caller.hints] == ["scanning", "turn-left", "scanning"]
    assert set(scan.every) == {0.0}, "each frame is recognised"
    assert scan.enough == 0


def test_who_does_something_else_is_refused_and_it_counts(asking: Stage) -> None:
    answer = asking.caller(SELF).verify(service=SUDO)
    asking.scan().show(*KNOWN, *DONE[Gesture.NOD])
    result, details = answer.values()
    assert result == "not-live"
    assert details["reason"] == "another movement was made than the one asked for"
    assert asking.store.get_lockout(USER).failures == 1


@pytest.mark.parametrize("end", ["cancel", "leave", "several", "cable"])
def test_to_draw_again_costs_a_try(asking: Stage, end: str) -> None:
    caller, answer = asked(asking)
    match end:
        case "cancel":
            caller.call("Cancel").values()
        case "leave":
            caller.leave()
        case "several":
            asking.scan().on_frame(frame(len(KNOWN), SEVERAL))
        case "cable":
            asking.scan().end("missing", "the camera is gone")
    if end != "leave":
        assert answer.values()[0] == "not-live"
    run_until(lambda: asking.store.get_lockout(USER).failures == 1)


def test_a_service_that_asks_for_nothing_asks_for_nothing(asking: Stage) -> None:
    answer = asking.caller(SELF).verify()
    scan = asking.scan()
    assert scan.liveness == ("passive",)
    scan.show(*[GOOD] * 4)
    assert answer.values()[0] == "match"


def test_there_is_time_for_what_is_asked(asking: Stage) -> None:
    _, policy = asking.caller(SELF).can_verify(service=SUDO).values()
    assert policy["timeout"] == 35.0
    asking.set(replace(ASKING, verify=replace(ASKING.verify, challenge_steps=2)))
    _, policy = asking.caller(SELF).can_verify(service=SUDO).values()
    assert policy["timeout"] == 40.0


def test_an_engine_that_sees_no_movement_lets_nobody_in(stage: Stage) -> None:
    stage.set(ASKING)
    stage.enrolled()
    answer = stage.caller(ROOT).verify(service=SUDO)
    stage.scan().show(*KNOWN, STILL)
    result, details = answer.values()
    assert result == "error"
    assert "no model that could see it is loaded" in details["reason"]
    assert stage.store.get_lockout(USER).failures == 0
    assert any("'challenge' is installed" in line for line in warnings(ASKING, stage.worker))


def test_identify_asks_too(asking: Stage) -> None:
    answer = asking.caller(ROOT).identify(service=SUDO)
    asking.scan().show(*KNOWN, *DONE[Gesture.TURN_LEFT], *KNOWN)
    assert answer.values()[:2] == ("match", USER)


def test_a_frame_without_a_pose_lets_nobody_in(asking: Stage) -> None:
    answer = asking.caller(ROOT).verify(service=SUDO)
    asking.scan().show(*[GOOD] * 9)
    assert answer.values()[0] == "error"


# What root is told


def test_the_status_says_what_can_be_asked_for(asking: Stage) -> None:
    (status,) = asking.caller(SELF).call("GetStatus").values()
    assert status["liveness"]["challenge"] == "blink, turn-left, turn-right, nod"
    assert not [line for line in status["warnings"] if "challenge" in line]


def test_a_challenge_that_is_less_than_it_sounds_is_a_warning(asking: Stage) -> None:
    asking.worker.info = replace(INFO, pose=("turn",))
    assert any("points68 is not installed" in line for line in warnings(ASKING, asking.worker))
    alone = ServiceConfig(liveness=("challenge",))
    config = replace(ASKING, services={"sudo": alone}, verify=VerifyConfig(liveness=("challenge",)))
    found = [line for line in warnings(config, asking.worker) if "challenge alone" in line]
    assert [line.partition(".")[0] for line in found] == ["verify", "service"]


def test_watching_goes_through_the_challenge_as_well(asking: Stage) -> None:
    root = asking.caller(ROOT)
    root.watch(service=SUDO)
    asking.scan().show(*KNOWN, posed(GOOD), *DONE[Gesture.TURN_LEFT], *KNOWN)
    run_until(lambda: any("result" in frame for frame in root.frames))
    assert root.frames[-1]["result"] == "match"
    assert {"turn-left", "scanning"} == {frame["hint"] for frame in root.frames}
    assert asking.store.get_lockout(USER).failures == 0
