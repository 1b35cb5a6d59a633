# SPDX-License-Identifier: MIT
"""When a file is opened and closed, as the kernel tells it: a camera that is a file, at work.

And waiting for what the kernel does not tell.
"""

import ctypes
import os
import select
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

IN_OPEN, IN_CLOSE_NOWRITE = 0x20, 0x10
HEADER = struct.Struct("iIII")  # struct inotify_event, without the name that files do not have
HANG_GUARD = 120_000  # milliseconds, generous: only a hang reaches it


class FileWatch:
    """``with FileWatch(clip) as watch: … watch.opened() … watch.closed()``."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve(strict=True)

    def __enter__(self) -> Self:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_CLOEXEC)
        mask = IN_OPEN | IN_CLOSE_NOWRITE
        if self._fd < 0 or libc.inotify_add_watch(self._fd, os.fsencode(self._path), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def opened(self) -> None:
        """Returns once somebody opens the file."""
        self._await(IN_OPEN)

    def closed(self) -> None:
        """Returns once somebody closes the file."""
        self._await(IN_CLOSE_NOWRITE)

    def _await(self, wanted: int) -> None:
        waiting = select.poll()
        waiting.register(self._fd, select.POLLIN)
        while True:
            if not waiting.poll(HANG_GUARD):
                raise TimeoutError(f"{self._path}: nobody did what was waited for")
            _watch, mask, _cookie, _length = HEADER.unpack(os.read(self._fd, HEADER.size))
            if mask & wanted:
                return


def until(happened: Callable[[], bool]) -> None:
    """Returns once it has happened, looked for twenty times a second."""
    give_up = time.monotonic() + HANG_GUARD / 1000
    while not happened():
        if time.monotonic() > give_up:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.05)
