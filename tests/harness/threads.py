# SPDX-License-Identifier: MIT
"""The daemon's threads (faceauthd/aside.py), waited for."""

import threading

from tests.harness.bus import HANG_GUARD


def at_rest() -> None:
    """Return once all that is done aside is done; a hang fails the test."""
    for thread in threading.enumerate():
        if thread.name == "aside":
            thread.join(HANG_GUARD)
            assert not thread.is_alive(), "hung"
