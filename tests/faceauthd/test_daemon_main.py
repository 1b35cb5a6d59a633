# SPDX-License-Identifier: MIT
"""The real daemon as a process of its own: how it starts, ends, and what it holds."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceauthd.bus import Bus
from faceauthd.camera.terms import PASSED_FILE_ID
from faceauthd.client import FaceAuth
from faceauthd.results import EnrollFailedError, InvalidArgumentError
from faceauthd.store import Store
from faceauthd.vault import KEY_FILE, Vault, load_key
from tests.faceauthd.stage import run_until
from tests.harness.bus import HANG_GUARD, PrivateBus, end
from tests.harness.daemon import Daemon, daemon_command, running_daemon
from tests.harness.data import ROOT, SHARED, needs
from tests.packaging.unit_filter import setting

MODEL, DIMENSION = "dlib-resnet-v1", 128
CLIPS = SHARED / "video" / "talking-head"


def config(camera: Path, *, paced: bool = False, nobody: float = 0.5) -> str:
    """The scan ends after so many seconds of the camera's without anybody."""
    return f"""
engine = "dlib"
[camera]
device = "{camera}"
paced = {str(paced).lower()}
[verify]
liveness = []
frames = 3
timeout = 60
no_face_timeout = {nobody}
[enroll]
frames = 3
"""


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera that looks at a wall."""
    folder = tmp_path_factory.mktemp("wall")
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((240, 320, 3), 128 + number, np.uint8))
    return folder


def enrolled(state: Path, user: str = "root") -> None:
    """Put somebody's face into the state folder, before the daemon starts."""
    vector = np.ones((1, DIMENSION), np.float32) / np.sqrt(np.float32(DIMENSION))
    store = Store(state, Vault(load_key(state)))
    store.add_face(user, "", engine="dlib", model=MODEL, camera=PASSED_FILE_ID, vectors=vector)
    store.close()


@pytest.fixture
def daemon(private_bus: PrivateBus, tmp_path: Path, wall: Path) -> Iterator[Daemon]:
    enrolled(tmp_path / "state")
    with running_daemon(private_bus, config(wall), tmp_path / "state") as daemon:
        yield daemon


# How it ends before it begins


def run_to_end(bus: PrivateBus, file: Path, state: Path) -> subprocess.CompletedProcess[str]:
    """Run a daemon that cannot start."""
    return subprocess.run(
        daemon_command(bus, file, state),
        cwd=ROOT,
        check=False,
        text=True,
        capture_output=True,
        timeout=HANG_GUARD,
    )


def is_one_clear_line(log: str) -> bool:
    return "Traceback" not in log and log.strip().count("\n") == 0


def test_a_wrong_command_line_is_2(private_bus: PrivateBus, tmp_path: Path) -> None:
    command = [*daemon_command(private_bus, tmp_path, tmp_path), "--verbose"]
    assert subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 2


