# SPDX-License-Identifier: MIT
"""One scan for one call, from opening the camera to what the session judged; one at a time.

A capture ends once, by the first of: the session's verdict, the deadline, the end of the frames,
a Cancel, the caller leaving the bus. From then on it listens to nothing, the camera is told
to close, and the next capture may begin; its scan opens the camera when this one has closed it.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from faceauthd import turns
from faceauthd.bus import Bus, Peer
from faceauthd.calls import Call
from faceauthd.config import CameraConfig
from faceauthd.messages import EndWhy
from faceauthd.results import (
    BUS_NAME,
    INTERFACE,
    OBJECT_PATH,
    BusyError,
    CancelledError,
    FaceAuthError,
    Result,
)
from models.observation import Observation

OURSELVES = Peer(BUS_NAME, OBJECT_PATH, INTERFACE)
OPENING = "scanning"  # the hint until the session has one
# The worker's words for the end of a scan; all others are errors.
ENDED = {
    "stopped": Result.CANCELLED,
    "missing": Result.CAMERA_MISSING,
    "busy": Result.BUSY,
}
log = logging.getLogger(__name__)

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


class Session(Protocol[V_co]):
    """What faceauthd.sessions offers: observations in, one verdict out."""

    @property
    def hint(self) -> str: ...
    @property
    def fraction(self) -> float: ...
    @property
    def every(self) -> float: ...
    @property
    def once(self) -> bool: ...
    def feed(self, observation: Observation) -> V_co | None: ...
    def expire(self) -> V_co: ...
    def ended(self, why: str) -> V_co: ...


class Scan(Protocol):
    """A worker's running scan."""

    def stop(self) -> None: ...
    def embed_every(self, seconds: float, *, once: bool) -> None: ...
    def show_on(self, fd: int) -> None: ...


class Scanner(Protocol):
    """The part of the worker's supervisor that a capture needs."""

    def scan(
        self,
        camera: CameraConfig,
        *,
        liveness: Sequence[str],
        embed: bool,
        on_opened: Callable[[str, str], None],
        on_frame: Callable[[Observation], None],
        on_ended: Callable[[EndWhy, str], None],
        fd: int | None = None,
        every: float = 0.0,
        enough: int = 0,
    ) -> Scan: ...


