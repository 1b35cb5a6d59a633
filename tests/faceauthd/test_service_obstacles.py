# SPDX-License-Identifier: MIT
"""What stands in the way of a scan, and scans that fail: each a refusal with its own word."""

import logging
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from faceauthd import capture, verification
from faceauthd.camera.terms import Device
from faceauthd.config import CameraConfig, LockoutConfig, ServiceConfig
from faceauthd.environment import Place, Surroundings
from faceauthd.lockout import Lockout
from faceauthd.results import StorageError
from faceauthd.sessions import follow
from faceauthd.sessions.follow import EVERY, SURER
from faceauthd.variants import Typed
from faceauthd.verification import LOADING
from models.recognition.calibration import CalibrationError
from tests.faceauthd.frames import GOOD, NOBODY, STRANGE
from tests.faceauthd.stage import CONFIG, INFO, OTHER, ROOT, SELF, USER, Stage, run_until


def obstructed(stage: Stage, cause: str) -> None:
    """Put the obstacle in the way whose result is ``cause``."""
    if cause != "not-enrolled":
        stage.enrolled()
    match cause:
        case "disabled":
            stage.set(replace(CONFIG, disabled=True))
        case "remote":
            stage.environment.around = Surroundings(Place.REMOTE, lid_closed=False)
        case "lid-closed":
            stage.environment.around = Surroundings(Place.LOCAL, lid_closed=True)
        case "locked-out":
            stage.store.set_lockout(USER, Lockout(5, stage.parts.now()))
        case "strong-auth-required":
            stage.set(replace(CONFIG, verify=replace(CONFIG.verify, after_boot=True)))


CAUSES = [
    "not-enrolled", "disabled", "remote", "lid-closed", "locked-out", "strong-auth-required",
]  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_an_obstacle_is_foretold_and_met_without_a_scan(stage: Stage, cause: str) -> None:
    obstructed(stage, cause)
    result, policy = stage.caller(SELF).can_verify(service=Typed("s", "sudo")).values()
    assert (result, policy["confirm"]) == (cause, "enter")
    result, details = stage.caller(SELF).verify().values()
    assert result == cause
    assert details["reason"]
    assert stage.worker.scans == []


@pytest.mark.parametrize(
    ("cause", "advice"),
    [("not-enrolled", "faceauth add"), ("disabled", "faceauth enable"), ("locked-out", "in 30 s")],
)
def test_what_somebody_can_do_about_it_is_said(stage: Stage, cause: str, advice: str) -> None:
    obstructed(stage, cause)
    assert advice in stage.caller(SELF).verify().values()[1]["reason"]


def test_who_sits_nowhere_may_be_far_away(stage: Stage) -> None:
    """A job of cron's, say, in which a script presses Enter."""
    stage.enrolled()
    stage.environment.around = Surroundings(Place.NOWHERE, lid_closed=False)
    assert stage.caller(ROOT).can_verify(caller=Typed("u", SELF)).values()[0] == "remote"
    result, details = stage.caller(ROOT).verify(caller=Typed("u", SELF)).values()
    assert (result, details["reason"]) == ("remote", "the asking process belongs to no session")
    assert stage.worker.scans == []


@pytest.mark.parametrize(
    ("service", "result"),
    [("", "ready"), ("sddm", "ready"), ("SDDM", "ready"), ("ly", "ready"), ("smtp", "remote")],
)
def test_a_system_service_is_at_the_screen_where_the_configuration_names_it(
    stage: Stage, service: str, result: str
) -> None:
    """A mail server's user may be anywhere, and PAM may not be told."""
    stage.set(replace(CONFIG, services={**CONFIG.services, "ly": ServiceConfig()}))
    stage.store.password_given(USER, stage.parts.now())
    stage.enrolled()
    stage.environment.around = Surroundings(Place.SYSTEM, lid_closed=False)
    named = Typed("s", service)
    assert stage.caller(ROOT).can_verify(service=named).values()[0] == result
    if result == "remote":
        assert stage.caller(ROOT).verify(service=named).values()[0] == "remote"
        assert stage.worker.scans == []


