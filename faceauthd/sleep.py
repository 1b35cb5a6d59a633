# SPDX-License-Identifier: MIT
"""Before the machine sleeps, the scan ends and the camera is closed; then it may.

logind is asked to wait (an inhibitor lock of mode "delay", which it gives up after five seconds by
itself) and says when it is about to sleep, and when it is awake again. Until then no scan begins: a
face that was in front of the camera before would be judged after. Without logind nothing is done.
"""

import logging
import os
from typing import Any

from faceauthd.bus import Bus, BusError, Peer
from faceauthd.capture import Slot
from faceauthd.environment import LOGIND, MANAGER
from faceauthd.variants import Typed

TIMEOUT = 5.0  # seconds for logind to give the lock
WHY = "the machine goes to sleep"
log = logging.getLogger(__name__)


class Sleep:
    """Watches logind, and holds its sleep up while a camera is open."""

    def __init__(self, bus: Bus, slot: Slot) -> None:
        self._bus, self._slot = bus, slot
        self._manager = Peer(LOGIND, MANAGER, f"{LOGIND}.Manager")
        self._lock: int | None = None

    def start(self) -> None:
        """From now on."""
        self._bus.on_signal(self._manager, "PrepareForSleep", self._prepare)
        self._bus.on_vanished(LOGIND, self._wake)  # nobody would say that the machine is awake
        self._take_lock()

    def _prepare(self, begins: object) -> None:
        if begins is True:
            log.info("%s; the scan ends", WHY)
            self._slot.barred = WHY
            self._slot.cancel(None, WHY)
            self._slot.when_closed(self._release)
        else:
            self._wake()
            if self._lock is None:
                self._take_lock()

    def _wake(self) -> None:
        self._slot.barred = ""

    def _take_lock(self) -> None:
        received: list[int] = []

        def answered(reply: tuple[Any, ...] | BusError) -> None:
            if isinstance(reply, BusError):
                log.info("no lock to hold the sleep up until the camera is closed: %s", reply)
            elif received:
                self._release()
                self._lock = received[0]
                if self._slot.barred:  # it comes late: the machine is about to sleep already
                    self._slot.when_closed(self._release)

        question = Typed("(ssss)", ("sleep", "faceauthd", "The camera is being closed", "delay"))
        self._bus.ask(
            self._manager,
            "Inhibit",
            question,
            timeout=TIMEOUT,
            done=answered,
            reply="(h)",
            received=received,
        )

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
