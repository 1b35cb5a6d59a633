# SPDX-License-Identifier: MIT
"""The worker process as the supervisor meets it: orders in, reports out, and its end."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from faceauthd import messages, wire
from faceauthd.camera.preview import received
from faceauthd.config import CameraConfig
from faceauthd.engine import WorkerSupervisor
from faceauthd.worker_process import ENVIRONMENT
from faceauthd.worker_spec import WorkerSpec
from models.install import install
from tests.faceauthd.films import number_of, write_clip
from tests.faceauthd.supervised import GUARD, Record, Script, run_until
from tests.faceauthd.worker_script import READY
from tests.harness.data import SHARED, needs


class Line:
    """The daemon's end of the line to a worker."""

    def __init__(self, script: Script) -> None:
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(GUARD)
        with theirs:
            self.process = subprocess.Popen(
                script.command(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=ENVIRONMENT,
            )

    def scan(self, number: int, clip: Path) -> None:
        """Has it scan with ``clip`` in place of a camera."""
        camera = CameraConfig(device=str(clip), paced=False)
        with clip.open("rb") as file:
            wire.send(self.sock, messages.Scan(number, camera, ("passive",), True), file.fileno())

    def reports(self) -> Iterator[messages.Report]:
        while (report := wire.receive_report(self.sock)) is not None:
            yield report

    def until(self, kind: type[messages.Report]) -> list[messages.Report]:
        """The reports up to the first of this kind."""
        seen = []
        for report in self.reports():
            seen.append(report)
            if isinstance(report, kind):
                return seen
        raise AssertionError(f"only {seen}")

    def ends(self) -> tuple[int, str]:
        """The exit status and stderr; stdout must be empty."""
        out, err = self.process.communicate(timeout=GUARD)
        assert out == ""
        return self.process.returncode, err


@contextmanager
def spoken(script: Script) -> Iterator[Line]:
    line = Line(script)
    try:
        yield line
    finally:
        line.sock.close()
        line.process.kill()
        line.process.communicate()


@pytest.fixture
def line() -> Iterator[Line]:
    with spoken(Script("honest")) as line:
        yield line


def test_a_scan_as_it_is_spoken_of(line: Line, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 3)
    assert line.until(messages.Ready) == [READY]
    line.scan(7, clip)
    opened, *frames = line.until(messages.Judged)
    assert opened == messages.Opened(7, "file:clip.avi", "clip.avi")
    wire.send(line.sock, messages.Stop(7))
    *frames, ended = line.until(messages.Ended)
    assert all(isinstance(report, messages.Judged) for report in frames)
    assert ended == messages.Ended(7, "stopped", "")
    wire.send(line.sock, messages.Stop(7))  # late
    wire.send(line.sock, messages.ListCameras(8, ()))
    assert isinstance(line.until(messages.Cameras)[-1], messages.Cameras)


def test_it_shows_what_it_sees(line: Line, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 3)
    line.until(messages.Ready)
    line.scan(7, clip)
    line.until(messages.Opened)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            wire.send(line.sock, messages.Show(7), theirs.fileno())
        ours.settimeout(GUARD)
        index = int.from_bytes(ours.recv(8, socket.MSG_PEEK), "little")  # waits for the first
        ours.settimeout(None)
        shown = dict(received(ours))
        assert number_of(shown[index]) == index % 3, "the clip of three frames runs round"
        wire.send(line.sock, messages.Stop(7))
        line.until(messages.Ended)
        ours.settimeout(GUARD)
        while ours.recv(1):  # until the other end is closed
            continue


def test_a_socket_for_a_scan_that_is_over_is_closed(line: Line) -> None:
    line.until(messages.Ready)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            wire.send(line.sock, messages.Show(7), theirs.fileno())
        ours.settimeout(GUARD)
        assert ours.recv(1) == b""


def test_it_ends_when_the_daemon_hangs_up(line: Line, tmp_path: Path) -> None:
    line.until(messages.Ready)
    line.scan(1, write_clip(tmp_path / "clip.avi", 3))
    line.until(messages.Judged)
    line.sock.close()
    status, _ = line.ends()
    assert status == 0


@pytest.mark.parametrize("nonsense", [b"{}", b"\xff", b'{"do":"stop","id":"1"}', b"x" * 65537])
def test_it_takes_no_nonsense(line: Line, nonsense: bytes) -> None:
    line.until(messages.Ready)  # its other thread is at its end, and says nothing more
    line.sock.send(nonsense)
    status, err = line.ends()
    assert status == 1
    assert err.startswith("faceauth-worker: ")
    assert len(err.splitlines()) == 1


def test_it_scans_once_at_a_time(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 3)
    # The first waits for models that never load, and so says nothing at its own end.
    with spoken(Script("patient", str(tmp_path / "never"))) as line:
        line.scan(1, clip)
        line.scan(2, clip)
        status, err = line.ends()
    assert (status, err) == (1, "faceauth-worker: a scan during a scan\n")


def test_a_daemon_that_is_not_the_parent_is_not_served() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        command = [*Script("honest").command(theirs.fileno())]
        command[command.index(str(os.getpid()))] = "1"
        subprocess.run(
            command, pass_fds=(theirs.fileno(),), check=True, timeout=GUARD, env=ENVIRONMENT
        )
        theirs.close()
        assert wire.receive_report(ours) is None


def test_a_wrong_command_line_is_refused() -> None:
    command = (sys.executable, "-m", "faceauthd.worker", "three")
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stdout == ""


@needs("video/talking-head")
@needs("models/minifasnet")
def test_real_models_judge_a_real_clip(tmp_path: Path) -> None:
    install("minifasnet", tmp_path, SHARED / "models" / "minifasnet")
    supervisor = WorkerSupervisor(WorkerSpec("dlib", tmp_path, 60))
    supervisor.start()
    clip = SHARED / "video/talking-head/liveportrait_d0.mp4"
    record = Record().start(supervisor, clip)
    run_until(lambda: len(record.frames) >= 3 or record.ended)
    record.stop()
    run_until(lambda: record.ended)
    info = supervisor.info
    assert info is not None
    assert (info.engine, info.dimension) == ("dlib", 128)
    assert set(info.cues["passive"]) == {"faceauth-v2", "border", "minifasnet-v2"}
    assert record.why == "stopped"
    first, second, *_ = record.frames
    for seen in (first, second):
        assert seen.faces == 1
        assert seen.embedding is not None
        assert seen.box is not None
        assert seen.box.width > 60
        assert seen.liveness.keys() == info.cues["passive"].keys()
    assert first.embedding is not None
    assert second.embedding is not None
    assert float(np.dot(first.embedding, second.embedding)) > 0.95  # one person, 40 ms apart
    supervisor.stop()


def test_missing_models_are_named(tmp_path: Path) -> None:
    supervisor = WorkerSupervisor(WorkerSpec("mobilefacenet", tmp_path, 60))
    supervisor.start()
    run_until(lambda: supervisor.state == "failed")
    assert "is not installed" in supervisor.text
    supervisor.stop()
