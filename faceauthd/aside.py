# SPDX-License-Identifier: MIT
"""Work that blocks, done aside: in at most so many threads, and what comes later waits for one.

A thread ends when nothing waits, so that a daemon at rest has none of them.
"""

import threading
from collections import deque
from collections.abc import Callable

Work = Callable[[], None]  # which raises nothing


class Aside:
    """Up to ``most`` threads."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._free = most
        self._waiting: deque[Work] = deque()

    def do(self, work: Work) -> None:
        """Do it now or, where all threads are busy, in its turn.

        Raises RuntimeError where no thread can be had.
        """
        with self._lock:
            if not self._free:
                self._waiting.append(work)
                return
            self._free -= 1
        try:
            threading.Thread(target=self._labour, args=(work,), name="aside", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._free += 1
            raise

    def _labour(self, work: Work) -> None:
        while True:
            work()
            with self._lock:
                if not self._waiting:
                    self._free += 1
                    return
                work = self._waiting.popleft()
