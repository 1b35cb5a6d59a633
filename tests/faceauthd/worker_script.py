# SPDX-License-Identifier: MIT
"""A worker to test with: ``worker_script.py FD PARENT_PID HOW [ARGUMENT]``.

Honest ones are faceauthd's own worker with a judge that measures brightness in place of models;
the others misbehave on purpose.
"""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceauthd import messages, wire
from faceauthd.worker import Loaded, serve
from models.errors import ModelError
from models.face import Box, Face, Image
from models.observation import Observation
from models.observer import Look
from models.pose import Pose

READY = messages.Ready("grey", "grey-1", 2, {"passive": {"grey-live": 0.5}})


class GreyJudge:
    """Sees one face in each frame, and knows it by its brightness."""

    def look(self, image: Image, index: int, at: float) -> Look:
        light = float(image.mean())
        face = Face(Box(1.0, 2.0, 30.0, 40.0), np.zeros((5, 2), np.float32), 1.0)
        seen = Observation(
            index=index,
            at=at,
            faces=1,
            small=0,
            brightness=light,
            size=(image.shape[1], image.shape[0]),
            box=face.box,
            landmarks=face.landmarks,
        )
        return Look(seen, face)

    def follow(self, image: Image, index: int, at: float, _before: Face) -> Look:
        return self.look(image, index, at)

    def embed(self, _image: Image, _face: Face, _once: bool) -> NDArray[np.float32]:
        return np.array([0.6, 0.8], np.float32)

    def pose(self, _image: Image, _face: Face) -> Pose:
        return Pose(0.0)

    def live(self, image: Image, _face: Face) -> dict[str, float]:
        return {"grey-live": float(image.mean()) / 255}


class Fussy(GreyJudge):
    """Fails at the first frame."""

    def look(self, _image: Image, _index: int, _at: float) -> Look:
        raise RuntimeError("a judge's mistake,\nin two lines")


def load(how: str, argument: str) -> Loaded:
    if how == "patient":  # the models are loaded once the file is there
        while not Path(argument).exists():
            threading.Event().wait(0.01)
    if how == "without-models":
        raise ModelError("no engine is installed")
    if how == "broken-models":
        raise KeyError(argument)
    return Loaded(Fussy() if how == "fussy" else GreyJudge(), READY)


def misbehave(fd: int, how: str, argument: str) -> None:
    sock = socket.socket(fileno=fd)
    if how == "raw":  # says what it is told to, once it has an order
        wire.send(sock, READY)
        sock.recv(wire.LARGEST)
        for message in json.loads(argument):
            sock.send(message.encode())
    elif how == "deaf":  # opens a camera and never closes it
        wire.send(sock, READY)
        received = wire.receive_order(sock)
        assert received is not None
        wire.send(sock, messages.Opened(received[0].id, "id", "name"))
    elif how == "hung-up":
        sock.close()
    elif how == "crash":
        os.kill(os.getpid(), signal.SIGABRT)
    signal.pause()


if __name__ == "__main__":
    number, parent, kind, text = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    if kind in ("honest", "patient", "without-models", "broken-models", "fussy"):
        status = serve(number, parent, lambda: load(kind, text))
        os._exit(status)
    misbehave(number, kind, text)
