# SPDX-License-Identifier: MIT
"""A supervisor under test: its main loop, its workers, and what a scan reported."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from gi.repository import GLib

from faceauthd import messages
from faceauthd.config import CameraConfig
from faceauthd.engine import Scan, WorkerSupervisor
from faceauthd.worker_spec import Limits
from models.observation import Observation

SCRIPT = Path(__file__).with_name("worker_script.py")
T = TypeVar("T")
GUARD = 120.0  # seconds: only a hang reaches this


@dataclass
class Script:
    """Workers of tests/faceauthd/worker_script.py; ``how`` may change from one to the next."""

    how: str = "honest"
    argument: str = ""

    def command(self, fd: int) -> Sequence[str]:
        return (
            sys.executable, "-I", str(SCRIPT), str(fd), str(os.getpid()), self.how, self.argument,
        )  # fmt: skip


@dataclass
class Record:
    """What a scan reported. ``on_event`` is called at each report, after it is recorded."""

    opened: list[tuple[str, str]] = field(default_factory=list)
    frames: list[Observation] = field(default_factory=list)
    ended: list[tuple[messages.EndWhy, str]] = field(default_factory=list)
    on_event: Callable[[], object] = lambda: None
    scan: Scan | None = None

    def start(
        self,
        supervisor: WorkerSupervisor,
        device: Path | str,
        *,
        paced: bool = False,
        fd: int | None = None,
        liveness: Sequence[str] = ("passive",),
        embed: bool = True,
    ) -> "Record":
        self.scan = supervisor.scan(
            CameraConfig(device=str(device), paced=paced),
            liveness=liveness,
            embed=embed,
            on_opened=lambda *camera: self._event(self.opened, camera),
            on_frame=lambda seen: self._event(self.frames, seen),
            on_ended=lambda *end: self._event(self.ended, end),
            fd=fd,
        )
        return self

    def stop(self) -> None:
        assert self.scan is not None
        self.scan.stop()

    @property
    def why(self) -> str:
        """How it ended, after it did: once, and nothing since."""
        assert len(self.ended) == 1
        return self.ended[0][0]

    def _event(self, events: list[T], event: T) -> None:
        assert not self.ended, f"{event} after the end"
        events.append(event)
        self.on_event()


def run_until(condition: Callable[[], object]) -> None:
    """Runs the main loop until ``condition`` holds; the time only guards against a hang."""
    context = GLib.MainContext.default()
    deadline = time.monotonic() + GUARD
    tick = GLib.timeout_add(50, lambda: True)  # so that the deadline is looked at
    try:
        while not condition():
            context.iteration(True)
            assert time.monotonic() < deadline, "nothing happened"
    finally:
        GLib.source_remove(tick)


def worker_pid(supervisor: WorkerSupervisor) -> int:
    process = supervisor._process
    assert process is not None
    return process.pid


# See faceauthd/confinement.py: keep_memory_private.
SEES_INTO_WORKERS = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: a worker shows what it has open to nobody else"
)


def opened_files(pid: int) -> list[str]:
    """What the process ``pid`` has open; empty where it is gone."""
    files = []
    with suppress(FileNotFoundError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                files.append(str(link.readlink()))
    return files


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


class Bench:
    """A supervisor, the script that its workers follow, and a clip."""

    def __init__(self, clip: Path, **limits: Any) -> None:
        self.clip = clip
        self.script = Script()
        self.supervisor = WorkerSupervisor(self.script, Limits(**limits))

    def start(self, how: str = "honest", argument: str = "") -> "Bench":
        self.script.how, self.script.argument = how, argument
        self.supervisor.start()
        return self

    def ready(self) -> "Bench":
        run_until(lambda: self.supervisor.state == "ready")
        return self

    def scan(self, **options: Any) -> Record:
        return Record().start(self.supervisor, options.pop("device", self.clip), **options)

    def scan_to_first_frame(self, **options: Any) -> Record:
        record = self.scan(**options)
        run_until(lambda: record.frames or record.ended)
        return record

    def scans_still(self, **options: Any) -> None:
        """A whole scan, from the first frame to the end."""
        record = self.scan_to_first_frame(**options)
        record.stop()
        run_until(lambda: record.ended)
        assert record.why == "stopped"
