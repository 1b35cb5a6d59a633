# SPDX-License-Identifier: MIT
"""Closes the files that came with calls, so that nobody waits for it.

That may take as long as their sender likes: a socket lingers until its peer has read everything
(SO_LINGER), and a file system of the sender's own is asked first (FUSE's FLUSH). By one such call,
which need not be let through, anybody could stop the main loop. So it is done aside, and a socket
does not linger.
"""

import os
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from faceauthd.aside import Aside

MOST = 64  # that are being closed at once; more of them wait
NO_LINGER = struct.pack("ii", 0, 0)
_ASIDE = Aside(MOST)


def close(descriptors: Iterable[int]) -> None:
    """Close them, soon; they are the caller's no more."""
    for descriptor in descriptors:
        _linger_not(descriptor)
        try:
            _ASIDE.do(partial(_close, descriptor))
        except RuntimeError:  # no thread can be had; what is left open would be for ever
            _close(descriptor)


def _close(descriptor: int) -> None:
    with suppress(OSError):  # what a file system says at the end; it is closed all the same
        os.close(descriptor)


def _linger_not(descriptor: int) -> None:
    with suppress(OSError):  # it is no socket
        passed = socket.socket(fileno=descriptor)
        try:
            passed.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        finally:
            passed.detach()
