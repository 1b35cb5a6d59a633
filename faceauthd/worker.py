# SPDX-License-Identifier: MIT
"""The worker: frames in, observations out. It owns the camera and the models, and nothing else.

``python -m faceauthd.worker FD --parent PID --engine NAME --models DIR --min-face PIXELS
[--challenge]``: FD is one end of the socketpair of the supervisor, whose process id is PID
(``engine.py``). The worker knows no user and no template, and says what it sees; who that is, and
whether it suffices, is decided by the daemon. When the daemon is gone, so is the worker.

Three threads: the main one obeys orders, one loads the models, and one runs the scan, which has
threads of its own (pipeline.py). A scan opens its camera while the models still load.
"""

import argparse
import ctypes
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from faceauthd import messages, wire
from faceauthd.camera import CameraError, list_cameras, open_source
from faceauthd.config import CHALLENGE, PASSIVE
from faceauthd.confinement import ConfinementError, confine
from faceauthd.fields import WireError
from faceauthd.pipeline import Judge, Pipeline, Wishes
from models.errors import ModelError
from models.face import Image
from models.observation import Observation

if TYPE_CHECKING:
    from faceauthd.camera.preview import Preview

log = logging.getLogger("faceauth-worker")


@dataclass(frozen=True)
class Loaded:
    """The models, ready to judge, and what the daemon is told about them."""

    judge: Judge
    ready: messages.Ready


Load = Callable[[], Loaded]


class Worker:
    """Obeys the orders that come through a socket until it closes."""

    def __init__(self, sock: socket.socket, load: Load) -> None:
        self._sock = sock
        self._load = load
        self._loaded: Future[Loaded] = Future()
        self._scan: RunningScan | None = None

    def run(self) -> None:
        """Returns when the daemon is gone; raises WireError where it sends nonsense."""
        threading.Thread(target=self._load_models, name="load", daemon=True).start()
        while (received := wire.receive_order(self._sock)) is not None:
            order, fd = received
            match order:
                case messages.Scan():
                    self._start(order, fd)
                case messages.Every(number, seconds, once):
                    if self._scan is not None and self._scan.number == number:
                        self._scan.embed_every(seconds, once)
                case messages.Show(number):
                    assert fd is not None  # see receive_order
                    if self._scan is not None and self._scan.number == number:
                        self._scan.show_on(fd)
                    else:
                        os.close(fd)
                case messages.Stop(number):
                    # A stop that crosses the scan's own end is no mistake.
                    if self._scan is not None and self._scan.number == number:
                        self._scan.stop()
                case messages.ListCameras(number, allow_virtual):
                    cameras = tuple(list_cameras(allow_virtual)[: wire.MOST_CAMERAS])
                    wire.send(self._sock, messages.Cameras(number, cameras))

    def _start(self, order: messages.Scan, fd: int | None) -> None:
        if self._scan is not None and not self._scan.over:
            raise WireError("a scan during a scan")
        self._scan = RunningScan(order, fd, self._loaded, self._sock)
        threading.Thread(target=self._scan.run, name="scan", daemon=True).start()

    def _load_models(self) -> None:
        try:
            loaded = self._load()
            wire.send(self._sock, loaded.ready)
        except ModelError as error:  # its text is meant for people
            self._fail(str(error))
        except BaseException as error:  # whatever it is, without models there is no worker
            self._fail(f"the models cannot be loaded: {type(error).__name__}: {error}")
        self._loaded.set_result(loaded)

    def _fail(self, text: str) -> NoReturn:
        text = messages.one_line(text)
        log.error("%s", text)
        with suppress(OSError):  # the daemon is gone
            wire.send(self._sock, messages.Failed(text))
        os._exit(1)


