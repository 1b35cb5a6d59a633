# SPDX-License-Identifier: MIT
"""The work on a scan's frames, overlapped: frames in, observations out, in the frames' order.

The caller's thread looks for faces; a second judges whether one is live, and reports the frame. A
frame is taken from the source when there is room for it, so what waits is never more than
``IN_HAND`` frames, and a camera that is faster than we are shows its newest.

Embedding is the dearest part. With ``every`` above 0 a face is embedded when it comes into view and
from then on so many seconds apart; between, it is followed by a cheap look at each frame. Whatever
that shows but the same single face at the same place calls for a thorough look, and so for an
embedding. What a frame without one counts for is the session's to say (sessions/follow.py).

Of a face that is followed so few frames are embedded that the caller's thread does it as well: two
threads leave two processors nothing to sort out, and a login took 0.94 of what it took with four.
Where each frame is embedded, a third thread does that, which is the larger part of the work.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from faceauthd.camera.terms import Frame
from models.face import Face, Image
from models.observation import Observation
from models.pose import Pose

if TYPE_CHECKING:
    from models.observer import Look  # with OpenCV, which the loading thread imports

# One being looked at and two behind it. With four or five a login takes as long (60 in turns).
IN_HAND = 3
# Seconds for a word from the daemon, behind frames that may be enough. It takes 2 ms, in which a
# frame that nobody needs would keep the processor from those who answer.
WORD = 0.01

Embedding = NDArray[np.float32]
Embedded = tuple[Embedding, bool]  # and whether without the mirror image
Measures = tuple[dict[str, float], Pose | None]  # liveness by model, and how the head is held


class Judge(Protocol):
    """What sees in images: models.observer.Observer, or a test's own. Its methods say what."""

    def look(self, image: Image, index: int, at: float) -> "Look": ...
    def follow(self, image: Image, index: int, at: float, before: Face) -> "Look | None": ...
    def embed(self, image: Image, face: Face, once: bool) -> Embedding: ...
    def live(self, image: Image, face: Face) -> dict[str, float]: ...
    def pose(self, image: Image, face: Face) -> Pose: ...


@dataclass(frozen=True)
class Wishes:
    """Which of the dear parts are wanted."""

    embed: bool
    liveness: bool
    pose: bool = False


class Pipeline:
    """One scan's work. ``every`` and ``once`` may be set by another thread at any time.

    ``once``: whether a face is embedded without its mirror image, which halves the dearest part.
    """

    def __init__(
        self,
        judge: Judge,
        wishes: Wishes,
        every: float,
        report: Callable[[Observation, Image], None],
        enough: int = 0,
    ) -> None:
        """
        every   seconds between two embeddings of a face that is followed; 0 embeds every frame
        report  gets the observations and their images, in a thread of the pipeline's
        enough  so many frames with a face, one behind the other, may be all that is needed: no
                other is looked at before these are reported, and stop() had WORD to be called;
                0: none may be
        """
        self.every = every
        self.once = False
        self._judge = judge
        self._wishes = wishes
        self._report = report
        self._enough = enough
        self._in_a_row = 0  # frames with a face, since the last time that they were enough
        self._stopped = Event()
        # A network does one thing at a time, and ``every`` may change while a frame is embedded.
        self._embedding = Lock()
        self._face: Face | None = None  # the frame before's one face
        self._embedded_at = 0.0

    def stop(self) -> None:
        """Makes run() end as soon as its frames do; from any thread."""
        self._stopped.set()

    def run(self, frames: Iterator[Frame]) -> None:
        """Until the frames end, and all are reported; raises what any part of the work raises."""
        with ExitStack() as stack:
            embedder, judge = (stack.enter_context(_thread(name)) for name in ("embed", "live"))
            in_hand: deque[Future[None]] = deque()
            for frame in frames:
                every = self.every
                look, thorough = self._look(frame, every)
                embedded = measures = None
                if look.face is not None:
                    measures = judge.submit(self._measure, frame.image, look.face)
                    if thorough and self._wishes.embed:
                        embed = _here if every > 0 else embedder.submit
                        embedded = embed(self._embed, frame.image, look.face)
                in_hand.append(judge.submit(self._finish, frame.image, look, embedded, measures))
                enough = self._are_enough(look)
                most = 0 if enough else IN_HAND - 1
                while in_hand and (in_hand[0].done() or len(in_hand) > most):
                    in_hand.popleft().result()
                if enough:
                    self._stopped.wait(WORD)
            while in_hand and not self._stopped.is_set():
                in_hand.popleft().result()

    def _are_enough(self, look: "Look") -> bool:
        """Whether the frames up to this one may be all that is needed."""
        self._in_a_row = self._in_a_row + 1 if look.face is not None else 0
        enough = 0 < self._enough <= self._in_a_row
        if enough:
            self._in_a_row = 0
        return enough

    def _look(self, frame: Frame, every: float) -> "tuple[Look, bool]":
        """What the frame shows, and whether that was a thorough look."""
        if self._face is not None and frame.at - self._embedded_at < every:
            followed = self._judge.follow(frame.image, frame.index, frame.at, self._face)
            if followed is not None:
                self._face = followed.face
                return followed, False
        look = self._judge.look(frame.image, frame.index, frame.at)
        self._face, self._embedded_at = look.face, frame.at
        return look, True

    def _embed(self, image: Image, face: Face) -> Embedded:
        with self._embedding:
            once = self.once
            return self._judge.embed(image, face, once), once

    def _measure(self, image: Image, face: Face) -> Measures:
        """What of the face is wished for beside who it is."""
        return (
            self._judge.live(image, face) if self._wishes.liveness else {},
            self._judge.pose(image, face) if self._wishes.pose else None,
        )

    def _finish(
        self,
        image: Image,
        look: "Look",
        embedded: Future[Embedded] | None,
        measures: Future[Measures] | None,
    ) -> None:
        seen = look.observation
        if measures is not None:
            liveness, pose = measures.result()
            seen = replace(seen, liveness=liveness, pose=pose)
        if embedded is not None:
            embedding, once = embedded.result()
            seen = replace(seen, embedding=embedding, once=once)
        self._report(seen, image)


def _here(work: Callable[[Image, Face], Embedded], image: Image, face: Face) -> Future[Embedded]:
    """Work that is done when this returns; its error comes in the frame's turn, as a thread's."""
    done: Future[Embedded] = Future()
    try:
        done.set_result(work(image, face))
    except Exception as error:
        done.set_exception(error)
    return done


@contextmanager
def _thread(name: str) -> Iterator[ThreadPoolExecutor]:
    """One thread; what it was to do is forgotten at the end."""
    pool = ThreadPoolExecutor(1, name)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
