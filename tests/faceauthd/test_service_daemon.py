# SPDX-License-Identifier: MIT
"""Cancel, ListCameras, GetStatus and Reload over the bus."""

from dataclasses import replace
from typing import Any

import pytest

from faceauthd.__main__ import hang_up
from faceauthd.camera.terms import CameraInfo
from faceauthd.config import CameraConfig, Config, ConfigError, ServiceConfig, VerifyConfig
from tests.faceauthd.frames import GOOD
from tests.faceauthd.stage import CONFIG, INFO, OTHER, ROOT, SELF, Stage


def test_cancel_ends_the_caller_s_own_scan(stage: Stage) -> None:
    stage.enrolled()
    caller = stage.caller(SELF)
    answer = caller.verify()
    stage.scan().open()
    caller.call("Cancel").values()
    assert answer.values()[0] == "cancelled"
    assert stage.scan().stopped


def test_cancel_before_the_camera_is_open(stage: Stage) -> None:
    stage.enrolled()
    caller = stage.caller(SELF)
    answer = caller.verify()
    stage.scan()
    caller.call("Cancel").values()
    assert answer.values()[0] == "cancelled"


@pytest.mark.parametrize("uid", [SELF, OTHER, ROOT])
def test_cancel_by_another_connection_ends_nothing(stage: Stage, uid: int) -> None:
    stage.enrolled()
    answer = stage.caller(SELF).verify()
    stage.scan().open()
    stage.caller(uid).call("Cancel").values()
    assert answer.open
    stage.scan().show(GOOD, GOOD)
    assert answer.values()[0] == "match"


def test_cancel_without_a_scan_does_nothing(stage: Stage) -> None:
    assert stage.caller(OTHER).call("Cancel").values() == ()


def test_cameras_are_listed(stage: Stage) -> None:
    infrared = CameraInfo("ir", "IR", "/dev/video2", "uvc", (), True, True, False, "it may not")
    stage.worker.cameras = (infrared,)
    stage.set(replace(CONFIG, camera=CameraConfig(allow_virtual=("Virtual",))))
    (cameras,) = stage.caller(OTHER).call("ListCameras").values()
    assert cameras == [
        {
            "id": "ir", "name": "IR", "node": "/dev/video2", "driver": "uvc", "formats": [],
            "virtual": True, "infrared": True, "usable": False, "reason": "it may not",
        }
    ]  # fmt: skip
    assert stage.worker.asked == [("Virtual",)]


def test_cameras_that_cannot_be_listed_are_an_error(stage: Stage) -> None:
    stage.worker.cameras = None
    assert stage.caller(ROOT).call("ListCameras").error() == "NoCamera"


def test_the_status_says_what_runs(stage: Stage) -> None:
    stage.enrolled()
    (status,) = stage.caller(OTHER).call("GetStatus").values()
    assert status.pop("version")
    assert status == {
        "engine": "fake", "model": "fake-v1", "liveness": {"passive": "m"}, "camera": "auto",
        "worker": "ready", "enrolled": 1, "disabled": False, "warnings": [],
    }  # fmt: skip


OPEN_SUDO = Config(services={"sudo": ServiceConfig(liveness=())})


@pytest.mark.parametrize(
    ("config", "warning"),
    [
        (Config(verify=VerifyConfig(liveness=())), "LIVENESS IS OFF (verify"),
        (OPEN_SUDO, "LIVENESS IS OFF for sudo"),
        (Config(camera=CameraConfig(allow_virtual=("OBS",))), "'OBS' is allowed"),
        (Config(camera=CameraConfig(device="/tmp/clip.mp4")), "the camera is a file"),
    ],
)
def test_the_status_warns_of_what_makes_faceauth_weak(
    stage: Stage, config: Config, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.next_config = lambda: config
    stage.caller(ROOT).call("Reload").values()
    stage.parts.worker.start()
    (status,) = stage.caller(OTHER).call("GetStatus").values()
    assert any(warning in line for line in status["warnings"])
    assert warning in caplog.text  # and loudly in the log


def test_the_status_warns_of_what_does_not_work(stage: Stage) -> None:
    stage.worker.info = replace(INFO, cues={})
    (status,) = stage.caller(ROOT).call("GetStatus").values()
    assert any("no model for the liveness cue 'passive'" in line for line in status["warnings"])
    stage.worker.state, stage.worker.info, stage.worker.text = "failed", None, "no models"
    (status,) = stage.caller(ROOT).call("GetStatus").values()
    assert any("no models" in line for line in status["warnings"])


def test_reload_takes_the_new_configuration_and_a_new_worker(stage: Stage) -> None:
    stage.enrolled()
    stage.next_config = lambda: replace(CONFIG, disabled=True)
    running = stage.caller(ROOT).enroll()
    stage.scan().open()
    stage.caller(ROOT).call("Reload").values()
    assert running.error() == "Cancelled"
    assert running.text() == "the configuration was read again"
    assert stage.worker.state == "stopped"
    assert stage.parts.worker is not stage.worker
    assert stage.caller(SELF).verify().values()[0] == "disabled"


def failing(*_: object) -> Any:
    raise OSError(24, "Too many open files")


@pytest.mark.parametrize("step", ["load", "make_worker"])
def test_an_unforeseen_error_in_a_reload_leaves_the_daemon_as_it_was(
    stage: Stage, step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage.enrolled()
    stage.next_config = lambda: replace(CONFIG, disabled=True)
    with monkeypatch.context() as patch:
        patch.setattr(stage.parts, step, failing)
        assert hang_up(stage.service)  # GLib calls again at the next one
        assert "unforeseen error" in caplog.text
        assert stage.caller(ROOT).call("Reload").error() == "Internal"
    assert stage.parts.worker is stage.worker
    assert stage.worker.state == "ready"
    assert stage.caller(SELF).can_verify().values()[0] == "ready"
    assert hang_up(stage.service)
    assert stage.caller(SELF).can_verify().values()[0] == "disabled"


def test_a_wrong_configuration_is_refused_and_the_old_one_stays(stage: Stage) -> None:
    def wrong() -> Config:
        raise ConfigError("config.toml: verify.frmaes: unknown key; did you mean 'frames'?")

    stage.enrolled()
    stage.next_config = wrong
    answer = stage.caller(ROOT).call("Reload")
    assert answer.error() == "InvalidArgument"
    assert "did you mean 'frames'?" in answer.text()
    assert stage.parts.worker is stage.worker
    assert stage.caller(SELF).can_verify().values()[0] == "ready"