class RunningScan:
    """One scan: its camera is open from run() until run() has reported the end."""

    def __init__(
        self, order: messages.Scan, fd: int | None, loaded: Future[Loaded], sock: socket.socket
    ) -> None:
        self.number = order.id
        self.over = False
        self._order = order
        self._fd = fd
        self._loaded = loaded
        self._sock = sock
        self._stopped = False
        self._source_stop: Callable[[], None] | None = None
        self._pipeline: Pipeline | None = None
        self._preview: Preview | None = None
        self._wake = threading.Event()  # the models are loaded, or the scan is to stop
        loaded.add_done_callback(lambda _: self._wake.set())

    def stop(self) -> None:
        """Ends the scan within one frame; from the thread that obeys orders."""
        self._stopped = True
        self._wake.set()
        if self._source_stop is not None:
            self._source_stop()
        if self._pipeline is not None:
            self._pipeline.stop()

    def embed_every(self, seconds: float, once: bool) -> None:
        """Embed a face that is followed so far apart; from the thread that obeys orders."""
        if self._pipeline is not None:
            self._pipeline.every, self._pipeline.once = seconds, once

    def show_on(self, fd: int) -> None:
        """Show the frames from now on, on a socket; from the thread that obeys orders."""
        from faceauthd.camera.preview import Preview  # with OpenCV, which is there by now

        self._preview = Preview(fd)

    def run(self) -> None:
        """Observes until the end, and reports why it ended once the camera is closed."""
        why, text = self._run()
        # Before the report, since the next order may follow it at once.
        self.over = True
        if self._preview is not None:
            self._preview.close()
        with suppress(OSError):  # the daemon is gone, and the main thread is about to notice
            wire.send(self._sock, messages.Ended(self.number, why, messages.one_line(text)))

    def _run(self) -> tuple[messages.EndWhy, str]:
        try:
            self._observe()
        except CameraError as error:
            return messages.ended_by(error)
        except Exception as error:
            log.error("a scan failed: %s", messages.one_line(f"{type(error).__name__}: {error}"))
            return "error", "the frames could not be judged; the daemon's log has the reason"
        return ("stopped", "") if self._stopped else ("end", "")

    def _observe(self) -> None:
        with closing(open_source(self._order.camera, self._fd)) as source:
            self._source_stop = source.stop
            self._wake.wait()
            if self._stopped:
                return
            cues = self._order.liveness
            wishes = Wishes(self._order.embed, PASSIVE in cues, CHALLENGE in cues)
            judge = self._loaded.result().judge
            self._pipeline = Pipeline(
                judge, wishes, self._order.every, self._report, self._order.enough
            )
            wire.send(self._sock, messages.Opened(self.number, source.id, source.name))
            self._pipeline.run(source.frames())

    def _report(self, seen: Observation, image: Image) -> None:
        if not self._stopped:
            if self._preview is not None:  # first, so that it is there when the daemon speaks of it
                self._preview.show(seen.index, image)
            wire.send(self._sock, messages.Judged(self.number, seen))


def load_models(engine_name: str, models_dir: Path, min_face: int, challenge: bool) -> Loaded:
    """The engine, all installed liveness models, and what sees a challenge where it is wanted."""
    # Heavy, and wanted in the loading thread alone.
    from models.engine import load_engine
    from models.liveness.passive import load_passive_models
    from models.observer import Observer
    from models.poser import load_poser

    engine = load_engine(engine_name, models_dir)
    passive = load_passive_models(models_dir)
    cues = {PASSIVE: {model.id: model.threshold for model in passive}} if passive else {}
    bounds = {model.id: model.calibration.bounds for model in passive if model.calibration}
    poser = load_poser(engine.name, models_dir) if challenge else None
    pose = poser.parts if poser else ()
    ready = messages.Ready(engine.name, engine.model, engine.dimension, cues, pose, bounds)
    give_memory_back()
    return Loaded(Observer(engine, passive, min_face, poser), ready)


def give_memory_back() -> None:
    """What loading used and freed goes back to the system: 20 of 112 MB."""
    with suppress(AttributeError):  # a C library without it
        ctypes.CDLL(None).malloc_trim(0)


def serve(fd: int, parent: int, load: Load, readable: Iterable[Path] = ()) -> int:
    """Confines the process and obeys orders from ``fd``; the exit status.

    ``readable`` are the folders, beside those of programs, that ``load`` reads.
    """
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    with socket.socket(fileno=fd) as sock:
        try:
            confine(parent, readable)
        except ConfinementError as error:
            text = f"the worker cannot be confined: {error}"
            log.error("%s", text)
            wire.send(sock, messages.Failed(messages.one_line(text)))
            return 1
        try:
            Worker(sock, load).run()
        except (WireError, OSError) as error:
            log.error("%s", error)
            return 1
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="faceauthd.worker")
    parser.add_argument("fd", type=int)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--min-face", type=int, required=True)
    parser.add_argument("--challenge", action="store_true")
    chosen = parser.parse_args()
    status = serve(
        chosen.fd,
        chosen.parent,
        lambda: load_models(chosen.engine, chosen.models, chosen.min_face, chosen.challenge),
        readable=[chosen.models] if chosen.models.is_dir() else [],
    )
    # Not sys.exit: a scan may be running, and the camera must not stay open until it ends.
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
