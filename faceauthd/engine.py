# SPDX-License-Identifier: MIT
"""The worker's supervisor: starts it, hands it scans, survives its death.

It runs on GLib's main loop and never blocks it. Each scan gets exactly one ``on_ended``, and gets
it when the camera is closed: the worker said so, or its process is gone. Callbacks never come
from within the call that causes them; ``stop`` alone, at the daemon's end, answers what is open.

The worker handles hostile input, so it is not trusted to keep to the protocol: one that sends what
it may not, or does not stop when told to, is killed and replaced. One that dies again and again
is given up until the next scan asks for it.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, ParamSpec

from faceauthd import messages, passed, turns
from faceauthd.camera.stand_in import is_stand_in, open_stand_in
from faceauthd.camera.terms import CameraError, CameraInfo
from faceauthd.config import CHALLENGE, CameraConfig
from faceauthd.worker_process import WorkerProcess
from faceauthd.worker_spec import Command, Limits
from models.observation import Observation

log = logging.getLogger("faceauthd.engine")

_P = ParamSpec("_P")
State = Literal["starting", "ready", "idle", "failed", "stopped"]
OnOpened = Callable[[str, str], None]  # the camera's id and name
OnFrame = Callable[[Observation], None]
OnEnded = Callable[[messages.EndWhy, str], None]  # why, and one line for people
OnCameras = Callable[[Sequence[CameraInfo] | None], None]  # None: the worker could not be asked


class Scan:
    """One scan, from WorkerSupervisor.scan() until on_ended."""

    def __init__(
        self,
        order: messages.Scan,
        fd: int | None,
        supervisor: "WorkerSupervisor",
        callbacks: tuple[OnOpened, OnFrame, OnEnded],
    ) -> None:
        self.order = order
        self.fd = fd
        self.on_opened, self.on_frame, self.on_ended = callbacks
        self.of_a_file = False  # of the caller's
        self.opened = False
        self.stopped = False
        self.last_index = -1
        self._embed = (order.every, False)
        self._supervisor = supervisor

    def stop(self) -> None:
        """Ends the scan; no frame comes any more, and on_ended once the camera is closed."""
        if not self.stopped:
            self.stopped = True
            self._supervisor.end(self)

    def embed_every(self, seconds: float, *, once: bool) -> None:
        """From now on, embed a face that is followed so many seconds apart; 0: in each frame.

        ``once`` leaves its mirror image out. The camera must be open: the worker knows of no other
        scan.
        """
        if (seconds, once) != self._embed and self.opened and not self.stopped:
            self._embed = (seconds, once)
            self._supervisor.tell(self, messages.Every(self.order.id, seconds, once))

    def show_on(self, fd: int) -> None:
        """From now on, send pictures to ``fd`` (camera/preview.py), which stays the caller's."""
        if not self.stopped:
            self._supervisor.tell(self, messages.Show(self.order.id), fd)

    def close_fd(self) -> None:
        if self.fd is not None:
            passed.close([self.fd])
            self.fd = None


