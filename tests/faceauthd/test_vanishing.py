# SPDX-License-Identifier: MIT
"""Callers who leave or cancel in every state, and a polkit that hangs."""

import pytest

from faceauthd.authority import Action
from tests.faceauthd.frames import GOOD
from tests.faceauthd.stage import NEIGHBOUR, OTHER, ROOT, SELF, USER, Caller, Stage, run_until
from tests.harness.bus import PrivateBus, polkit_stand_in

SCANS = ["Verify", "Identify", "Enroll"]


def begin(caller: Caller, method: str) -> None:
    match method:
        case "Verify":
            caller.verify()
        case "Identify":
            caller.identify()
        case "Enroll":
            caller.enroll()


def is_free(stage: Stage, number: int) -> bool:
    """Whether another caller gets the camera now: it is the only proof that counts."""
    answer = stage.caller(SELF).verify()
    stage.scan(number).show(GOOD, GOOD)
    return bool(answer.values()[0] == "match")


@pytest.mark.parametrize("method", SCANS)
@pytest.mark.parametrize("opened", [False, True])
def test_a_caller_who_leaves_ends_the_scan(stage: Stage, method: str, opened: bool) -> None:
    stage.enrolled()
    caller = stage.caller(ROOT)
    begin(caller, method)
    scan = stage.scan()
    if opened:
        scan.show(GOOD)
    caller.leave()
    run_until(lambda: scan.stopped)
    run_until(lambda: scan.over)
    assert is_free(stage, 1)
    assert len(stage.store.faces(USER)) == 1  # nothing was enrolled


def test_a_caller_who_leaves_while_logind_is_asked_gets_no_scan(stage: Stage) -> None:
    stage.enrolled()
    stage.environment.hold = True
    caller = stage.caller(ROOT)
    caller.verify()
    run_until(lambda: stage.environment.waiting)
    caller.leave()
    stage.environment.release()
    stage.caller(ROOT).call("GetStatus").values()  # whatever was due has been done by then
    assert stage.worker.scans == []
    stage.environment.hold = False
    assert is_free(stage, 0)


def test_a_caller_who_leaves_after_the_verdict_disturbs_nothing(stage: Stage) -> None:
    stage.enrolled()
    caller = stage.caller(ROOT)
    answer = caller.verify()
    stage.scan().show(GOOD, GOOD)
    answer.values()
    caller.leave()
    assert is_free(stage, 1)


def test_a_stranger_who_leaves_ends_nobody_else_s_scan(stage: Stage) -> None:
    stage.enrolled()
    answer = stage.caller(SELF).verify()
    stage.scan().open()
    stranger = stage.caller(OTHER)
    stranger.call("GetStatus").values()
    stranger.leave()
    stage.caller(OTHER).call("GetStatus").values()
    assert answer.open
    assert not stage.scan().stopped


@pytest.mark.parametrize("method", ["Enroll", "ListFaces", "Verify", "Reload"])
def test_a_hanging_polkit_blocks_nobody_else(
    stage: Stage, private_bus: PrivateBus, method: str
) -> None:
    stage.two_users()
    with polkit_stand_in(private_bus, list(Action)) as polkit:
        polkit.hang()
        waiting = stage.caller(OTHER)
        match method:
            case "Enroll":
                answer = waiting.enroll(USER)
            case "Verify":
                answer = waiting.verify(USER)
            case "ListFaces":
                answer = waiting.call("ListFaces", "(s)", USER)
            case _:
                answer = waiting.call("Reload")
        run_until(polkit.has_hanging_calls)
        for caller in (stage.caller(SELF), stage.caller(ROOT)):
            caller.call("GetStatus").values()
            caller.call("ListFaces", "(s)", USER).values()
        assert is_free(stage, 0)
        assert answer.open, answer.got


def test_the_camera_may_be_taken_while_polkit_thinks(stage: Stage, private_bus: PrivateBus) -> None:
    stage.two_users()
    with polkit_stand_in(private_bus, [Action.MANAGE]) as polkit:
        polkit.hang()
        late = stage.caller(OTHER).enroll(USER)
        run_until(polkit.has_hanging_calls)
        first = stage.caller(SELF).verify()
        stage.scan().open()
        polkit.release()
        assert late.error() == "Busy"
        assert first.open


def test_a_caller_who_leaves_while_polkit_thinks_gets_nothing_done(
    stage: Stage, private_bus: PrivateBus
) -> None:
    stage.enrolled()
    with polkit_stand_in(private_bus, [Action.MANAGE]) as polkit:
        polkit.hang()
        caller = stage.caller(OTHER)
        caller.call("ClearFaces", "(s)", USER)
        run_until(polkit.has_hanging_calls)
        caller.leave()
        run_until(lambda: not stage.service._gate._questions)
        polkit.release()
        stage.caller(ROOT).call("GetStatus").values()
    assert len(stage.store.faces(USER)) == 1


def test_polkit_s_yes_is_nothing_to_a_caller_who_has_left(
    stage: Stage, private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The yes may arrive before the news that the caller has left."""
    monkeypatch.setattr(stage.bus, "on_vanished", lambda _sender, _callback: lambda: None)
    stage.enrolled()
    with polkit_stand_in(private_bus, [Action.MANAGE]) as polkit:
        polkit.hang()
        caller = stage.caller(OTHER)
        caller.call("ClearFaces", "(s)", USER)
        run_until(polkit.has_hanging_calls)
        caller.leave()
        polkit.release()
        run_until(lambda: not stage.service._gate._questions)
    assert len(stage.store.faces(USER)) == 1


def test_cancel_ends_what_polkit_is_asked(stage: Stage, private_bus: PrivateBus) -> None:
    stage.enrolled()
    with polkit_stand_in(private_bus, [Action.MANAGE]) as polkit:
        polkit.hang()
        caller = stage.caller(OTHER)
        answer = caller.enroll(USER)
        run_until(polkit.has_hanging_calls)
        stage.caller(OTHER).call("Cancel").values()
        assert answer.open  # that was a stranger's Cancel
        caller.call("Cancel").values()
        assert answer.error() == "Cancelled"
        polkit.release()
        stage.caller(ROOT).call("GetStatus").values()
    assert stage.worker.scans == []


def test_polkit_that_leaves_while_it_is_asked_is_a_no(
    stage: Stage, private_bus: PrivateBus
) -> None:
    stage.enrolled()
    with polkit_stand_in(private_bus, [Action.MANAGE]) as polkit:
        polkit.hang()
        answer = stage.caller(OTHER).call("ClearFaces", "(s)", USER)
        run_until(polkit.has_hanging_calls)
    assert answer.error() == "PermissionDenied"
    assert len(stage.store.faces(USER)) == 1


def test_the_daemon_s_end_answers_who_waits(stage: Stage) -> None:
    stage.enrolled()
    stage.enrolled(NEIGHBOUR)
    answer = stage.caller(SELF).verify()
    stage.scan().open()
    stage.service.stop()
    assert answer.values()[0] == "cancelled"