@pytest.mark.parametrize("text", ["engine = 3", "verify.frmaes = 1", "[", "verify.fmr = 0.5"])
def test_a_wrong_configuration_is_6(private_bus: PrivateBus, tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    ended = run_to_end(private_bus, tmp_path / "config.toml", tmp_path / "state")
    assert ended.returncode == 6
    assert "config.toml" in ended.stderr
    assert is_one_clear_line(ended.stderr)
    assert not (tmp_path / "state").exists()


def wrong_key(state: Path) -> None:
    (state / KEY_FILE).write_bytes(os.urandom(32))


def lost_key(state: Path) -> None:
    (state / KEY_FILE).unlink()


def damaged_store(state: Path) -> None:
    (state / "faceauth.db").write_bytes(b"no database" * 1000)


@pytest.mark.parametrize("damage", [wrong_key, lost_key, damaged_store])
def test_a_damaged_store_is_7(
    private_bus: PrivateBus, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    state, file = tmp_path / "state", tmp_path / "config.toml"
    enrolled(state)
    damage(state)
    before = (state / "faceauth.db").read_bytes()
    file.write_text("")
    ended = run_to_end(private_bus, file, state)
    assert ended.returncode == 7
    assert is_one_clear_line(ended.stderr)
    assert (state / "faceauth.db").read_bytes() == before


def test_no_bus_is_8(tmp_path: Path) -> None:
    with PrivateBus() as bus:
        pass
    (tmp_path / "config.toml").write_text("")
    ended = run_to_end(bus, tmp_path / "config.toml", tmp_path / "state")
    assert ended.returncode == 8
    assert is_one_clear_line(ended.stderr)


def test_a_second_daemon_is_8_and_the_first_stays(
    private_bus: PrivateBus, daemon: Daemon, tmp_path: Path
) -> None:
    ended = run_to_end(private_bus, daemon.config, tmp_path / "other state")
    assert ended.returncode == 8
    assert "another faceauthd" in ended.stderr
    with FaceAuth(private_bus.address) as client:
        assert client.get_status()["enrolled"] == 1


# How it ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_with_0_and_leaves_nothing(
    daemon: Daemon, number: signal.Signals
) -> None:
    worker = worker_of(daemon)
    assert daemon.stop(number) == 0
    assert not Path(f"/proc/{worker}").exists()


def test_without_its_bus_it_ends_with_8(tmp_path: Path, wall: Path) -> None:
    with PrivateBus() as bus, running_daemon(bus, config(wall), tmp_path / "state") as daemon:
        end(bus._process)
        assert daemon.process.wait(HANG_GUARD) == 8


def test_systemd_is_told(private_bus: PrivateBus, tmp_path: Path, wall: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(HANG_GUARD)
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "100000",
        }
        state = tmp_path / "state"
        with running_daemon(private_bus, config(wall), state, environment=environment) as daemon:
            assert systemd.recv(100) == b"READY=1"
            assert systemd.recv(100) == b"WATCHDOG=1"
            # Read meanwhile: the daemon waits where its socket is full, and then hears nothing.
            daemon.process.send_signal(signal.SIGTERM)
            while (said := systemd.recv(100)) == b"WATCHDOG=1":
                continue
            assert said == b"STOPPING=1"
            assert daemon.process.wait(HANG_GUARD) == 0


# What it does


def worker_of(daemon: Daemon) -> int:
    """The worker's process id; it is the daemon's only child."""
    pid = daemon.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the daemon's memory is private")
def test_pixels_and_models_stay_out_of_the_daemon(private_bus: PrivateBus, daemon: Daemon) -> None:
    with FaceAuth(private_bus.address) as client:
        assert client.verify("root")[0] == "no-face"  # so that all that it uses is loaded
    maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
    for library in ("cv2", "dlib", "onnxruntime", "tensorflow", "libavcodec"):
        assert library not in maps, library
    assert "cv2" in Path(f"/proc/{worker_of(daemon)}/maps").read_text()


@pytest.fixture
def patient(private_bus: PrivateBus, tmp_path: Path, wall: Path) -> Iterator[Daemon]:
    """One whose scans go on for longer than a test is held up, though nobody is there."""
    enrolled(tmp_path / "state")
    text = config(wall, paced=True, nobody=60)
    with running_daemon(private_bus, text, tmp_path / "state") as daemon:
        yield daemon


def test_the_worker_s_death_is_a_refusal_and_a_new_worker(
    private_bus: PrivateBus, patient: Daemon
) -> None:
    with FaceAuth(private_bus.address) as client:
        seeing: list[int] = []  # the worker of each scan

        def kill(hint: str, _fraction: float) -> None:
            if hint == "look-at-camera" and not seeing:  # the scan runs
                seeing.append(worker_of(patient))
                os.kill(seeing[0], signal.SIGKILL)

        def cancel(hint: str, _fraction: float) -> None:
            if hint == "look-at-camera" and len(seeing) == 1:
                seeing.append(worker_of(patient))
                client.cancel()

        result, details = client.verify("root", on_progress=kill)
        assert (result, bool(details["reason"])) == ("error", True)
        assert client.verify("root", on_progress=cancel)[0] == "cancelled"
    assert len(set(seeing)) == 2
    assert patient.process.poll() is None


SCAN = """
import sys
from faceauthd.client import FaceAuth
client = FaceAuth(sys.argv[1])
name = client._bus._bus.con.get_unique_name()
client.verify("root", on_progress=lambda *_: print(name, flush=True))
"""


@pytest.mark.usefixtures("patient")
def test_a_client_that_dies_frees_the_camera(private_bus: PrivateBus) -> None:
    with FaceAuth(private_bus.address) as client:
        dying = subprocess.Popen(
            [sys.executable, "-c", SCAN, private_bus.address],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert dying.stdout is not None
        name = dying.stdout.readline().strip()  # said with the first hint: its scan runs
        assert client.verify("root")[0] == "busy"
        gone: list[bool] = []
        Bus(private_bus.address).on_vanished(name, lambda: gone.append(True))
        end(dying, signal.SIGKILL)
        dying.stdout.close()
        run_until(lambda: gone)  # the bus has told the daemon as well
        assert client.can_verify("root")[0] == "ready"


def test_reload_of_a_wrong_configuration_keeps_the_old_one(
    private_bus: PrivateBus, daemon: Daemon
) -> None:
    right = daemon.config.read_text()
    with FaceAuth(private_bus.address) as client:
        daemon.config.write_text("disabled = true\nframes = 3\n")
        with pytest.raises(InvalidArgumentError, match="frames: unknown key"):
            client.reload()
        assert client.can_verify("root")[0] == "ready"
        daemon.config.write_text(f"disabled = true\n{right}")
        client.reload()
        assert client.can_verify("root")[0] == "disabled"
        assert client.get_status()["enrolled"] == 1


def hang_up(daemon: Daemon, logged: str) -> None:
    """SIGHUP; returns once the daemon has logged what it made of it."""
    daemon.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + HANG_GUARD
    while logged not in daemon.log():
        assert daemon.process.poll() is None and time.monotonic() < deadline, daemon.log()
        time.sleep(0.01)


def test_sighup_reads_the_configuration_again(private_bus: PrivateBus, daemon: Daemon) -> None:
    right, worker = daemon.config.read_text(), worker_of(daemon)
    daemon.config.write_text("frames = 3\n")
    hang_up(daemon, "the configuration stays as it was")
    assert "frames: unknown key" in daemon.log()
    assert worker_of(daemon) == worker
    daemon.config.write_text(f"disabled = true\n{right}")
    hang_up(daemon, "the configuration was read again")
    with FaceAuth(private_bus.address) as client:
        assert client.can_verify("root")[0] == "disabled"


def test_systemctl_reload_is_told_whether_the_configuration_is_right(
    private_bus: PrivateBus, daemon: Daemon
) -> None:
    (line,) = setting("ExecReload")
    program, *arguments = line.removeprefix("+").split()

    def reload() -> subprocess.CompletedProcess[str]:
        command = [program, f"--address={private_bus.address}", *arguments]
        return subprocess.run(command, check=False, text=True, capture_output=True)

    daemon.config.write_text("frames = 3\n")
    assert "frames: unknown key" in reload().stderr
    daemon.config.write_text("")
    assert reload().returncode == 0
    assert "was read again" in daemon.log()


@needs("video/talking-head")
def test_the_enrolled_person_is_let_in_and_another_is_not(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    mine, other = sorted(CLIPS.glob("liveportrait_*.mp4"))[:2]
    camera = tmp_path / "camera"
    camera.symlink_to(mine)
    with (
        running_daemon(private_bus, config(camera), tmp_path / "state"),
        FaceAuth(private_bus.address) as client,
    ):
        with mine.open("rb") as clip:
            face = client.enroll("root", "me", source_fd=clip.fileno())
        result, details = client.verify("root")
        assert (result, details["face"]) == ("match", face)
        assert client.identify()[:2] == ("match", "root")
        camera.unlink()
        camera.symlink_to(other)
        result, details = client.verify("root")
        assert result == "no-match"
        assert details["score"] < details["threshold"]
        assert client.identify()[:2] == ("no-match", "")


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_a_file_that_is_no_video_is_one_clear_line(
    private_bus: PrivateBus, daemon: Daemon, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with FaceAuth(private_bus.address) as client, (tmp_path / "clip.mp4").open("rb") as clip:
        with pytest.raises(EnrollFailedError, match="the passed file"):
            client.enroll("root", source_fd=clip.fileno())
        assert client.list_faces("root")[0]["label"] == "face 1"


# Who may what, with callers who really are somebody else

AS_NOBODY = """
import sys
from faceauthd.bus import Bus, BusError
from faceauthd.client import FaceAuth
from faceauthd.results import BUS_NAME, FaceAuthError
client = FaceAuth(sys.argv[1])
for call in (
    lambda: client.verify("")[0], lambda: client.verify("root")[0], lambda: client.identify(),
    lambda: client.list_faces("root"), lambda: client.clear_faces("root"),
    lambda: client.enroll(""), lambda: client.reload(), lambda: client.get_status()["worker"] != "",
    lambda: Bus(sys.argv[1]).own(BUS_NAME),
):
    try:
        print(call())
    except FaceAuthError as error:
        print(error.name)
    except BusError as error:
        print(error.name.rpartition(".")[2])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, so it needs root")
def test_another_user_is_another_user(private_bus: PrivateBus, daemon: Daemon) -> None:
    said = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, private_bus.address],
        cwd=ROOT,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        user=65534,
        group=65534,
        extra_groups=[],
    )
    assert said.stdout.split() == [
        "not-enrolled", "PermissionDenied", "PermissionDenied",
        "PermissionDenied", "PermissionDenied",
        "PermissionDenied", "PermissionDenied", "True",
        "AccessDenied",
    ]  # fmt: skip
    assert daemon.process.poll() is None
