# SPDX-License-Identifier: MIT
"""One worker process, seen from GLib's main loop: started, spoken to, and surely ended.

The child gets a clean environment, one socket and nothing else of the daemon's. ``on_gone`` comes
exactly once, when the kernel says that the process is gone; all that it had open, the camera
first of all, is closed by then.
"""

import logging
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from gi.repository import GLib

from faceauthd import messages, wire
from faceauthd.aside import Aside
from faceauthd.fields import WireError

log = logging.getLogger("faceauthd.worker")

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    # One face at a time gains nothing from threads that wait for one another.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # What goes wrong with a picture is said by us, in one line.
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    # Seconds that OpenCV waits for a camera's next picture, 10 by itself; closing waits for it.
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",
}
# Reports handled before the main loop gets its turn again; a flood must not starve the bus.
_AT_ONCE = 16
_LAST_WORDS = 256  # reports taken from a dead worker's socket, where only so many can be
_REAPERS = Aside(64)  # that wait for abandoned workers

OnReport = Callable[[messages.Report], None]
OnGone = Callable[[str], None]


class WorkerProcess:
    """A running worker. Callbacks come from the main loop, never from within a method."""

    def __init__(
        self, command: Callable[[int], Sequence[str]], on_report: OnReport, on_gone: OnGone
    ) -> None:
        """Starts ``command(fd)``, fd being the worker's end; OSError where that fails."""
        self._on_report = on_report
        self._on_gone = on_gone
        self._sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = subprocess.Popen(
                command(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            self._sock.close()
            raise
        finally:
            theirs.close()
        self._sock.setblocking(False)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._watches = {
            "socket": _watch(self._sock.fileno(), self._on_socket),
            "exit": _watch(self._pidfd, self._on_exit),
        }

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def hears(self) -> bool:
        """Whether it is not known to be at its end, so that orders may reach it."""
        return "socket" in self._watches

    def send(self, order: messages.Order, fd: int | None = None) -> None:
        """Sends an order; a worker that does not take it is killed."""
        try:
            wire.send(self._sock, order, fd)
        except (OSError, WireError) as error:  # nobody reads, or nobody could read that
            self.kill(f"cannot be told ({error})")

    def kill(self, why: str) -> None:
        """Ends the worker at once and believes it no more; on_gone follows."""
        log.error("worker %d %s: killed", self.pid, why)
        self._end()

    def close(self) -> None:
        """Ends the worker and waits until it is gone; no callback follows."""
        self._process.kill()
        self._process.wait()
        self._release()

    def abandon(self) -> None:
        """Ends the worker and waits for nothing; no callback follows.

        What it has open may be a caller's file, whose file system is asked at the end as well and
        may take its time (FUSE's FLUSH). So this is for a worker that has no camera open.
        """
        self._process.kill()
        self._release()
        with suppress(RuntimeError):  # no thread can be had: subprocess reaps it at its next start
            _REAPERS.do(self._reap)

    def _reap(self) -> None:
        self._process.wait()

    def _on_socket(self) -> bool:
        self._receive(_AT_ONCE)
        return self.hears

    def _on_exit(self) -> bool:
        self._receive(_LAST_WORDS)
        if "exit" not in self._watches:  # closed by who heard the last words
            return False
        status = self._process.wait()
        self._release()
        self._on_gone(f"signal {-status}" if status < 0 else f"exit status {status}")
        return False

    def _receive(self, most: int) -> None:
        """Handles the reports that wait, up to ``most`` and as long as they are believed."""
        for _ in range(most):
            if not self.hears:
                return
            try:
                report = wire.receive_report(self._sock)
            except BlockingIOError:
                return
            except (WireError, OSError) as error:
                self.kill(f"sent nonsense ({error})")
                return
            if report is None:  # it hung up, so it is ending or must
                self._end()
                return
            self._on_report(report)

    def _end(self) -> None:
        self._process.kill()
        self._unwatch("socket")

    def _unwatch(self, name: str) -> None:
        source = self._watches.pop(name, None)
        if source is not None:
            GLib.source_remove(source)

    def _release(self) -> None:
        for name in tuple(self._watches):
            self._unwatch(name)
        os.close(self._pidfd)
        self._sock.close()


def _watch(fd: int, ready: Callable[[], bool]) -> int:
    def callback(_fd: int, _condition: Any) -> bool:
        return ready()

    wanted = GLib.IOCondition.IN | GLib.IOCondition.HUP | GLib.IOCondition.ERR
    return int(GLib.io_add_watch(fd, GLib.PRIORITY_DEFAULT, wanted, callback))