@pytest.mark.parametrize(
    ("caller", "options", "asker"),
    [
        (SELF, {}, SELF),
        (SELF, {"service": "polkit-1"}, SELF),
        (ROOT, {"service": "sudo", "caller": OTHER}, OTHER),
        (ROOT, {"service": "sudo"}, ROOT),
        # Its helper may be a system service, of no session, and asks for who is to be the user.
        (ROOT, {"service": "polkit-1"}, SELF),
    ],
)
def test_logind_is_asked_about_who_asks(
    stage: Stage, caller: int, options: dict[str, Any], asker: int
) -> None:
    typed = {name: Typed("u" if name == "caller" else "s", it) for name, it in options.items()}
    stage.enrolled()
    stage.caller(caller).call("CanVerify", "(sa{sv})", USER, typed).values()
    assert stage.environment.askers == [asker]


def test_a_logind_that_does_not_say_is_no_yes(stage: Stage) -> None:
    stage.enrolled()
    stage.environment.around = Surroundings(Place.UNKNOWN, lid_closed=False)
    assert stage.caller(ROOT).can_verify().values()[0] == "error"
    result, details = stage.caller(ROOT).verify().values()
    assert (result, details["reason"]) == (
        "error",
        "logind does not say whether the session is remote",
    )
    assert stage.worker.scans == []


def test_nothing_in_the_way_is_ready(stage: Stage) -> None:
    stage.enrolled()
    result, policy = stage.caller(SELF).can_verify().values()
    assert (result, policy) == ("ready", {"confirm": "none", "timeout": CONFIG.verify.timeout})
    assert stage.worker.scans == []


@pytest.mark.parametrize(
    ("device", "result"),
    [
        ("auto", "ready"),
        ("cam-1", "ready"),
        ("cam-2", "camera-missing"),
        (("cam-2", "/dev/video99", "cam-1"), "ready"),
        (("cam-2", "/dev/video99"), "camera-missing"),
        ("/dev/null", "camera-missing"),
        ("/nowhere/clip.mp4", "camera-missing"),
        ("/etc/passwd", "ready"),
    ],
)
def test_can_verify_looks_for_the_camera(stage: Stage, device: Device, result: str) -> None:
    stage.enrolled()
    stage.set(replace(CONFIG, camera=CameraConfig(device=device)))
    assert stage.caller(SELF).can_verify().values()[0] == result


def test_can_verify_does_not_wait_for_a_worker_that_starts(stage: Stage) -> None:
    stage.enrolled()
    stage.worker.state, stage.worker.info = "starting", None
    assert stage.caller(SELF).can_verify().values()[0] == "ready"
    assert stage.worker.asked == []


def test_can_verify_makes_a_failed_worker_try_again(stage: Stage) -> None:
    stage.enrolled()
    stage.worker.state, stage.worker.info, stage.worker.text = "failed", None, "no models"
    assert stage.caller(SELF).can_verify().values()[0] == "error"
    assert len(stage.worker.asked) == 1


def test_a_worker_that_does_not_answer_is_an_error(stage: Stage) -> None:
    stage.enrolled()
    stage.worker.cameras = None
    assert stage.caller(SELF).can_verify().values()[0] == "error"


def test_a_template_of_another_model_is_never_compared(stage: Stage) -> None:
    stage.enrolled(model="old-v0")
    result, details = stage.caller(ROOT).verify().values()
    assert result == "not-enrolled"
    assert "enrol again" in details["reason"]
    assert stage.worker.scans == []


def test_the_model_is_checked_again_when_the_camera_is_open(stage: Stage) -> None:
    stage.enrolled(model="old-v0")
    stage.worker.state, stage.worker.info = "starting", None
    answer = stage.caller(ROOT).verify()
    scan = stage.scan()
    stage.worker.info = INFO
    scan.open()
    assert answer.values()[0] == "not-enrolled"
    assert scan.stopped


def test_the_state_is_checked_again_after_logind(stage: Stage) -> None:
    stage.enrolled()
    stage.environment.hold = True
    answer = stage.caller(ROOT).verify()
    run_until(lambda: stage.environment.waiting)
    stage.store.clear_faces(USER)
    stage.environment.release()
    assert answer.values()[0] == "not-enrolled"


@pytest.mark.parametrize(
    ("why", "result"),
    [("missing", "camera-missing"), ("busy", "busy"), ("broken", "error"), ("error", "error")],
)
@pytest.mark.parametrize("opened", [True, False])
def test_a_camera_that_fails_is_no_match(stage: Stage, why: str, result: str, opened: bool) -> None:
    stage.enrolled()
    answer = stage.caller(ROOT).verify()
    scan = stage.scan()
    if opened:
        scan.show(GOOD)
    scan.end(why, "it is gone")  # type: ignore[arg-type]
    assert answer.values()[0] == result
    assert not stage.parts.slot.busy


