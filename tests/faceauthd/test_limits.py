# SPDX-License-Identifier: MIT
"""One caller cannot take everything: calls, questions to polkit, and how long a text may be."""

import pytest

from faceauthd import calls, gate
from faceauthd.calls import MAX_CALLS
from faceauthd.gate import MOST_QUESTIONS
from faceauthd.pace import Pace
from faceauthd.variants import Typed
from tests.faceauthd.frames import GOOD
from tests.faceauthd.stage import NEIGHBOUR, OTHER, ROOT, SELF, USER, Stage, run_until
from tests.harness.bus import PrivateBus, polkit_stand_in


def test_a_sender_s_calls_that_wait_are_limited_and_others_go_on(stage: Stage) -> None:
    stage.environment.hold = True
    stage.enrolled()
    greedy = stage.caller(ROOT)
    waiting = [greedy.can_verify() for _ in range(MAX_CALLS)]
    run_until(lambda: len(stage.environment.waiting) == MAX_CALLS)
    assert greedy.can_verify().error() == "Busy"
    assert stage.caller(SELF).call("GetStatus").values()
    stage.environment.release()
    assert {answer.values()[0] for answer in waiting} == {"ready"}
    stage.environment.hold = False
    assert greedy.can_verify().values()[0] == "ready"


def test_a_user_who_calls_again_and_again_has_to_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.service._gate, "_pace", Pace(2, 0))
    for _ in range(2):
        assert stage.caller(SELF).call("GetStatus").values()
    assert stage.caller(SELF).call("GetStatus").error() == "Busy"  # over all connections
    assert stage.caller(OTHER).call("GetStatus").values()
    assert all(stage.caller(ROOT).call("GetStatus").values() for _ in range(4))


def test_who_asks_through_su_has_the_same_pace(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.service._gate, "_pace", Pace(2, 0))
    wisher = {"caller": Typed("u", OTHER)}
    for _ in range(2):
        assert stage.caller(ROOT).call("CanVerify", "(sa{sv})", USER, wisher).values()
    again = stage.caller(ROOT).call("CanVerify", "(sa{sv})", USER, wisher)
    assert again.error() == "Busy"
    assert stage.caller(ROOT).call("CanVerify", "(sa{sv})", USER, {}).values()


def test_many_senders_leave_each_other_one_call(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MAX_OPEN", 3)
    stage.environment.hold = True
    stage.enrolled()
    waiting = [stage.caller(ROOT).can_verify() for _ in range(3)]
    run_until(lambda: len(stage.environment.waiting) == 3)
    late = stage.caller(SELF)
    waiting.append(late.can_verify())  # its only call
    run_until(lambda: len(stage.environment.waiting) == 4)
    assert late.can_verify().error() == "Busy"
    stage.environment.release()
    assert {answer.values()[0] for answer in waiting} == {"ready"}


def test_all_users_questions_to_polkit_are_limited(
    stage: Stage, private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_OF_ALL", 1)
    with polkit_stand_in(private_bus, []) as polkit:
        polkit.hang()
        first = stage.caller(OTHER).call("ListFaces", "(s)", USER)
        run_until(lambda: stage.service._gate._questions)
        assert stage.caller(SELF).call("ListFaces", "(s)", NEIGHBOUR).error() == "Busy"
        polkit.release()
        assert first.error() == "PermissionDenied"


def test_a_user_s_questions_to_polkit_are_limited_over_all_their_connections(
    stage: Stage, private_bus: PrivateBus
) -> None:
    with polkit_stand_in(private_bus, []) as polkit:
        polkit.hang()
        waiting = [
            stage.caller(OTHER).call("ListFaces", "(s)", USER) for _ in range(MOST_QUESTIONS)
        ]
        run_until(lambda: len(stage.service._gate._questions) == MOST_QUESTIONS)
        assert stage.caller(OTHER).call("ListFaces", "(s)", USER).error() == "Busy"
        another = stage.caller(SELF).call("ListFaces", "(s)", NEIGHBOUR)
        run_until(lambda: len(stage.service._gate._questions) == MOST_QUESTIONS + 1)
        polkit.release()
        for answer in (*waiting, another):
            assert answer.error() == "PermissionDenied"


@pytest.mark.parametrize(
    ("method", "signature", "arguments"),
    [
        ("Verify", "(sa{sv})", ("x" * 70_000, {})),
        ("Verify", "(sa{sv})", (USER, {"service": Typed("s", "x" * 70_000)})),
        ("Enroll", "(ssa{sv})", (USER, "x" * 70_000, {})),
        ("RenameFace", "(sss)", (USER, "0", "x" * 70_000)),
        ("BackupFaces", "(sayh)", (USER, [0] * 70_000, 0)),
        ("ListEvents", "(sa{sv})", (USER, {str(n): Typed("u", n) for n in range(10_000)})),
    ],
)
def test_an_overlong_call_is_refused_before_it_is_unpacked(
    stage: Stage, method: str, signature: str, arguments: tuple[object, ...]
) -> None:
    stage.enrolled()
    answer = stage.caller(ROOT).call(method, signature, *arguments)
    assert answer.error() == "InvalidArgument"
    assert "65536 bytes" in answer.text()
    assert stage.worker.scans == []
    assert stage.result_of(GOOD, GOOD) == "match"
