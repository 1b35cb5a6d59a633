# SPDX-License-Identifier: MIT
"""Turns of GLib's main loop: what to do at the next one, or at the first after some seconds.

``GLib.idle_add`` and ``GLib.timeout_add`` are not used, since the daemon runs for months: on
Debian 12 (PyGObject 3.42, GObject Introspection 1.74) what is made of a Python function for one of
GLib's callbacks is never freed (``g_callable_info_free_closure`` is empty there). That was 112
bytes a timer, 160 a question over the bus, 1.3 KiB a scan. One GLib.Source for all turns needs no
such callback.

Any thread may ask for a turn. What an act raises goes to the log.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

from gi.repository import GLib

Act = Callable[[], object]
NEVER = -1
log = logging.getLogger(__name__)


class _Turns(GLib.Source):  # type: ignore[misc]
    """A source that is ready when the first of its acts is due, and does one of them a turn."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._acts: dict[int, Act] = {}  # by number; one that was given up is not in it
        self._due: list[tuple[int, int]] = []  # a heap: monotonic time in µs, number
        self._numbers = itertools.count()

    def __del__(self) -> None:
        """It lives as long as the process; PyGObject's own fails when Python shuts down."""

    def after(self, seconds: float, act: Act) -> Callable[[], None]:
        with self._lock:
            number = next(self._numbers)
            self._acts[number] = act
            heapq.heappush(self._due, (_now() + int(seconds * 1e6), number))
            self._get_ready()
        return lambda: self._forget(number)

    def _forget(self, number: int) -> None:
        with self._lock:
            if self._acts.pop(number, None):
                self._get_ready()

    def _get_ready(self) -> None:
        """Tell GLib when the next turn is; this wakes up a main loop in another thread."""
        while self._due and self._due[0][1] not in self._acts:
            heapq.heappop(self._due)
        self.set_ready_time(self._due[0][0] if self._due else NEVER)

    def _take(self) -> Act | None:
        with self._lock:
            if not self._due or self._due[0][0] > _now():
                return None  # it was given up meanwhile
            _, number = heapq.heappop(self._due)
            act = self._acts.pop(number, None)
            self._get_ready()
            return act

    # What GLib asks of a source. Its ready time says all there is to say.

    def prepare(self) -> tuple[bool, int]:
        return False, NEVER

    def check(self) -> bool:
        return False

    def dispatch(self, _callback: object, _arguments: object) -> bool:
        if act := self._take():
            try:
                act()
            except Exception:
                log.exception("unforeseen error")
        return True


def soon(act: Act) -> None:
    """Do it at one of the next turns, in the order in which that was asked for."""
    _TURNS.after(0, act)


def after(seconds: float, act: Act) -> Callable[[], None]:
    """Do it once, that much later; returns a function that gives it up, if it is not done yet."""
    return _TURNS.after(seconds, act)


class Timers:
    """Acts for later, by name: one of each name, whose place a newer one takes."""

    def __init__(self) -> None:
        self._give_up: dict[str, Callable[[], None]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether there is one that is not done yet."""
        return name in self._give_up

    def after(self, name: str, seconds: float, act: Act) -> None:
        def due() -> None:
            del self._give_up[name]
            act()

        self.drop(name)
        self._give_up[name] = after(seconds, due)

    def drop(self, name: str) -> None:
        """Give it up, if there is one."""
        if give_up := self._give_up.pop(name, None):
            give_up()

    def clear(self) -> None:
        for name in tuple(self._give_up):
            self.drop(name)


def _now() -> int:
    return time.monotonic_ns() // 1000  # g_get_monotonic_time()'s clock


_TURNS = _Turns()
_TURNS.set_can_recurse(True)  # an act may wait in a main loop of its own
_TURNS.attach(GLib.MainContext.default())
