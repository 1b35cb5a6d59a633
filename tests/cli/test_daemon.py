# SPDX-License-Identifier: MIT
"""The whole way: the installed script, the real daemon and worker, a real clip as the camera."""

import json
import os
import pwd
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.conftest import HANG_GUARD, SCRIPT, Outcome, Run, needs_root, one_line
from tests.harness.bus import PrivateBus
from tests.harness.daemon import Daemon, running_daemon
from tests.harness.data import SHARED, needs

CLIP = SHARED / "video" / "talking-head" / "liveportrait_d0.mp4"
OTHER = SHARED / "video" / "talking-head" / "liveportrait_d10.mp4"
USER = pwd.getpwuid(os.getuid()).pw_name

CONFIG = """
engine = "dlib"
models_dir = "{folder}/models"

[camera]
device = "{folder}/camera"
paced = false

[verify]
frames = 5
timeout = 60  # as much as may be: the machine may be busy
liveness = []  # so that the whole of it runs with the models of a Python package

[enroll]
frames = 5
"""

pytestmark = needs("video/talking-head")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("daemon")
    (folder / "models").mkdir()
    (folder / "state").mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[tuple[PrivateBus, Daemon]]:
    with ExitStack() as stack:
        bus = stack.enter_context(PrivateBus())
        config = CONFIG.format(folder=folder)
        show(folder, CLIP)
        yield bus, stack.enter_context(running_daemon(bus, config, folder / "state"))


def show(folder: Path, clip: Path) -> None:
    """From its next scan on the camera shows this."""
    (folder / "next").symlink_to(clip)
    (folder / "next").replace(folder / "camera")


@pytest.fixture
def faceauth(running: tuple[PrivateBus, Daemon]) -> Callable[..., Outcome]:
    """The installed script, without a terminal, with the daemon's configuration as its own."""
    bus, daemon = running
    environment = {**bus.environment(), "FACEAUTH_CONFIG": str(daemon.config)}

    def run(*arguments: str | bytes | Path) -> Outcome:
        done = subprocess.run(
            [SCRIPT, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            timeout=HANG_GUARD,
        )
        return Outcome(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))

    return run


@needs_root
def test_enrol_verify_rename_remove(faceauth: Run, folder: Path) -> None:
    assert faceauth("verify", USER).status == 4  # not enrolled
    answer = json.loads(faceauth("add", USER, "-l", "büro", "--from-video", CLIP, "--json").out)
    face = answer["face"]
    assert json.loads(faceauth("list", USER, "--json").out)["faces"][0]["label"] == "büro"

    verdict = json.loads(faceauth("verify", USER, "--json").out)
    assert verdict["result"] == "match"
    assert verdict["score"] >= verdict["threshold"]
    who = json.loads(faceauth("identify", "--json").out)
    assert (who["result"], who["user"]) == ("match", USER)

    show(folder, OTHER)
    outcome = faceauth("verify", USER)
    assert (outcome.status, outcome.out.split()[0]) == (1, "no-match")
    show(folder, CLIP)

    assert faceauth("rename", "büro", "desk", "-u", USER).status == 0
    assert faceauth("remove", "desk", "-u", USER).out == f"Removed {face} of {USER}\n"
    assert faceauth("list", USER).out == f"{USER} has no enrolled face\n"


@needs_root
def test_enrol_from_a_folder_of_images_and_clear(faceauth: Run, tmp_path: Path) -> None:
    import cv2

    film = cv2.VideoCapture(str(CLIP))
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), film.read()[1])
    film.release()
    outcome = faceauth("add", USER, "--from-images", tmp_path)
    assert (outcome.status, outcome.err) == (0, "")
    assert faceauth("clear", USER, "--yes").out == f"Removed 1 face of {USER}\n"


@needs_root
@pytest.mark.parametrize(
    ("name", "content"),
    [("noise.mp4", bytes(range(256)) * 16), ("cut.png", b"\x89PNG\r\n\x1a\n\0\0")],
)
def test_frames_that_cannot_be_read_enrol_nobody(
    name: str, content: bytes, faceauth: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    for arguments in (["--from-video", tmp_path / name], ["--from-images", tmp_path]):
        outcome = faceauth("add", USER, *arguments)
        assert outcome.status in (1, 2, 4)
        one_line(outcome)
    assert json.loads(faceauth("list", USER, "--json").out)["faces"] == []


@needs_root
def test_what_the_daemon_refuses_is_one_line(faceauth: Run) -> None:
    cases: list[list[str | bytes | Path]] = [
        ["add", USER, "-l", "x" * 10_000, "--from-video", CLIP],
        ["add", USER, "-l", "a\nb", "--from-video", CLIP],
        ["add", "nobody-by-this-name", "--from-video", CLIP],
        ["list", "u" * 300],
    ]
    for arguments in cases:
        outcome = faceauth(*arguments)
        assert outcome.status == 2, outcome
        one_line(outcome)


def test_status_warns_of_what_runs_without_liveness(faceauth: Run) -> None:
    outcome = faceauth("status")
    assert outcome.status == 0
    assert outcome.out.startswith("WARNING: ")
    status = json.loads(faceauth("status", "--json").out)
    assert status["engine"] == "dlib"
    assert status["worker"] in ("starting", "ready")  # it may still be loading its models
    assert any("liveness" in warning for warning in status["warnings"])


def test_cameras_are_listed(faceauth: Run) -> None:
    assert isinstance(json.loads(faceauth("cameras", "--json").out)["cameras"], list)


@needs_root
def test_a_changed_setting_is_in_effect_at_once(faceauth: Run) -> None:
    outcome = faceauth("config", "set", "disabled", "true")
    assert (outcome.status, outcome.err) == (0, "")
    assert json.loads(faceauth("status", "--json").out)["disabled"] is True
    assert faceauth("verify", USER).status == 4
    assert faceauth("config", "set", "disabled", "false").status == 0
    assert json.loads(faceauth("status", "--json").out)["disabled"] is False
