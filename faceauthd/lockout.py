# SPDX-License-Identifier: MIT
"""How many refusals in a row, and how long to wait after them.

Only judged refusals count (``Result.judged_refusal``). A match starts afresh, and so do a password
and an enrolment, which polkit or root stands up for. Who has another user scanned has a count of
their own for that user, so that nobody can lock somebody else out.

The clock is CLOCK_BOOTTIME, which nobody can set and which runs on in suspend. It begins anew at
each boot: then only the time since that boot counts as waited, so that neither a reboot nor a
changed wall clock shortens a wait.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from faceauthd.config import LockoutConfig

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Moment:
    """A point in time: which boot, and seconds since it."""

    boot: str
    seconds: float

    @classmethod
    def now(cls) -> "Moment":
        return cls(BOOT_ID.read_text().strip(), time.clock_gettime(time.CLOCK_BOOTTIME))


@dataclass(frozen=True)
class Lockout:
    """A user's refusals in a row, and when the last one was. The default is a clean slate."""

    failures: int = 0
    last: Moment = Moment("", 0.0)

    def refused(self, now: Moment) -> "Lockout":
        """The state after one more judged refusal."""
        return Lockout(self.failures + 1, now)

    def remaining(self, config: LockoutConfig, now: Moment) -> float:
        """Seconds until the next scan may start: 0 is now, infinity is after a password."""
        if self.failures >= config.final:
            return math.inf
        if self.failures < config.attempts:
            return 0.0
        # The exponent is bounded by final <= 100, so that the power stays a finite float.
        wait = config.first_wait * 2.0 ** (self.failures - config.attempts)
        return max(0.0, min(wait, config.longest_wait) - self._waited(now))

    def _waited(self, now: Moment) -> float:
        if now.boot != self.last.boot:
            return now.seconds
        return max(0.0, now.seconds - self.last.seconds)
