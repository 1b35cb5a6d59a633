# SPDX-License-Identifier: MIT
"""From films to frames: numbered, timed, looped, paced, and only the newest where time is real.

A *film* is what the modules v4l2, video and pictures give: pictures in order, each with its time.
The small classes here each add one property; ``opening`` puts them together.
"""

import threading
import time
from collections.abc import Iterator
from typing import Protocol

import cv2
import numpy as np

from faceauthd.camera.terms import CameraError, Frame
from models.face import Image

_TICK = 1 / 30  # seconds between two frames whose own times do not advance
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Film(Protocol):
    """Pictures in order."""

    def read(self) -> tuple[Image, float] | None:
        """The next picture and its time in seconds, None at the end; may wait for it.

        Raises CameraError.
        """

    def close(self) -> None:
        """Gives the device or file back. Not while read() runs."""


class Rewindable(Film, Protocol):
    """A film that can be shown again."""

    def rewind(self) -> None:
        """From the start; raises CameraError."""


class Looping:
    """A film that never ends; its time runs on."""

    def __init__(self, film: Rewindable) -> None:
        self._film = film
        self._offset = 0.0
        self._last = 0.0

    def read(self) -> tuple[Image, float] | None:
        shot = self._film.read()
        if shot is None:
            self._film.rewind()
            self._offset = self._last + _TICK
            shot = self._film.read()
            if shot is None:
                return None
        image, at = shot
        self._last = max(self._last, self._offset + at)
        return image, self._offset + at

    def close(self) -> None:
        self._film.close()


class Paced:
    """A film shown in real time: no picture comes before it is due."""

    def __init__(self, film: Film, stopped: threading.Event) -> None:
        self._film = film
        self._stopped = stopped
        self._start: float | None = None

    def read(self) -> tuple[Image, float] | None:
        shot = self._film.read()
        if shot is not None:
            now = time.monotonic()
            if self._start is None:
                self._start = now - shot[1]
            self._stopped.wait(max(0.0, self._start + shot[1] - now))
        return shot

    def close(self) -> None:
        self._film.close()


class Numbered:
    """A film as frames: from index 0 and time 0 on, upright, time always advancing."""

    def __init__(self, film: Film, rotate: int) -> None:
        self._film = film
        self._turn = _TURNS.get(rotate)
        self._count = 0
        self._first = 0.0
        self._last = 0.0

    def next(self) -> Frame | None:
        """The next frame, None at the end."""
        shot = self._film.read()
        if shot is None:
            return None
        image, at = shot
        if self._count == 0:
            self._first = at
        elif at - self._first <= self._last:
            at = self._first + self._last + _TICK
        self._last = at - self._first
        self._count += 1
        if self._turn is not None:
            image = np.asarray(cv2.rotate(image, self._turn), np.uint8)
        return Frame(image, self._last, self._count - 1)

    def close(self) -> None:
        self._film.close()


class Source(Protocol):
    """An open camera or file: what the rest of faceauth sees of this package."""

    id: str
    name: str

    def frames(self) -> Iterator[Frame]:
        """Frames until the end or stop(); raises CameraError."""

    def stop(self) -> None:
        """Makes frames() end soon; may be called from any thread, any number of times."""

    def close(self) -> None:
        """Stops, and gives the camera or file back before it returns."""


class EveryFrame:
    """A source whose frames all are given, as fast as they are taken."""

    def __init__(self, source_id: str, name: str, film: Numbered) -> None:
        self.id, self.name = source_id, name
        self._film = film
        self._stopped = threading.Event()

    def frames(self) -> Iterator[Frame]:
        while not self._stopped.is_set():
            frame = self._film.next()
            if frame is None:
                return
            yield frame

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.stop()
        self._film.close()


class NewestFrame:
    """A source that shows the present: who takes a frame gets the newest one.

    A thread reads all the time into a mailbox of one place; what nobody took in time is replaced.
    """

    def __init__(
        self,
        source_id: str,
        name: str,
        film: Numbered,
        stopped: threading.Event,
        patience: float | None,
    ) -> None:
        """``patience``: seconds without a frame after which the source is broken; None: never."""
        self.id, self.name = source_id, name
        self._film = film
        self._stopped = stopped
        self._patience = patience
        self._mail = threading.Condition()
        self._newest: Frame | None = None
        self._failure: CameraError | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._thread.start()

    def frames(self) -> Iterator[Frame]:
        while True:
            with self._mail:
                if not self._mail.wait_for(self._has_news, self._patience):
                    raise CameraError("broken", f"{self.name} sends no picture")
                if self._stopped.is_set():
                    return
                frame, self._newest = self._newest, None
                if frame is None and self._failure is not None:
                    raise self._failure
            if frame is None:
                return
            yield frame

    def stop(self) -> None:
        self._stopped.set()
        with self._mail:
            self._mail.notify_all()

    def close(self) -> None:
        self.stop()
        self._thread.join()
        self._film.close()

    def _has_news(self) -> bool:
        return self._newest is not None or self._ended or self._stopped.is_set()

    def _capture(self) -> None:
        try:
            while not self._stopped.is_set():
                frame = self._film.next()
                if frame is None:
                    break
                with self._mail:
                    self._newest = frame
                    self._mail.notify_all()
        except CameraError as error:
            self._failure = error
        except Exception as error:
            # Whatever a decoder does, the taker must be told and not wait for ever.
            self._failure = CameraError("broken", f"{self.name}: {type(error).__name__}")
        finally:
            with self._mail:
                self._ended = True
                self._mail.notify_all()
