# SPDX-License-Identifier: MIT
"""How fast a user may call: so many calls at once, and then so many a second. Pure; no clock.

Each call costs the daemon some milliseconds, and a verdict a line in the journal and an event in
the store, of which the oldest is forgotten: who could make thousands of them a minute would hold
others up, and bury what was recorded of them.
"""

ROOM = 256  # users that are remembered before those are forgotten who have all their calls again


class Pace:
    """``burst`` calls at once, ``per_second`` after that; for each user by themself."""

    def __init__(self, burst: int, per_second: float) -> None:
        self._burst, self._per_second = burst, per_second
        self._left: dict[int, tuple[float, float]] = {}  # by uid: calls left, and when

    def allows(self, uid: int, now: float) -> bool:
        """Whether one more call may be made, which is counted then; ``now`` in seconds."""
        left = self._now_left(uid, now)
        if left < 1:
            return False
        if len(self._left) >= ROOM:
            full = [each for each in self._left if self._now_left(each, now) >= self._burst]
            for each in full:
                del self._left[each]
        self._left[uid] = (left - 1, now)
        return True

    def _now_left(self, uid: int, now: float) -> float:
        left, then = self._left.get(uid, (self._burst, now))
        return min(self._burst, left + (now - then) * self._per_second)
