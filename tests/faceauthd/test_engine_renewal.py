# SPDX-License-Identifier: MIT
"""A worker that has decoded a caller's file is replaced: what it judges next is another's login."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceauthd.engine import WorkerSupervisor
from faceauthd.worker_spec import Limits
from tests.faceauthd.films import write_clip
from tests.faceauthd.supervised import GUARD, Bench, Record, is_gone, run_until, worker_pid


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(write_clip(tmp_path / "clip.avi", 12), stop=GUARD).start().ready()
    yield bench
    bench.supervisor.stop()


def seen(bench: Bench) -> Record:
    """A whole scan of a file that a caller passed."""
    with bench.clip.open("rb") as file:
        record = bench.scan(device="auto", fd=file.fileno())
    run_until(lambda: record.ended)
    return record


def test_a_worker_that_decoded_a_passed_file_is_replaced(bench: Bench) -> None:
    before = worker_pid(bench.supervisor)
    assert seen(bench).why == "end"
    run_until(lambda: is_gone(before) and bench.supervisor.state == "ready")
    assert worker_pid(bench.supervisor) != before
    bench.scans_still()


def test_one_that_only_watched_the_camera_stays(bench: Bench) -> None:
    before = worker_pid(bench.supervisor)
    bench.scans_still()
    bench.scans_still()
    assert worker_pid(bench.supervisor) == before


def test_one_that_does_not_come_to_its_end_holds_nobody_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system of the caller's own is asked when a killed worker's files are closed."""
    before, end = worker_pid(bench.supervisor), threading.Event()
    wait = subprocess.Popen.wait

    def wait_for_the_file(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if process.pid == before:
            assert end.wait(GUARD)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait_for_the_file)
    seen(bench)
    run_until(lambda: bench.supervisor.state == "ready" and worker_pid(bench.supervisor) != before)
    bench.scans_still()
    assert not is_gone(before)
    end.set()
    run_until(lambda: is_gone(before))


def test_where_it_is_wished_each_scan_has_a_worker_of_its_own(bench: Bench) -> None:
    bench.supervisor.stop()
    bench.supervisor = WorkerSupervisor(bench.script, Limits(stop=GUARD), fresh=True)
    bench.start().ready()
    pids = [worker_pid(bench.supervisor)]
    for _ in range(2):
        bench.scans_still()
        run_until(lambda: is_gone(pids[-1]) and bench.supervisor.state == "ready")
        pids.append(worker_pid(bench.supervisor))
    assert len(set(pids)) == len(pids)


def test_what_was_loaded_is_known_while_the_next_one_loads(bench: Bench) -> None:
    loaded = bench.supervisor.info
    assert loaded is not None
    seen(bench)
    run_until(lambda: bench.supervisor.state == "starting")
    assert bench.supervisor.info is None
    assert bench.supervisor.known == loaded
    bench.script.how = "without-models"  # the one behind that
    run_until(lambda: bench.supervisor.state == "ready")
    seen(bench)
    run_until(lambda: bench.supervisor.state == "failed")
    assert bench.supervisor.known is None


def test_the_next_scan_goes_to_the_new_worker(bench: Bench) -> None:
    """Also one that waited already, and one that is asked for as the file's scan ends."""
    before = worker_pid(bench.supervisor)
    pids: list[int] = []
    with bench.clip.open("rb") as file:
        first = bench.scan(device="auto", fd=file.fileno())
    waiting = bench.scan()
    waiting.on_event = lambda: pids.append(worker_pid(bench.supervisor))
    run_until(lambda: first.ended and waiting.frames)
    waiting.stop()
    run_until(lambda: waiting.ended)
    assert before not in pids
    assert is_gone(before)


def test_a_file_whose_scan_was_stopped_counts_as_well(bench: Bench) -> None:
    before = worker_pid(bench.supervisor)
    with bench.clip.open("rb") as file:
        record = bench.scan(device="auto", fd=file.fileno())
    run_until(lambda: record.frames)
    record.stop()
    run_until(lambda: record.ended and is_gone(before))


def test_stopping_meanwhile_starts_nothing(bench: Bench) -> None:
    before = worker_pid(bench.supervisor)
    seen(bench)
    bench.supervisor.stop()
    assert is_gone(before)
    assert bench.supervisor._process is None


def test_who_asks_for_cameras_meanwhile_is_answered(bench: Bench) -> None:
    answers: list[object] = []
    seen(bench)
    bench.supervisor.list_cameras(answers.append)
    run_until(lambda: answers)