class WorkerSupervisor:
    """Keeps one worker running, and one scan at a time in it.

    state  "starting", "ready", "idle" (let go until there is work), "failed" (given up until the
           next scan) or "stopped"
    info   what the worker loaded; None unless it is ready, or was and is idle
    known  what a worker loaded last, to be told to people and never to judge by; other than
           ``info`` it stays while another worker starts, and is None where none could load
    text   why it failed, one line; empty unless state is "failed"
    """

    def __init__(
        self, spec: Command, limits: Limits | None = None, idle: float = 0.0, fresh: bool = False
    ) -> None:
        """
        idle   seconds without work after which the worker is let go; 0 keeps it
        fresh  whether each scan has a worker of its own
        """
        self.state: State = "stopped"
        self.info: messages.Ready | None = None
        self.known: messages.Ready | None = None
        self.text = ""
        self._spec = spec
        self._limits = limits or Limits()
        self._idle, self._fresh = idle, fresh
        self._process: WorkerProcess | None = None
        self._spent: WorkerProcess | None = None  # gets no more work
        self._running: Scan | None = None
        self._waiting: deque[Scan] = deque()
        self._questions: dict[int, OnCameras] = {}
        self._unasked: list[tuple[messages.ListCameras, OnCameras]] = []
        self._timers = turns.Timers()
        self._last_id = 0
        self._deaths = 0
        self._failed_at = 0.0

    def start(self) -> None:
        """Starts the worker, so that it is ready when the next scan comes."""
        if self.state in ("stopped", "idle"):
            self._spawn()

    def stop(self) -> None:
        """Ends the worker and every scan before it returns."""
        self.state, self.info, self.known = "stopped", None, None
        self._timers.clear()
        process, self._process = self._process, None
        if process is not None:
            process.close()
        self._give_up("stopped", "faceauthd is ending")

    def scan(
        self,
        camera: CameraConfig,
        *,
        liveness: Sequence[str],
        embed: bool,
        on_opened: OnOpened,
        on_frame: OnFrame,
        on_ended: OnEnded,
        fd: int | None = None,
        every: float = 0.0,
        enough: int = 0,
    ) -> Scan:
        """Scans with ``camera`` or, where given, the file ``fd``, which stays the caller's.

        The worker may open devices alone: what stands in for a camera is opened here.
        Where the worker is not ready yet, or another scan is ending, it begins a little later.
        Once on_opened has come, ``info`` is set.
        """
        if fd is not None:
            camera = replace(camera, device="auto")  # no path: it is not what stands there
        order = messages.Scan(self._new_id(), camera, tuple(liveness), embed, every, enough)
        scan = Scan(order, None, self, (on_opened, on_frame, on_ended))
        try:
            if fd is not None:
                scan.fd, scan.of_a_file = os.dup(fd), True
            elif is_stand_in(camera.device):
                scan.fd = open_stand_in(camera.device)
        except CameraError as error:
            ended = messages.ended_by(error)
            turns.soon(lambda: scan.on_ended(*ended))
            return scan
        self._waiting.append(scan)
        turns.soon(self._proceed)
        return scan

    def list_cameras(self, on_done: OnCameras, allow_virtual: Sequence[str] = ()) -> None:
        """Asks for the cameras; on_done comes once, with None where the worker cannot be asked."""
        question = messages.ListCameras(self._new_id(), tuple(allow_virtual))
        self._unasked.append((question, on_done))
        turns.soon(self._proceed)

    def tell(self, scan: Scan, order: messages.Order, fd: int | None = None) -> None:
        """Sends an order about a scan, once that runs."""
        if scan is self._running:
            self._send(order, fd)

    def end(self, scan: Scan) -> None:
        """What Scan.stop() asks for."""
        if scan is self._running:
            self._send(messages.Stop(scan.order.id))
            self._arm("stop", self._limits.stop, "did not stop when told to")
        elif scan in self._waiting:
            self._waiting.remove(scan)
            scan.close_fd()
            turns.soon(lambda: scan.on_ended("stopped", ""))

    # What is to be done next.

    def _proceed(self) -> None:
        """Hands the worker what waits for it; brings it back first if it was given up."""
        if not self._waiting and not self._unasked:
            return
        self._timers.drop("idle")
        if self.state == "idle":
            self._spawn()
        if self.state == "failed" and time.monotonic() - self._failed_at >= self._limits.retry:
            self._spawn()
        if self.state in ("failed", "stopped"):
            self._give_up("error", self.text or "the worker is stopped")
            return
        if self._process is None or self._process is self._spent or not self._process.hears:
            return  # a new one is about to be started
        unasked, self._unasked = self._unasked, []
        for question, on_done in unasked:
            self._questions[question.id] = on_done
            self._send(question)
            self._arm("answer", self._limits.answer, "did not say which cameras there are")
        if self._running is None and self._waiting:
            self._running = scan = self._waiting.popleft()
            self._send(scan.order, scan.fd)
            scan.close_fd()

    def _send(self, order: messages.Order, fd: int | None = None) -> None:
        if self._process is not None:
            self._process.send(order, fd)

    def _give_up(self, why: messages.EndWhy, text: str) -> None:
        """Ends all scans and questions; there is no worker any more."""
        self._end_running(why, text)
        waiting, self._waiting = self._waiting, deque()
        unasked, self._unasked = self._unasked, []
        for scan in waiting:
            scan.close_fd()
            _call(scan.on_ended, why, text)
        for _question, on_done in unasked:
            _call(on_done, None)

    def _end_running(self, why: messages.EndWhy, text: str) -> None:
        """Ends what the worker, which is gone, was busy with."""
        running, self._running = self._running, None
        questions, self._questions = self._questions, {}
        if running is not None:
            _call(running.on_ended, why, text)
        for on_done in questions.values():
            _call(on_done, None)

    # The worker's life.

    def _rest(self) -> None:
        """Lets the worker go, if nothing comes to be done for long enough."""
        busy = self._running or self._waiting or self._questions or self._unasked
        if self._idle > 0 and self.state == "ready" and not busy:
            self._timers.after("idle", self._idle, self._let_go)

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()
        self.state = "idle"
        log.info("the worker is let go until there is work")

    def _renew(self) -> None:
        """Starts another worker in place of one that has decoded a caller's file, say.

        What is in such a file may have taken the worker over, and must not judge the next scan.
        """
        spent, self._spent = self._spent, None
        if spent is None or spent is not self._process:
            return  # it is gone already
        self._timers.clear()
        spent.abandon()
        self._end_running("error", "the worker was replaced")
        self._spawn()

    def _spawn(self) -> None:
        self._timers.drop("spawn")
        self.state, self.info, self.text = "starting", None, ""
        try:
            self._process = WorkerProcess(self._spec.command, self._on_report, self._on_gone)
        except OSError as error:
            self._fail(f"the worker cannot be started: {error.strerror}")
            return
        self._arm("start", self._limits.start, "did not load its models in time")
        turns.soon(self._proceed)

    def _on_gone(self, how: str) -> None:
        log.error("the worker is gone (%s)", how)
        self._timers.clear()
        self._process, self.info = None, None
        self._deaths += 1
        if self.text:
            self._fail(self.text)
        elif self._deaths >= self._limits.deaths:
            self._fail(f"the worker died {self._deaths} times in a row ({how})")
        else:
            self.state = "starting"
            delay = min(2.0 ** (self._deaths - 4), self._limits.longest_delay)
            self._timers.after("spawn", delay if self._deaths > 1 else 0, self._spawn)
            self._end_running("error", f"the worker died ({how})")

    def _fail(self, text: str) -> None:
        self.state, self.known, self.text = "failed", None, text
        self._failed_at = time.monotonic()
        log.error("%s", text)
        self._give_up("error", text)

    # What the worker says.

    def _on_report(self, report: messages.Report) -> None:
        objection = self._objection(report)
        if objection:
            self._kill(objection)
            return
        match report:
            case messages.Ready():
                self._timers.drop("start")
                self.state, self.info, self.known = "ready", report, report
                self._rest()
            case messages.Failed(text):
                self.text = text or "the worker failed"
            case messages.Cameras(number, cameras):
                on_done = self._questions.pop(number)
                if not self._questions:
                    self._timers.drop("answer")
                _call(on_done, cameras)
                self._rest()
            case messages.Opened() | messages.Judged() | messages.Ended():
                self._on_scan_report(report)

    def _on_scan_report(self, report: messages.Opened | messages.Judged | messages.Ended) -> None:
        scan = self._running
        assert scan is not None  # see _objection
        match report:
            case messages.Opened(_, camera_id, camera_name):
                scan.opened = True
                if not scan.stopped:
                    _call(scan.on_opened, camera_id, camera_name)
            case messages.Judged(_, seen):
                scan.last_index = seen.index
                if not scan.stopped:
                    _call(scan.on_frame, seen)
            case messages.Ended(_, why, text):
                self._timers.drop("stop")
                self._running = None
                self._deaths = 0
                scan.stopped = True
                _call(scan.on_ended, why, text)
                if scan.of_a_file or self._fresh:
                    self._spent = self._process
                    turns.soon(self._renew)  # not from within the process's own callback
                self._proceed()
                self._rest()

    def _objection(self, report: messages.Report) -> str:
        """What is wrong with a report that is well-formed, or nothing."""
        match report:
            case messages.Ready():
                return "was ready twice" if self.info is not None else ""
            case messages.Failed():
                return ""
            case messages.Cameras(number):
                return "" if number in self._questions else "answered what nobody asked"
        scan, info = self._running, self.info
        if scan is None or report.id != scan.order.id:
            return "spoke of a scan that is not running"
        if isinstance(report, messages.Ended):
            return ""
        if info is None or scan.opened == isinstance(report, messages.Opened):
            return "spoke out of turn"
        if isinstance(report, messages.Judged):
            return _measured_otherwise(report.observation, scan, info)
        return ""

    def _arm(self, name: str, seconds: float, fault: str) -> None:
        """Kills the worker for this fault, unless the timer is dropped before."""
        self._timers.after(name, seconds, lambda: self._kill(fault))

    def _kill(self, fault: str) -> None:
        if self._process is not None:
            self._process.kill(fault)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _measured_otherwise(seen: Observation, scan: Scan, info: messages.Ready) -> str:
    """Whether the worker measured something else than it was asked for, or than it can."""
    if seen.index <= scan.last_index:
        return "sent its frames out of order"
    if seen.embedding is not None and seen.embedding.shape != (info.dimension,):
        return "sent an embedding of another size"
    if seen.embedding is not None and not scan.order.embed:
        return "sent an embedding that nobody asked for"
    models = {model for cue in scan.order.liveness for model in info.cues.get(cue, ())}
    if not models.issuperset(seen.liveness):
        return "sent a liveness that nobody asked for"
    if seen.pose is not None and CHALLENGE not in scan.order.liveness:
        return "sent a pose that nobody asked for"
    return ""


def _call(callback: Callable[_P, object], *args: _P.args, **kwargs: _P.kwargs) -> None:
    """Calls back; a caller's mistake must not make the supervisor deaf."""
    try:
        callback(*args, **kwargs)
    except Exception:
        log.exception("a callback failed")
