# SPDX-License-Identifier: MIT
"""A real dbus-daemon, and on it a daemon that answers, lies, hangs, dies, or is somebody else."""

import os
import pwd
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faceauthd.results import Result
from tests.pam_module.pam_host import AUTHINFO_UNAVAIL, HANG, HERE, SUCCESS, Stacks

CONFIGURATION = """<busconfig>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
"""
ME = pwd.getpwuid(os.getuid()).pw_name
Process = subprocess.Popen[bytes]
StartDaemon = Callable[..., Process]


def read_line(process: Process) -> str:
    """The next line that a process prints; its pipe is unbuffered, so that we can wait for it."""
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], HANG)
    assert ready, "it prints nothing"
    return process.stdout.readline().decode().strip()


@pytest.fixture
def bus() -> Iterator[str]:
    """The address of a real bus with the system bus's rules for replies."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        configuration = Path(folder) / "bus.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder))
        with subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            bufsize=0,
        ) as process:
            yield read_line(process)
            process.terminate()


@pytest.fixture
def start(bus: str) -> Iterator[StartDaemon]:
    """Starts fake daemons, with fake_daemon.py's arguments behind the address."""
    processes: list[Process] = []

    def run(*arguments: str) -> Process:
        command = [sys.executable, str(HERE / "fake_daemon.py"), bus, *arguments]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0))
        assert read_line(processes[-1]) == "ready"
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def check_refused(stacks: Stacks, *arguments: str) -> None:
    outcome = stacks.authenticate(stacks.face(*arguments))
    assert (outcome.code, outcome.stderr) == (AUTHINFO_UNAVAIL, "")


def check_password_works(stacks: Stacks, *arguments: str) -> None:
    for typed in ("secret", "wrong"):
        outcome = stacks.authenticate(
            stacks.face(*arguments, control="sufficient"),
            stacks.password(),
            options=[f"answer={typed}"],
        )
        assert (outcome.code == SUCCESS, outcome.stderr) == (typed == "secret", "")


@pytest.mark.parametrize("result", [Result.MATCH, Result.NO_MATCH, Result.TIMEOUT])
def test_an_answer(result: Result, bus: str, start: StartDaemon, stacks: Stacks) -> None:
    start(result)
    for line in (Stacks.face, Stacks.face_in_pam_python):
        outcome = stacks.authenticate(line(f"bus={bus}", f"owner={ME}"))
        assert (outcome.code == SUCCESS) == (result == Result.MATCH)
        assert outcome.stderr == ""


def test_pamtester_by_pam_wrapper(bus: str, start: StartDaemon, stacks: Stacks) -> None:
    start("match")
    done = stacks.pamtester(stacks.face(f"bus={bus}", f"owner={ME}"))
    assert "successfully authenticated" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("behaviour", ["silence", "die", "lie"])
def test_no_answer(behaviour: str, bus: str, start: StartDaemon, stacks: Stacks) -> None:
    arguments = (f"bus={bus}", f"owner={ME}")
    for check in (check_refused, check_password_works):
        process = start(behaviour)
        check(stacks, *arguments)
        assert read_line(process) == "Verify"
        process.kill()


def test_no_daemon(bus: str, stacks: Stacks) -> None:
    check_refused(stacks, f"bus={bus}")
    check_password_works(stacks, f"bus={bus}")


def test_no_bus(tmp_path: Path, stacks: Stacks) -> None:
    check_refused(stacks, f"bus=unix:path={tmp_path}/none")
    check_password_works(stacks, f"bus=unix:path={tmp_path}/none")


def test_a_daemon_of_another_user(bus: str, start: StartDaemon, stacks: Stacks) -> None:
    """As root, a daemon of nobody's; else our own, which `owner=` does not name."""
    process = start("match", "65534") if os.getuid() == 0 else start("match")
    check_refused(stacks, f"bus={bus}")
    check_password_works(stacks, f"bus={bus}")
    process.kill()
    assert read_line(process) == ""  # its end, and before that no question


def test_a_daemon_replaced_during_the_call(bus: str, start: StartDaemon, stacks: Stacks) -> None:
    first = start("hang")
    stacks.write("stack", stacks.face(f"bus={bus}", f"owner={ME}"))
    with subprocess.Popen(
        [stacks.driver, stacks.folder, "stack", "alice"], stdout=subprocess.PIPE, text=True
    ) as host:
        assert read_line(first) == "Verify"
        start("match")
        output, _ = host.communicate(timeout=HANG)
    assert f"code {AUTHINFO_UNAVAIL}\n" in output


def test_a_daemon_that_is_started_by_the_bus(bus: str, stacks: Stacks) -> None:
    services = Path(bus.partition("=")[2].partition(",")[0]).parent / "services"
    services.mkdir()
    (services / "org.faceauth.FaceAuth1.service").write_text(
        "[D-BUS Service]\nName=org.faceauth.FaceAuth1\n"
        f"Exec={sys.executable} {HERE / 'fake_daemon.py'} {bus} match\nUser={ME}\n"
    )
    face = stacks.face(f"bus={bus}", f"owner={ME}")
    # The module gives it five seconds; where the machine is too busy, the next one finds it there.
    assert SUCCESS in (stacks.authenticate(face).code for _ in range(3))
