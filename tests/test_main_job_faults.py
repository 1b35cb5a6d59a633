# SPDX-License-Identifier: MIT
"""When something is missing, dead or busy: a refusal, no noise, and the password still works.

The impostor on the bus and the lying reply are in tests/pam_module.
"""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from faceauthd.results import FaceAuthError, Result
from tests.harness import clips, pictured
from tests.harness.bus import HANG_GUARD
from tests.harness.rig import Rig
from tests.harness.watch import FileWatch, until

# A picture stands before the camera, so liveness is off; an empty scene is watched for long.
CONFIG = "[verify]\nliveness = []\nno_face_timeout = 60\ntimeout = 60\n"
SCANNING = ["faceauth", "verify", "alice"]


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    return clips.from_picture(folder / "face.avi", pictured.somebody(), count=45)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.empty_scene(tmp_path_factory.mktemp("scenes") / "empty.avi", count=30)


@pytest.fixture
def rig(face: Path) -> Iterator[Rig]:
    """A machine of alice, who is enrolled, and bob, who is not."""
    with Rig(face, config=CONFIG) as rig:
        rig.enrol("alice", face)
        yield rig


def refused_quietly(rig: Rig, user: str) -> None:
    """The face is no way in, says nothing on stderr, and leaves the password its turn."""
    alone = rig.pam("face", user)
    assert alone.code == "AUTHINFO_UNAVAIL", alone
    assert not alone.errors
    by_password = rig.pam("login", user, answers=f"{user}\n")
    assert by_password.code == "SUCCESS", by_password
    by_wrong_password = rig.pam("login", user, answers="wrong\n")
    assert by_wrong_password.code == "AUTH_ERR", by_wrong_password
    assert not by_wrong_password.errors


def test_the_enrolled_face_gets_in(rig: Rig) -> None:
    """What all refusals below are measured against."""
    assert rig.pam("login", "alice", answers="").code == "SUCCESS"


def test_without_an_enrolled_face(rig: Rig) -> None:
    refused_quietly(rig, "bob")


def test_after_the_face_was_removed(rig: Rig) -> None:
    with rig.client() as daemon:
        daemon.clear_faces("alice")
    refused_quietly(rig, "alice")


def test_with_the_daemon_dead(rig: Rig) -> None:
    rig.daemon.stop(signal.SIGKILL)
    refused_quietly(rig, "alice")


def test_with_the_daemon_hung(rig: Rig) -> None:
    rig.daemon.process.send_signal(signal.SIGSTOP)
    try:
        refused_quietly(rig, "alice")
    finally:
        rig.daemon.process.send_signal(signal.SIGCONT)


def test_with_the_camera_gone(rig: Rig, face: Path) -> None:
    rig.camera_link.unlink()
    refused_quietly(rig, "alice")
    rig.show(face)
    assert rig.pam("face", "alice").code == "SUCCESS"


def test_with_its_worker_killed_during_a_scan(rig: Rig, face: Path, empty: Path) -> None:
    """A refusal, a new worker, and no restart of the daemon."""
    rig.show(empty)
    before = rig.daemon.log().count("camera open")
    with scan(rig) as scanning:
        # The daemon opens the file; a worker that was not told of it yet leaves it to the next.
        until(lambda: rig.daemon.log().count("camera open") > before)
        rig.kill_worker()
        assert scanning.wait(HANG_GUARD) == 4
    rig.show(face)
    assert rig.pam("face", "alice").code == "SUCCESS"


def test_a_second_scan_is_told_busy_at_once(rig: Rig, face: Path, empty: Path) -> None:
    rig.show(empty)
    with FileWatch(empty) as camera, scan(rig) as scanning:
        camera.opened()
        with rig.client() as second:
            assert second.verify("alice", service="face")[0] == Result.BUSY
            with pytest.raises(FaceAuthError, match="another scan"):
                second.enroll("alice")
        assert rig.pam("face", "alice").code == "AUTHINFO_UNAVAIL"
        assert scanning.poll() is None, "the first scan goes on"


def test_a_caller_that_dies_closes_the_camera(rig: Rig, face: Path, empty: Path) -> None:
    rig.show(empty)
    with FileWatch(empty) as camera, scan(rig) as scanning:
        camera.opened()
        scanning.kill()
        camera.closed()
    rig.show(face)
    assert rig.pam("face", "alice").code == "SUCCESS", "and the daemon is free again"


def test_an_application_that_dies_closes_the_camera(rig: Rig, empty: Path) -> None:
    """pamtester killed while the PAM module waits: the module dies with it, and its call too."""
    rig.show(empty)
    application = ["pamtester", "face", "alice", "authenticate"]
    with FileWatch(empty) as camera, scan(rig, application) as scanning:
        camera.opened()
        scanning.kill()
        camera.closed()


def test_cancel_closes_the_camera(rig: Rig, empty: Path) -> None:
    rig.show(empty)
    with FileWatch(empty) as camera, scan(rig) as scanning:
        camera.opened()
        scanning.send_signal(signal.SIGINT)
        camera.closed()
        assert scanning.wait(HANG_GUARD) == 130


def test_a_locked_out_face_is_told_so(rig: Rig, tmp_path: Path) -> None:
    """Five judged refusals, and then MAXTRIES without the camera; the password still works."""
    rig.show(clips.from_picture(tmp_path / "other.avi", pictured.somebody_else(), count=45))
    codes = [rig.pam("face", "alice").code for _ in range(6)]
    assert codes == ["AUTH_ERR"] * 5 + ["MAXTRIES"]
    assert rig.pam("login", "alice", answers="alice\n").code == "SUCCESS"


@contextmanager
def scan(rig: Rig, command: Sequence[str] = SCANNING) -> Iterator[subprocess.Popen[bytes]]:
    """A scan of alice by a process of its own, which does not outlive the test."""
    with subprocess.Popen(
        list(command),
        env=rig.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