def test_a_worker_without_models_is_an_error(stage: Stage) -> None:
    stage.enrolled()
    answer = stage.caller(ROOT).verify()
    scan = stage.scan()
    stage.worker.info = None
    scan.open()
    assert answer.values()[0] == "error"


def test_a_cue_without_a_model_is_an_error(stage: Stage) -> None:
    stage.worker.info = replace(INFO, cues={})
    stage.enrolled()
    assert stage.result_of(GOOD, GOOD) == "error"


def uncalibrated(model: str, _fmr: float) -> float:
    raise CalibrationError(f"{model}: nobody has measured it")


def test_an_uncalibrated_model_is_an_error(stage: Stage) -> None:
    stage.enrolled()
    stage.parts.threshold = uncalibrated
    assert stage.result_of(GOOD) == "error"


def test_each_template_gets_a_share_of_the_false_matches(stage: Stage) -> None:
    asked: list[float] = []

    def threshold(model: str, fmr: float) -> float:
        asked.append(fmr)
        return 0.9

    stage.parts.threshold = threshold
    for _ in range(4):
        stage.enrolled()
    stage.result_of(GOOD, GOOD)
    assert asked == pytest.approx([CONFIG.verify.fmr / 4, CONFIG.verify.fmr / 4 / SURER])


def test_too_many_people_to_tell_apart_are_a_refusal_that_says_so(stage: Stage) -> None:
    def threshold(_model: str, fmr: float) -> float:
        if fmr < CONFIG.verify.fmr / 2:
            raise CalibrationError("finer than its calibration")
        return 0.9

    stage.parts.threshold = threshold
    for _ in range(3):
        stage.enrolled()
    answer = stage.caller(ROOT).identify()
    stage.scan().open()
    result, _, details = answer.values()
    assert result == "error"
    assert details["reason"] == "3 faces share the fmr of 0.0001: finer than its calibration"


def test_a_run_is_judged_by_a_threshold_of_its_own(stage: Stage) -> None:
    asked: list[float] = []

    def run_threshold(_model: str, fmr: float) -> float:
        asked.append(fmr)
        return 0.9

    stage.parts.run_threshold = run_threshold
    for _ in range(4):
        stage.enrolled()
    assert stage.result_of(*[GOOD] * CONFIG.verify.frames) == "match"
    assert asked == [pytest.approx(CONFIG.verify.fmr / 4)]
    stage.parts.run_threshold = uncalibrated
    assert stage.result_of(*[GOOD] * CONFIG.verify.frames) == "error"


def test_a_user_is_followed_only_where_a_measurement_says_when_it_is_sure(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "FEW", CONFIG.verify.frames)

    def threshold(_model: str, fmr: float) -> float:
        if fmr < CONFIG.verify.fmr:
            raise CalibrationError("nobody measured that")
        return 0.9

    stage.parts.threshold = threshold
    stage.enrolled()
    assert stage.result_of(*[GOOD] * CONFIG.verify.frames) == "match"
    assert set(stage.worker.scans[-1].every[1:]) == {0.0}
    stage.parts.threshold = lambda _model, _fmr: 0.9
    assert stage.result_of(*[GOOD] * CONFIG.verify.frames) == "match"
    assert set(stage.worker.scans[-1].every) == {EVERY}
    assert stage.worker.scans[-1].enough == CONFIG.verify.frames


