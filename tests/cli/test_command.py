# SPDX-License-Identifier: MIT
"""The installed script as scripts and people run it, against a daemon on a real bus."""

import io
import json
import os
import pty
import signal
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.pam_change import SERVICES
from cli.pam_folder import PamFolder
from tests.cli.conftest import FACE, HANG_GUARD, SCRIPT, Run, needs_root, one_line, read_all
from tests.cli.scripted import Scripted
from tests.harness.bus import PrivateBus

Service = Callable[..., Scripted]
FACES = {"reply": [[{**FACE, "label": "büro"}]]}


def test_no_bus_and_no_daemon_are_5(script: Run) -> None:
    nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    for outcome in (script("status", env=nowhere), script("status")):
        assert outcome.status == 5
        one_line(outcome)


def test_standard_output_is_the_answer_alone(script: Run, service: Service) -> None:
    progress = [["move-closer", 0.25], ["hold-still", 0.75]]
    service(
        ListFaces=FACES,
        Enroll={"progress": progress, "reply": ["8d2f0a11"]},
        Verify={"progress": progress, "reply": ["no-match", {"frames": 3, "milliseconds": 90}]},
    )
    verbs = {"list": 0, "verify": 1} | ({"add": 0} if os.geteuid() == 0 else {})
    for verb, status in verbs.items():
        outcome = script(verb, "alice", "--json")
        assert (outcome.status, outcome.err) == (status, "")
        assert json.loads(outcome.out)["user"] == "alice"
        outcome = script(verb, "alice")
        assert (outcome.status, outcome.err) == (status, "")
        assert outcome.out


@pytest.mark.parametrize("closed", ["2>&-", "0<&-", "0<&- 2>&-"])
def test_what_is_closed_takes_nothing_and_gives_nothing(
    closed: str, bus: PrivateBus, service: Service
) -> None:
    service(Verify={"reply": ["no-match", {"frames": 3, "milliseconds": 90}]})

    def run(*arguments: str) -> tuple[int, str]:
        command = ["sh", "-c", f'exec "$0" "$@" {closed}', str(SCRIPT), *arguments]
        environment = bus.environment()
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
        return done.returncode, done.stdout

    assert run("verify", "alice") == (1, "no-match\ntime    90 ms\nframes  3\n")
    assert run("verify", "alice", "--bogus") == (2, "")  # no error in the place of an answer


def test_any_locale_can_be_answered(script: Run, service: Service) -> None:
    service(ListFaces=FACES)
    for encoding in ("ascii", "latin-1", "utf-8"):
        outcome = script("list", "alice", env={"PYTHONIOENCODING": encoding})
        assert (outcome.status, outcome.err) == (0, "")
        assert "8d2f0a11" in outcome.out


@needs_root
def test_what_is_enrolled_from_reaches_the_daemon(
    script: Run, service: Service, tmp_path: Path
) -> None:
    running = service(Enroll={"reply": ["8d2f0a11"]})
    (tmp_path / "clip.png").write_bytes(b"frame")
    assert script("add", "alice", "-l", "x", "--from-video", tmp_path / "clip.png").status == 0
    assert running.next_call() == ["Enroll", "alice", "x", {"source": "frame"}]
    assert script("add", "alice", "--from-images", tmp_path).status == 0
    *_, options = running.next_call()
    with tarfile.open(fileobj=io.BytesIO(options["source"].encode("latin-1"))) as tar:
        assert tar.getnames() == ["0000.png"]


def test_bytes_that_are_no_text_are_refused(script: Run, service: Service) -> None:
    running = service(ListFaces=FACES)
    for arguments in (["list", b"al\xffice"], ["add", "alice", "-l", b"\xff"], [b"\xff"]):
        outcome = script(*arguments)
        assert outcome.status == 2
        assert "\\udcff" in one_line(outcome)
    assert script("list", "alice").status == 0
    assert running.next_call() == ["ListFaces", "alice"]  # and it was the first


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_the_like_cancel_the_scan(
    how: signal.Signals, bus: PrivateBus, service: Service
) -> None:
    # A Verify that never answers by itself; once its hint is seen, the command waits for it.
    running = service(Verify={"progress": [["scanning", 0.0]]}, Cancel={"reply": []})
    terminal, ours = pty.openpty()
    process = start(bus, "verify", "alice", stderr=ours)
    os.close(ours)
    seen = os.read(terminal, 4096)
    while b"Looking for your face" not in seen:
        seen += os.read(terminal, 4096)
    process.send_signal(how)
    out, _ = process.communicate(timeout=HANG_GUARD)
    assert (process.returncode, out) == (130, b"")
    assert b"faceauth: interrupted\r\n" in read_all(terminal)
    assert [running.next_call()[0] for _ in range(2)] == ["Verify", "Cancel"]