class RefusalError(Exception):
    """Why there is, or shall be, no verdict: a result and one line for people."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


@dataclass(frozen=True)
class Plan(Generic[V]):
    """What to scan for.

    ``session`` is called with the camera's id once that is open, since only then the worker's
    models are known for sure; it may raise RefusalError. ``fd`` is a file to take the frames from.
    ``every``, in seconds, is how far apart a face is embedded until the session says otherwise.
    ``enough`` frames with a face in a row may bring the verdict; 0 where none do.
    ``pictures`` is a socket to show what the camera sees on (camera/preview.py).
    ``loading``, in seconds, is for models that still load: until the camera is open it comes on top
    of ``timeout``, which then begins anew.
    """

    scanner: Scanner
    camera: CameraConfig
    liveness: tuple[str, ...]
    timeout: float  # seconds
    session: Callable[[str], Session[V]]
    fd: int | None = None
    every: float = 0.0
    enough: int = 0
    pictures: int | None = None
    loading: float = 0.0


@dataclass(frozen=True)
class Ending(Generic[V]):
    """How a capture ended.

    verdict   what the session judged, or had judged by then; None where it never began
    refusal   why the session did not come to its own end; None where it did
    camera    the camera's id; empty where it was never open
    seconds   from the beginning to the end
    """

    verdict: V | None
    refusal: RefusalError | None
    camera: str
    seconds: float


class Capture(Generic[V]):
    """One scan; ``done`` gets its ending exactly once. Made and begun by a ``Slot``."""

    def __init__(
        self, bus: Bus, call: Call, plan: Plan[V], done: Callable[[Ending[V]], None]
    ) -> None:
        self.sender = call.sender
        self._bus, self._call, self._plan, self._done = bus, call, plan, done
        self._session: Session[V] | None = None
        self._camera = ""
        self._told: tuple[str, float] | None = None
        self._over = False

    def begin(self, on_over: Callable[[], None], on_closed: Callable[[], None]) -> None:
        """Open the camera, start the deadline and the watch on the caller.

        ``on_over`` is called at the end, before ``done``; ``on_closed`` when the camera is closed.
        Raises CancelledError where the caller has left: no camera is opened for nobody.
        """
        if not self._bus.is_there(self.sender):
            raise CancelledError("the caller left the bus")
        plan = self._plan
        self._on_over, self._on_closed = on_over, on_closed
        self._began = time.monotonic()
        self._scan = plan.scanner.scan(
            plan.camera,
            liveness=plan.liveness,
            embed=True,
            on_opened=lambda camera, _name: self._step(lambda: self._opened(camera)),
            on_frame=lambda observation: self._step(lambda: self._seen(observation)),
            on_ended=self._ended,
            fd=plan.fd,
            every=plan.every,
            enough=plan.enough,
        )
        self._on_time = turns.after(plan.loading + plan.timeout, self._expired)
        self._unwatch = self._bus.on_vanished(
            self.sender, lambda: self.cancel("the caller left the bus")
        )
        self._step(lambda: self._tell(OPENING, 0.0))

    def cancel(self, reason: str) -> None:
        """End it now; what the session had judged by then is part of the ending."""

        def cancel() -> None:
            so_far = self._session.ended("stopped") if self._session else None
            self._decide(so_far, RefusalError(Result.CANCELLED, reason))

        self._step(cancel)

    def _opened(self, camera: str) -> None:
        log.info("camera open (%s)", camera)
        self._camera = camera
        if self._plan.loading:
            self._on_time()
            self._on_time = turns.after(self._plan.timeout, self._expired)
        self._session = self._plan.session(camera)
        self._scan.embed_every(self._session.every, once=self._session.once)
        if self._plan.pictures is not None:
            self._scan.show_on(self._plan.pictures)

    def _seen(self, observation: Observation) -> None:
        assert self._session is not None  # opened comes before frames
        verdict = self._session.feed(observation)
        if verdict is not None:
            self._decide(verdict)
        else:
            self._scan.embed_every(self._session.every, once=self._session.once)
            self._tell(self._session.hint, self._session.fraction)

    def _expired(self) -> None:
        def expire() -> None:
            if self._session:
                self._decide(self._session.expire())
            else:
                late = RefusalError(Result.TIMEOUT, "the camera did not open in time")
                self._decide(None, late)

        self._step(expire)

    def _ended(self, why: EndWhy, text: str) -> None:
        """The worker's last word on this scan: the camera is closed."""

        def end() -> None:
            refusal = RefusalError(ENDED.get(why, Result.ERROR), text)
            if self._session:
                # "end" is how a file ends, and no failure.
                self._decide(self._session.ended(why), None if why == "end" else refusal)
            else:
                self._decide(None, refusal)

        self._step(end)
        log.info("camera closed (%s)", why)
        self._on_closed()

    def _step(self, step: Callable[[], None]) -> None:
        """Do one step unless it is over; whatever it raises ends the capture as a refusal."""
        if self._over:
            return
        try:
            step()
        except RefusalError as refusal:
            self._decide(None, refusal)
        except FaceAuthError as error:
            self._decide(None, RefusalError(Result.ERROR, str(error)))
        except Exception:
            log.exception("unforeseen error in a scan")
            self._decide(None, RefusalError(Result.ERROR, "the log of faceauthd has the reason"))

    def _decide(self, verdict: V | None, refusal: RefusalError | None = None) -> None:
        if self._over:
            return
        self._over = True
        self._unwatch()
        self._on_time()
        self._scan.stop()
        self._on_over()
        seconds = time.monotonic() - self._began
        ending = Ending(verdict, refusal, self._camera, seconds)
        self._call.run(lambda: self._done(ending))

    def _tell(self, hint: str, fraction: float) -> None:
        """A hint to the caller, where it is news."""
        if hint and (hint, fraction) != self._told:
            self._told = (hint, fraction)
            self._bus.send_signal(
                self.sender, OURSELVES, "Progress", "(sd)", hint, min(max(fraction, 0.0), 1.0)
            )


class Slot:
    """The place for the one capture that may run.

    ``barred`` says why none may run at all for the time being; empty where one may.
    """

    def __init__(self) -> None:
        self.barred = ""
        self._current: Capture[Any] | None = None
        self._cameras = 0  # captures whose camera is not closed yet
        self._when_closed: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        return self._current is not None

    def start(self, capture: Capture[Any]) -> None:
        """Begin the capture; BusyError where another runs."""
        if self.barred or self.busy:
            raise BusyError(self.barred or "another scan is running; try again when it has ended")
        self._current = capture
        try:
            capture.begin(self._free, self._closed)
        except BaseException:
            self._free()
            raise
        self._cameras += 1

    def when_closed(self, then: Callable[[], None]) -> None:
        """Call back, once, when no camera is open any more; at once where none is."""
        if self._cameras == 0:
            then()
        else:
            self._when_closed = then

    def cancel(self, sender: str | None, reason: str) -> None:
        """End the capture of ``sender`` (None: whoever's), if there is one."""
        if self._current and sender in (None, self._current.sender):
            self._current.cancel(reason)

    def _free(self) -> None:
        self._current = None

    def _closed(self) -> None:
        self._cameras = max(0, self._cameras - 1)
        if self._cameras == 0 and self._when_closed:
            then, self._when_closed = self._when_closed, None
            then()