def test_an_unforeseen_error_refuses_and_frees_the_camera(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(model: str, fmr: float) -> float:
        raise ZeroDivisionError("0.93")

    stage.enrolled()
    stage.parts.threshold = stumble
    answer = stage.caller(ROOT).verify()
    stage.scan().open()
    result, details = answer.values()
    assert result == "error"
    assert "0.93" not in details["reason"]
    assert "ZeroDivisionError" in caplog.text
    assert stage.scan().stopped
    assert not stage.parts.slot.busy


def test_a_scan_that_cannot_even_begin_leaves_the_camera_free(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError("too many open files")

    stage.enrolled()
    with monkeypatch.context() as patch:
        patch.setattr(stage.worker, "scan", full)
        assert stage.caller(ROOT).verify().error() == "Internal"
    assert stage.result_of(GOOD, GOOD) == "match"


@pytest.mark.parametrize("state", ["starting", "idle"])
def test_models_that_load_take_nothing_of_the_scan_s_time(
    stage: Stage, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[float] = []
    acts: list[Callable[[], object]] = []

    def after(seconds: float, act: Callable[[], object]) -> Callable[[], None]:
        timers.append(seconds)
        acts.append(act)
        return lambda: acts.remove(act)

    stage.enrolled()
    stage.worker.state, stage.worker.info = state, None
    at_most = CONFIG.verify.timeout + LOADING
    result, policy = stage.caller(SELF).can_verify().values()
    assert (result, policy["timeout"]) == ("ready", at_most)
    monkeypatch.setattr(capture, "turns", SimpleNamespace(after=after))
    answer = stage.caller(ROOT).verify()
    scan = stage.scan()
    assert timers == [at_most]
    stage.worker.state, stage.worker.info = "ready", INFO
    scan.show(GOOD)
    assert timers == [at_most, CONFIG.verify.timeout]
    (expire,) = acts
    expire()
    assert answer.values()[0] == "timeout"
    assert scan.stopped


def test_models_that_never_load_end_the_scan(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "LOADING", 0.05)
    stage.set(replace(CONFIG, verify=replace(CONFIG.verify, timeout=0.05)))
    stage.enrolled()
    stage.worker.state, stage.worker.info = "starting", None
    assert stage.caller(ROOT).verify().values()[0] == "timeout"
    assert stage.scan().stopped


@pytest.mark.parametrize("opened", [True, False])
def test_the_deadline_ends_the_scan(stage: Stage, opened: bool) -> None:
    stage.set(replace(CONFIG, verify=replace(CONFIG.verify, timeout=0.05)))
    stage.enrolled()
    answer = stage.caller(ROOT).verify()
    if opened:
        stage.scan().show(GOOD)
    assert answer.values()[0] == "timeout"
    assert stage.scan().stopped


# Lockout


def test_refusals_lead_to_a_lockout_and_waiting_ends_it(stage: Stage) -> None:
    stage.set(replace(CONFIG, lockout=LockoutConfig(attempts=2, first_wait=30)))
    stage.enrolled()
    for _ in range(2):
        assert stage.result_of(*[STRANGE] * 30) == "no-match"
    result, details = stage.caller(ROOT).verify().values()
    assert result == "locked-out"
    assert "30 s" in details["reason"]
    stage.clock += 30
    assert stage.result_of(GOOD, GOOD) == "match"
    assert stage.store.get_lockout(USER) == Lockout()


def test_only_judged_refusals_count(stage: Stage) -> None:
    stage.enrolled()
    assert stage.result_of(*[NOBODY] * 30) == "no-face"
    answer = stage.caller(ROOT).verify()
    stage.scan(1).end("busy", "in use")
    assert answer.values()[0] == "busy"
    assert stage.store.get_lockout(USER).failures == 0


def test_to_cancel_does_not_spare_one_the_lockout(stage: Stage) -> None:
    stage.enrolled()
    caller = stage.caller(SELF)
    answer = caller.verify()
    stage.scan().show(*[STRANGE] * 3)
    caller.call("Cancel").values()
    assert answer.values()[0] == "no-match"
    assert stage.store.get_lockout(USER).failures == 1


def test_a_match_that_cannot_be_recorded_is_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def full(user: str) -> None:
        raise StorageError("the disk is full")

    stage.enrolled()
    monkeypatch.setattr(stage.store, "clear_lockouts", full)
    answer = stage.caller(ROOT).verify()
    stage.scan().show(GOOD, GOOD)
    result, details = answer.values()
    assert result == "error"
    assert "the disk is full" in details["reason"]
    assert 'result="error"' in caplog.text  # the log has it as well


def test_a_scan_that_failed_says_what_failed(stage: Stage) -> None:
    stage.enrolled()
    answer = stage.caller(SELF).verify()
    scan = stage.scan()
    scan.show(STRANGE)
    scan.end("error", "a.jpg is 8000 x 8000 pixels large")
    result, details = answer.values()
    assert result == "error"
    assert "8000" in details["reason"]
