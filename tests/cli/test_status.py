# SPDX-License-Identifier: MIT
"""status and cameras: what runs, what there is, and what somebody should worry about."""

import json
import re
from typing import Any

from cli.exits import Exit
from tests.cli.conftest import Run

STATUS = {
    "version": "0.1.0",
    "engine": "dlib",
    "model": "dlib-resnet-v1",
    "liveness": {"passive": "minifasnet-v2"},
    "camera": "auto",
    "worker": "ready",
    "enrolled": 2,
    "disabled": False,
    "warnings": [],
}
CAMERA = {
    "id": "usb-Camera",
    "name": "Camera \x1b[5m",
    "node": "/dev/video0",
    "driver": "uvcvideo",
    "formats": ["MJPG", "YUYV"],
    "virtual": False,
    "infrared": False,
    "usable": True,
    "reason": "",
}


def test_status_says_what_runs(daemon: Any, faceauth: Run) -> None:
    daemon.get_status.return_value = STATUS
    outcome = faceauth("status")
    assert outcome.status == Exit.DONE
    for word in ("0.1.0", "ready", "dlib-resnet-v1", "minifasnet-v2", "2 users"):
        assert word in outcome.out
    assert "WARNING" not in outcome.out


def test_a_warning_comes_first_and_loud(daemon: Any, faceauth: Run) -> None:
    warning = "sudo runs without liveness: a photograph of the user is let in"
    daemon.get_status.return_value = {**STATUS, "warnings": [warning], "liveness": {}}
    outcome = faceauth("status")
    assert outcome.out.splitlines()[0] == f"WARNING: {warning}"
    assert json.loads(faceauth("status", "--json").out)["warnings"] == [warning]


def test_status_of_a_daemon_without_anything(daemon: Any, faceauth: Run) -> None:
    daemon.get_status.return_value = {
        **STATUS,
        **{"engine": "", "model": "", "camera": "", "liveness": {}, "disabled": True},
    }
    out = faceauth("status").out
    assert "disabled" in out
    assert re.search(r"^model +none yet$", out, re.MULTILINE)
    assert re.search(r"^liveness +none yet$", out, re.MULTILINE)


def test_a_worker_without_a_liveness_model_has_none(daemon: Any, faceauth: Run) -> None:
    daemon.get_status.return_value = {**STATUS, "liveness": {}}
    assert re.search(r"^liveness +none$", faceauth("status").out, re.MULTILINE)


def test_cameras(daemon: Any, faceauth: Run) -> None:
    unusable = {**CAMERA, "virtual": True, "usable": False, "reason": "it is a virtual camera"}
    daemon.list_cameras.return_value = [CAMERA, unusable]
    outcome = faceauth("cameras")
    assert outcome.status == Exit.DONE
    assert "\x1b" not in outcome.out
    assert "no: it is a virtual camera" in outcome.out
    assert json.loads(faceauth("cameras", "--json").out) == {"cameras": [CAMERA, unusable]}


def test_no_camera_is_an_answer(daemon: Any, faceauth: Run) -> None:
    daemon.list_cameras.return_value = []
    assert faceauth("cameras") == (Exit.DONE, "no camera found\n", "")
