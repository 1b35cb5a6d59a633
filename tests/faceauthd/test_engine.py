# SPDX-License-Identifier: MIT
"""The supervisor with real workers: each scan ends once, whatever becomes of the worker."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faceauthd.worker_spec import Limits
from tests.faceauthd.films import STEP, write_clip
from tests.faceauthd.supervised import (
    GUARD,
    SEES_INTO_WORKERS,
    Bench,
    Record,
    is_gone,
    opened_files,
    run_until,
    worker_pid,
)
from tests.harness.watch import until

# One scan after another.


def test_a_passed_file_is_seen_to_its_end(bench: Bench) -> None:
    bench.start()
    with bench.clip.open("rb") as file:
        record = bench.scan(device="auto", fd=file.fileno())
    run_until(lambda: record.ended)
    assert record.opened == [("file", "the passed file")]
    assert [round(seen.brightness / STEP) for seen in record.frames] == list(range(12))
    assert record.ended == [("end", "")]


def test_a_camera_is_watched_until_told_to_stop(bench: Bench) -> None:
    record = bench.start().scan(paced=True)
    run_until(lambda: len(record.frames) >= 3)
    seen = len(record.frames)
    record.stop()
    record.stop()
    run_until(lambda: record.ended)
    assert record.why == "stopped"
    assert len(record.frames) == seen
    assert record.opened == [("file:clip.avi", "clip.avi")]


@SEES_INTO_WORKERS
def test_the_camera_is_open_during_a_scan_and_closed_at_its_end(bench: Bench) -> None:
    record = bench.start().scan()
    pid = worker_pid(bench.supervisor)
    run_until(lambda: record.frames)
    assert str(bench.clip) in opened_files(pid)
    at_the_end: list[str] = []
    record.on_event = lambda: at_the_end.extend(opened_files(pid))
    record.stop()
    run_until(lambda: record.ended)
    assert at_the_end
    assert str(bench.clip) not in at_the_end


def test_what_was_not_asked_for_is_not_measured(bench: Bench) -> None:
    record = bench.start().scan(liveness=(), embed=False)
    run_until(lambda: record.frames)
    assert record.frames[0].embedding is None
    assert record.frames[0].liveness == {}


def test_a_scan_waits_for_the_one_before_it(bench: Bench) -> None:
    bench.start().ready()
    first, second, third = bench.scan(), bench.scan(), bench.scan()
    run_until(lambda: first.frames)
    assert not second.opened
    third.stop()  # before its turn
    first.stop()
    run_until(lambda: second.frames)
    assert first.why == "stopped"
    second.stop()
    run_until(lambda: second.ended and third.ended)
    assert (third.opened, third.ended) == ([], [("stopped", "")])


@SEES_INTO_WORKERS
def test_the_camera_opens_while_the_models_load(bench: Bench, tmp_path: Path) -> None:
    record = bench.start("patient", str(tmp_path / "go")).scan()
    pid = worker_pid(bench.supervisor)
    run_until(lambda: str(bench.clip) in opened_files(pid))
    assert bench.supervisor.state == "starting"
    assert bench.supervisor.info is None
    assert not record.opened
    states: list[str] = []
    record.on_event = lambda: states.append(bench.supervisor.state)
    (tmp_path / "go").touch()
    run_until(lambda: record.frames)
    assert set(states) == {"ready"}
    assert bench.supervisor.info is not None


@SEES_INTO_WORKERS
def test_a_scan_can_end_before_the_models_are_loaded(bench: Bench, tmp_path: Path) -> None:
    stopped = bench.start("patient", str(tmp_path / "go")).scan()
    pid = worker_pid(bench.supervisor)
    run_until(lambda: str(bench.clip) in opened_files(pid))
    stopped.stop()
    missing = bench.scan(device=tmp_path / "none.avi")
    run_until(lambda: stopped.ended and missing.ended)
    assert (stopped.why, missing.why) == ("stopped", "missing")
    (tmp_path / "go").touch()
    bench.scans_still()
    assert worker_pid(bench.supervisor) == pid


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("none.avi", "missing"),
        ("usb-nothing", "missing"),
        ("empty.avi", "broken"),
        ("fifo", "error"),
    ],
)
def test_a_camera_that_does_not_open(bench: Bench, tmp_path: Path, device: str, why: str) -> None:
    (tmp_path / "empty.avi").touch()
    os.mkfifo(tmp_path / "fifo")
    record = bench.start().scan(device=tmp_path / device if "." in device else device)
    if device == "fifo":
        record = bench.scan(device=tmp_path / "fifo")
    run_until(lambda: record.ended)
    assert record.opened == []
    assert record.why == why
    assert record.ended[0][1]


def test_a_judge_that_fails_ends_the_scan_and_not_the_worker(bench: Bench) -> None:
    record = bench.start("fussy").scan()
    pid = worker_pid(bench.supervisor)
    run_until(lambda: record.ended)
    assert record.why == "error"
    again = bench.scan()
    run_until(lambda: again.ended)
    assert worker_pid(bench.supervisor) == pid


def test_a_callback_that_fails_does_not_make_it_deaf(bench: Bench) -> None:
    record = Record(on_event=lambda: 1 // 0)
    record.start(bench.start().supervisor, bench.clip)
    run_until(lambda: record.frames)
    record.stop()
    run_until(lambda: record.ended)
    bench.scans_still()


def test_the_cameras_are_listed_also_during_a_scan(bench: Bench) -> None:
    record = bench.start().scan()
    run_until(lambda: record.frames)
    answers: list[object] = []
    bench.supervisor.list_cameras(answers.append)
    bench.supervisor.list_cameras(answers.append, ["OBS"])
    run_until(lambda: len(answers) == 2)
    assert all(isinstance(answer, tuple) for answer in answers)
    assert not record.ended


@SEES_INTO_WORKERS
def test_fifty_scans_leave_nothing_behind(bench: Bench) -> None:
    bench.start().ready()
    bench.scans_still()
    pid = worker_pid(bench.supervisor)
    gc.collect()  # what other tests left behind is not to be closed in between
    before = len(opened_files(os.getpid())), len(opened_files(pid))
    for _ in range(50):
        bench.scans_still()
    assert worker_pid(bench.supervisor) == pid
    # What was passed to a worker is closed here by a thread of its own.
    until(lambda: len(opened_files(os.getpid())) <= before[0])
    assert len(opened_files(pid)) <= before[1]


# The worker's death.


@pytest.mark.parametrize("when", ["starting", "idle", "opening", "scanning", "stopping"])
@SEES_INTO_WORKERS
def test_a_worker_is_killed(bench: Bench, tmp_path: Path, when: str) -> None:
    starting = when in ("starting", "opening")
    bench.start("patient" if starting else "honest", str(tmp_path / "go"))
    pid = worker_pid(bench.supervisor)
    record = None
    if not starting:
        bench.ready()
    if when == "opening":
        record = bench.scan()
        run_until(lambda: str(bench.clip) in opened_files(pid))
    elif when in ("scanning", "stopping"):
        record = bench.scan()
        run_until(lambda: record and record.frames)
    bench.script.how = "honest"
    os.kill(pid, signal.SIGKILL)
    if when == "stopping" and record:
        record.stop()
    if record:
        gone: list[bool] = []
        record.on_event = lambda: gone.append(is_gone(pid))
        run_until(lambda: record.ended)
        assert gone[-1], "the scan ended before the process had"
        # Stopping, the worker may have been quicker than the signal.
        assert record.why == "error" or when == "stopping"
    run_until(lambda: is_gone(pid))
    bench.ready().scans_still()
    assert worker_pid(bench.supervisor) != pid


def test_a_scan_waits_for_the_one_after_a_worker_known_to_be_dead(bench: Bench) -> None:
    """Its hanging up is heard before its end: what is asked in between must not be lost."""
    process = bench.start().ready().supervisor._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    process._receive(1)
    bench.scans_still()
    assert worker_pid(bench.supervisor) != process.pid


def kill_and_wait(bench: Bench, record: Record) -> None:
    os.kill(worker_pid(bench.supervisor), signal.SIGKILL)
    run_until(lambda: record.ended)


def test_a_scan_that_waits_outlives_the_worker(bench: Bench) -> None:
    first, second = bench.start().scan(), bench.scan()
    run_until(lambda: first.frames)
    os.kill(worker_pid(bench.supervisor), signal.SIGKILL)
    run_until(lambda: second.frames)
    assert first.why == "error"
    second.stop()
    run_until(lambda: second.ended)
    assert second.why == "stopped"


def test_twenty_deaths_leave_nothing_behind(bench: Bench) -> None:
    bench.start().ready()
    gc.collect()
    before = len(opened_files(os.getpid()))
    for _ in range(20):
        record = bench.scan_to_first_frame()
        kill_and_wait(bench, record)
        bench.scans_still()  # a scan that ends in order is a new beginning
    bench.ready()
    until(lambda: len(opened_files(os.getpid())) <= before)


def test_a_worker_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    bench = Bench(write_clip(tmp_path / "clip.avi", 3), stop=0.05)
    record = bench.start("deaf").scan()
    run_until(lambda: record.opened)
    pid = worker_pid(bench.supervisor)
    bench.script.how = "honest"
    record.stop()
    run_until(lambda: record.ended)
    assert record.why == "error"
    assert is_gone(pid)
    bench.supervisor._limits = Limits(stop=GUARD)
    bench.scans_still()
    bench.supervisor.stop()


def test_a_worker_that_never_is_ready_is_killed(tmp_path: Path) -> None:
    bench = Bench(write_clip(tmp_path / "clip.avi", 3), start=0.05, deaths=1, retry=3600.0)
    record = bench.start("patient", str(tmp_path / "never")).scan()
    run_until(lambda: record.ended)
    assert (record.why, bench.supervisor.state) == ("error", "failed")
    bench.supervisor.stop()


def test_one_that_dies_again_and_again_is_given_up_until_it_is_needed(tmp_path: Path) -> None:
    bench = Bench(
        write_clip(tmp_path / "clip.avi", 3), stop=GUARD, deaths=3, longest_delay=0.01, retry=0.0
    )
    bench.start("crash")
    run_until(lambda: bench.supervisor.state == "failed")
    assert bench.supervisor.text == "the worker died 3 times in a row (signal 6)"
    bench.script.how = "honest"
    bench.scans_still()
    bench.supervisor.stop()


def test_a_worker_that_hangs_up_is_replaced(bench: Bench) -> None:
    bench.start("hung-up")
    pid = worker_pid(bench.supervisor)
    bench.script.how = "honest"
    run_until(lambda: is_gone(pid))
    bench.scans_still()


# A worker without models.


def test_missing_models_are_said_in_one_line(bench: Bench) -> None:
    record = bench.start("without-models").scan()
    run_until(lambda: record.ended and bench.supervisor.state == "failed")
    assert record.ended == [("error", "no engine is installed")]
    assert bench.supervisor.text == "no engine is installed"
    assert bench.supervisor.info is None


def test_an_unforeseen_failure_to_load_is_one_line(bench: Bench) -> None:
    bench.start("broken-models", "a key\nin two lines")
    run_until(lambda: bench.supervisor.state == "failed")
    assert bench.supervisor.text.startswith("the models cannot be loaded: KeyError: ")
    assert bench.supervisor.text.isprintable()


def test_a_failed_worker_is_not_tried_again_at_once(bench: Bench) -> None:
    bench.start("without-models")
    run_until(lambda: bench.supervisor.state == "failed")
    bench.script.how = "honest"
    record, answers = bench.scan(), list[object]()
    bench.supervisor.list_cameras(answers.append)
    run_until(lambda: record.ended and answers)
    assert record.ended == [("error", "no engine is installed")]
    assert answers == [None]
    assert bench.supervisor.state == "failed"


def test_a_failed_worker_is_tried_again_when_it_is_time(tmp_path: Path) -> None:
    bench = Bench(write_clip(tmp_path / "clip.avi", 3), stop=GUARD, retry=0.0)
    bench.start("without-models")
    run_until(lambda: bench.supervisor.state == "failed")
    bench.script.how = "honest"
    bench.scans_still()
    assert bench.supervisor.text == ""
    bench.supervisor.stop()


def test_a_worker_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(write_clip(tmp_path / "clip.avi", 3), stop=GUARD, retry=0.0)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    record = bench.start().scan()
    run_until(lambda: record.ended)
    assert record.ended[0][0] == "error"
    assert "cannot be started" in record.ended[0][1]
    monkeypatch.undo()
    bench.scans_still()
    bench.supervisor.stop()


# The end.


def test_stop_ends_everything_before_it_returns(bench: Bench) -> None:
    record, waiting, answers = bench.start().scan(), bench.scan(), list[object]()
    run_until(lambda: record.frames)
    pid = worker_pid(bench.supervisor)
    bench.supervisor.list_cameras(answers.append)
    bench.supervisor.stop()
    assert is_gone(pid)
    assert (record.why, waiting.why, answers) == ("stopped", "stopped", [None])
    assert bench.supervisor.state == "stopped"
    late = bench.scan()
    run_until(lambda: late.ended)
    assert late.why == "error"
    bench.start()
    bench.scans_still()


DAEMON = """
import sys
from pathlib import Path
from gi.repository import GLib
sys.path.insert(0, sys.argv[1])
from tests.faceauthd.supervised import Record, Script, run_until, worker_pid
from faceauthd.engine import WorkerSupervisor
supervisor = WorkerSupervisor(Script())
supervisor.start()
record = Record().start(supervisor, Path(sys.argv[2]))
run_until(lambda: record.frames)
print(worker_pid(supervisor), flush=True)
GLib.MainLoop().run()
"""


def test_the_worker_does_not_outlive_the_daemon(bench: Bench) -> None:
    root = str(Path(__file__).parents[2])
    command = (sys.executable, "-c", DAEMON, root, str(bench.clip))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        worker = os.pidfd_open(int(daemon.stdout.readline()))
        daemon.kill()
    run_until(lambda: has_exited(worker))
    os.close(worker)


def has_exited(pidfd: int) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        return True
    return False


@SEES_INTO_WORKERS
def test_the_worker_gets_nothing_of_the_daemons(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of the daemon")
    inherited = os.open("/dev/zero", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    bench.start().ready()
    os.close(inherited)
    process = Path(f"/proc/{worker_pid(bench.supervisor)}")
    assert b"SECRET" not in (process / "environ").read_bytes()
    files = opened_files(worker_pid(bench.supervisor))
    assert "/dev/zero" not in files
    assert [name.split(":")[0] for name in files if "socket" in name] == ["socket"]
    assert (process / "fd/1").readlink() == Path("/dev/null")
    status = (process / "status").read_text()
    assert "NoNewPrivs:\t1" in status
    limits = (process / "limits").read_text().splitlines()
    core = next(line for line in limits if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_the_daemon_does_not_import_what_the_worker_needs() -> None:
    code = (
        "import sys, faceauthd.engine; print(sorted({'cv2','dlib','onnxruntime'} & {*sys.modules}))"
    )
    ran = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
