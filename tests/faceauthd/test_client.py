# SPDX-License-Identifier: MIT
"""The client class, mirrored against the service; and a daemon that is not there."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import Field, fields
from inspect import getmembers, isfunction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from gi.repository import GLib

from faceauthd import accounts, client, contract, environment, gate, setting, watching
from faceauthd.bus import Bus
from faceauthd.calls import Call
from faceauthd.client import DaemonUnreachableError, FaceAuth
from faceauthd.config import CHALLENGE, Config, EnrollConfig, VerifyConfig
from faceauthd.policy import for_service
from faceauthd.results import (
    BUS_NAME,
    ERRORS,
    OBJECT_PATH,
    FaceAuthError,
    InternalError,
    InvalidArgumentError,
    NotEnrolledError,
)
from faceauthd.verification import LOADING
from tests.faceauthd.frames import GOOD, NOBODY, SEVERAL
from tests.faceauthd.stage import USER, Stage, run_until
from tests.harness.bus import HANG_GUARD, PrivateBus
from tests.harness.data import ROOT


@pytest.fixture
def daemon(stage: Stage) -> Iterator[FaceAuth]:
    """A client who is root to the stage."""
    with FaceAuth(stage.address) as client:
        stage.bus.uids[client._bus._bus.con.get_unique_name()] = 0
        yield client


def camera_shows(stage: Stage, *changes: object) -> None:
    """Show these frames once a scan has begun, while the client waits for its answer."""

    def show() -> bool:
        if not stage.worker.scans:
            return True
        stage.worker.scans[-1].show(*changes)
        return False

    GLib.timeout_add(5, show)


def test_every_method_of_the_contract_has_its_mirror() -> None:
    xml = ElementTree.fromstring(contract.FILE.read_text())  # noqa: S314 (a file of our own)
    snake = {
        "".join("_" + c.lower() if c.isupper() else c for c in str(method.get("name")))[1:]
        for method in xml.iter("method")
    }
    own = {name for name, _ in getmembers(FaceAuth, isfunction) if not name.startswith("_")}
    assert snake == own - {"close"}


def most(one: "Field[Any]") -> float:
    """The largest value that a setting allows: the last word of what it says of itself."""
    return float(setting.kind_of(one).allowed.rpartition(" ")[2])


def test_no_call_is_given_up_before_the_daemon_would_answer() -> None:
    slowest: dict[str, Any] = {
        one.name: most(one)
        for one in fields(VerifyConfig)
        if one.name in ("timeout", "challenge_steps", "challenge_timeout")
    }
    policy = for_service(Config(verify=VerifyConfig(liveness=(CHALLENGE,), **slowest)), "")
    # Until the camera is open, and from then on: capture.py.
    verify = LOADING + 2 * policy.deadline
    (enroll,) = (most(one) for one in fields(EnrollConfig) if one.name == "timeout")
    before = gate.PERSON + accounts.TIMEOUT
    assert before < client.PERSON
    assert before + 5 * environment.TIMEOUT + max(verify, enroll) < client.SCAN
    assert client.WATCH > watching.LONGEST


def test_verify_and_its_hints(stage: Stage, daemon: FaceAuth) -> None:
    stage.enrolled()
    assert daemon.can_verify(USER, service="sudo")[1]["confirm"] == "enter"
    hints: list[tuple[str, float]] = []
    camera_shows(stage, GOOD, GOOD)
    result, details = daemon.verify(USER, on_progress=lambda *hint: hints.append(hint))
    assert result == "match"
    assert details["frames"] == 2
    assert hints == [("scanning", 0.0)]


def test_identify(stage: Stage, daemon: FaceAuth) -> None:
    stage.enrolled()
    camera_shows(stage, GOOD, GOOD)
    assert daemon.identify()[:2] == ("match", USER)


def test_enroll_and_what_is_done_with_faces(stage: Stage, daemon: FaceAuth) -> None:
    camera_shows(stage, GOOD, GOOD, GOOD)
    face = daemon.enroll(USER, "me")
    daemon.rename_face(USER, face, "still me")
    assert [(each["id"], each["label"]) for each in daemon.list_faces(USER)] == [(face, "still me")]
    daemon.remove_face(USER, face)
    with pytest.raises(NotEnrolledError, match="no such face"):
        daemon.remove_face(USER, face)
    assert daemon.clear_faces(USER) == 0


def test_enroll_from_a_file(stage: Stage, daemon: FaceAuth, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"frames")
    camera_shows(stage, GOOD, GOOD, GOOD)
    with (tmp_path / "clip").open("rb") as file:
        daemon.enroll(USER, source_fd=file.fileno())
        assert file.read() == b"frames"  # it stays the caller's, and open
    assert stage.worker.scans[0].fd is not None


def test_the_daemon_s_own_affairs(stage: Stage, daemon: FaceAuth) -> None:
    assert daemon.list_cameras()[0]["id"] == "cam-1"
    assert daemon.get_status()["worker"] == "ready"
    daemon.cancel()
    daemon.password_given(USER, service="login")
    assert stage.store.last_password(USER) == stage.parts.now()
    daemon.reload()
    assert stage.parts.worker is not stage.worker


@pytest.mark.parametrize("kind", ERRORS.values())
def test_errors_come_back_as_what_they_were(
    stage: Stage, daemon: FaceAuth, kind: type[FaceAuthError]
) -> None:
    stage.service.handlers["GetStatus"] = lambda call: call.fail(kind("what and how to mend it"))
    with pytest.raises(kind, match=r"^what and how to mend it$") as caught:
        daemon.get_status()
    assert type(caught.value) is kind


@pytest.mark.parametrize("text", ["\udcff", "a\0b", "x" * 10_000])
def test_text_that_cannot_be_is_one_line(daemon: FaceAuth, text: str) -> None:
    for call in (daemon.verify, daemon.list_faces, daemon.clear_faces):
        with pytest.raises(InvalidArgumentError) as caught:
            call(text)
        assert "\n" not in str(caught.value)


def test_another_version_is_said_to_be_one(stage: Stage, daemon: FaceAuth) -> None:
    with pytest.raises(InternalError, match="another version"):
        daemon._call("Later")
    with pytest.raises(InternalError, match="another version"):
        daemon._call("Verify", "(s)", USER)


def test_no_daemon_is_unreachable(private_bus: PrivateBus) -> None:
    with FaceAuth(private_bus.address) as client, pytest.raises(DaemonUnreachableError) as caught:
        client.get_status()
    assert "systemctl status faceauthd" in str(caught.value)


def test_no_bus_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachableError):
        FaceAuth(f"unix:path={tmp_path / 'nothing'}")


def test_the_bus_of_the_environment_is_taken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", stage.address)
    with FaceAuth() as client, pytest.raises(FaceAuthError) as caught:
        client.get_status()
    assert not isinstance(caught.value, DaemonUnreachableError)


def test_a_daemon_that_leaves_while_it_is_asked_is_unreachable(private_bus: PrivateBus) -> None:
    leaving = Bus(private_bus.address)

    def leave(_call: Call) -> None:
        leaving.close()

    xml = '<node><interface name="org.faceauth.FaceAuth1.Manager"><method name="GetStatus"/>'
    leaving.publish(OBJECT_PATH, f"{xml}</interface></node>", {"GetStatus": leave})
    leaving.own(BUS_NAME)
    with FaceAuth(private_bus.address) as client, pytest.raises(DaemonUnreachableError):
        client.get_status()


WAITS = """
import signal, sys
from faceauthd.client import FaceAuth
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    FaceAuth(sys.argv[1]).verify("daemon", on_progress=lambda *hint: print(hint, flush=True))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_cancels_the_scan_and_goes_on(stage: Stage) -> None:
    stage.enrolled()
    stage.bus.uids = AnybodyIsRoot()
    client = subprocess.Popen([sys.executable, "-c", WAITS, stage.address], cwd=ROOT)
    stage.scan().open()
    client.send_signal(signal.SIGINT)
    run_until(lambda: stage.scan().stopped)
    assert client.wait(HANG_GUARD) == 130


@pytest.mark.parametrize("error", [SystemExit(4), RuntimeError("no room for a picture")])
def test_what_a_listener_raises_ends_the_scan_and_is_raised(
    error: BaseException, stage: Stage, daemon: FaceAuth
) -> None:
    stage.enrolled()
    seen: list[str] = []

    def listen(hint: str, _fraction: float) -> None:
        seen.append(hint)
        raise error

    camera_shows(stage, NOBODY, SEVERAL)
    with pytest.raises(type(error), match=str(error)):
        daemon.verify(USER, on_progress=listen)
    assert stage.scan().stopped
    assert len(seen) == 1


class AnybodyIsRoot(dict[str, int]):
    def __missing__(self, sender: str) -> int:
        return 0