def test_a_daemon_that_dies_meanwhile_is_5(bus: PrivateBus, service: Service) -> None:
    running = service()
    process = start(bus, "verify", "alice")
    assert running.next_call()[0] == "Verify"
    running.process.kill()
    out, err = process.communicate(timeout=HANG_GUARD)
    assert (process.returncode, out) == (5, b"")
    assert err.count(b"\n") == 1


HELP = [["list", "--help"], ["--help"], ["--version"]]


@pytest.mark.parametrize("command", [["list", "alice"], *HELP], ids=" ".join)
def test_a_reader_that_left_is_no_news(
    command: list[str], bus: PrivateBus, service: Service
) -> None:
    service(ListFaces=FACES)
    read, write = os.pipe()
    os.close(read)
    process = start(bus, *command, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=HANG_GUARD)
    assert (process.returncode, err) == (141, b"")


@pytest.mark.parametrize("command", [["verify", "alice"], ["list", "alice"], *HELP], ids=" ".join)
def test_an_answer_that_cannot_be_written_is_no_success(
    command: list[str], bus: PrivateBus, service: Service
) -> None:
    service(Verify={"reply": ["match", {}]}, ListFaces=FACES)
    with Path("/dev/full").open("wb") as full:
        process = start(bus, *command, stdout=full.fileno())
        _, err = process.communicate(timeout=HANG_GUARD)
    assert process.returncode == 4
    assert err == b"faceauth: cannot write the answer: No space left on device\n"

    closed = subprocess.run(
        ["sh", "-c", 'exec "$0" verify alice >&-', SCRIPT],
        env=bus.environment(),
        capture_output=True,
        timeout=HANG_GUARD,
        text=True,
    )
    assert closed.returncode == 4
    assert closed.stderr.startswith("faceauth: standard output is closed")


def test_help_that_nobody_can_read_ends_as_if_they_could(bus: PrivateBus) -> None:
    with Path("/dev/full").open("wb") as full:
        assert start(bus, "config", stderr=full.fileno()).wait(HANG_GUARD) == 2


def test_people_see_hints_and_programs_do_not(bus: PrivateBus, service: Service) -> None:
    progress = [["move-closer", 0.0], ["???", 0.0]]
    service(Verify={"progress": progress, "reply": ["match", {}]})
    for json_option, hinted in (([], True), (["--json"], False)):
        terminal, ours = pty.openpty()
        process = start(bus, "verify", "alice", *json_option, stderr=ours)
        os.close(ours)
        out, _ = process.communicate(timeout=HANG_GUARD)
        seen = read_all(terminal)
        assert process.returncode == 0
        assert b"match" in out
        assert (b"Move closer to the camera" in seen) is hinted
        assert (b"???" in seen) is hinted


def test_completion_comes_for_three_shells(script: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        outcome = script(env={"_FACEAUTH_COMPLETE": f"{shell}_source"})
        assert outcome.status == 0
        assert "_FACEAUTH_COMPLETE" in outcome.out
    words = {"COMP_WORDS": "faceauth ver", "COMP_CWORD": "1"}
    outcome = script(env={"_FACEAUTH_COMPLETE": "bash_complete", **words})
    assert outcome.out.split() == ["plain,verify"]
    words = {"COMP_WORDS": "faceauth pam enable s", "COMP_CWORD": "3"}
    outcome = script(env={"_FACEAUTH_COMPLETE": "bash_complete", **words})
    services = [line.removeprefix("plain,") for line in outcome.out.split()]
    assert services == [name for name in SERVICES if name[0] == "s" and PamFolder().has(name)]
    assert services  # Debian's su is everywhere


def start(
    bus: PrivateBus, *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [SCRIPT, *arguments],
        env=bus.environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
