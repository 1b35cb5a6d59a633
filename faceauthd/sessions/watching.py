# SPDX-License-Identifier: MIT
"""``WatchSession``: scan after scan, as Verify would judge them, and a look at each frame of them.

Nobody is let in by it and nobody is refused: the verdicts are shown and are nobody's. What it shows
are scores, so it is for root alone (faceauthd/watching.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from faceauthd.sessions.gallery import Gallery, Likeness
from faceauthd.sessions.sight import probe
from faceauthd.sessions.verdict import CannotJudgeError, Template, Verdict
from models.observation import Observation


class Scan(Protocol):
    """A session of Verify's."""

    @property
    def hint(self) -> str: ...
    @property
    def in_a_row(self) -> int: ...
    def feed(self, frame: Observation, /) -> Verdict | None: ...
    def expire(self) -> Verdict: ...


@dataclass(frozen=True, eq=False)
class Glimpse:
    """One frame, and what a scan makes of it.

    likeness  to the templates; None where the frame has no face to compare, or nobody is enrolled
    threshold  the likeness that a good frame reaches
    in_a_row  how many good frames there are in a row, with this one
    verdict   of the scan that ended with this frame
    """

    frame: Observation
    hint: str
    likeness: Likeness | None
    threshold: float
    in_a_row: int
    verdict: Verdict | None


class WatchSession:
    """``hint`` is the running scan's. It never ends by itself; then it says how many it saw."""

    fraction = 0.0
    every = 0.0
    once = False

    def __init__(
        self,
        scan: Callable[[], Scan] | None,
        templates: Sequence[Template],
        threshold: float,
        deadline: float,
        show: Callable[[Glimpse], None],
    ) -> None:
        """
        scan      makes a session of Verify's with these templates; None where nobody is enrolled
        deadline  seconds after which a scan ends
        show      gets each frame
        """
        self._make = scan
        self._scan = scan() if scan else None
        self._gallery = Gallery(templates) if templates else None
        self._threshold = threshold
        self._deadline = deadline
        self._show = show
        self._began: float | None = None
        self._frames = 0
        self.hint = "scanning"

    def feed(self, frame: Observation) -> int | None:
        """Show one more frame."""
        self._frames += 1
        verdict, in_a_row = self._judge(frame)
        likeness = self._likeness(frame)
        self._show(Glimpse(frame, self.hint, likeness, self._threshold, in_a_row, verdict))
        return None

    def expire(self) -> int:
        return self._frames

    def ended(self, _why: str) -> int:
        return self._frames

    def _judge(self, frame: Observation) -> tuple[Verdict | None, int]:
        """The verdict of the scan that ends here, and its frames in a row."""
        if self._scan is None or self._make is None:
            return None, 0
        self._began = frame.at if self._began is None else self._began
        verdict = self._scan.feed(frame)
        if verdict is None and frame.at - self._began >= self._deadline:
            verdict = self._scan.expire()
        in_a_row, self.hint = self._scan.in_a_row, self._scan.hint
        if verdict is not None:
            self._scan, self._began = self._make(), None
        return verdict, in_a_row

    def _likeness(self, frame: Observation) -> Likeness | None:
        if self._gallery is None or frame.faces != 1:
            return None
        try:
            return self._gallery.likeness(probe(frame, self._gallery.dimension), self._threshold)
        except CannotJudgeError:
            return None
