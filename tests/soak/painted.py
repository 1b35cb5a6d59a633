# SPDX-License-Identifier: MIT
"""A system that knows people by their colour, so that ten thousand scans take minutes.

    python -m tests.soak.painted …      is faceauthd, with such a worker

Bus, authority, sessions, store, lockout, worker process, its sandbox and its camera are the real
ones; detection, recognition and liveness are not in it.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from faceauthd import __main__ as daemon
from faceauthd import messages
from faceauthd.worker import Loaded, serve
from models.face import Face, Image
from tests.faceauthd.worker_script import GreyJudge
from tests.harness.daemon import running_daemon
from tests.harness.data import ROOT
from tests.harness.rig import Rig

ALICE, STRANGER = (40, 40, 240), (240, 40, 40)
SAME_COLOUR = 0.95  # cosine
READY = messages.Ready("painted", "painted-v1", 3, {})
WORKER = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.soak.painted import work; work()"
)


def painted(colour: tuple[int, int, int]) -> Image:
    return np.full((48, 64, 3), colour, np.uint8)


class Judge(GreyJudge):
    """Whoever it sees is the colour of the picture."""

    def embed(self, image: Image, _face: Face, _once: bool) -> NDArray[np.float32]:
        colour = image.reshape(-1, 3).mean(axis=0)
        return np.asarray(colour / np.linalg.norm(colour), np.float32)


class Spec:
    """In the place of engine.WorkerSpec."""

    def __init__(self, *_models: object) -> None: ...

    def command(self, fd: int) -> Sequence[str]:
        return (sys.executable, "-c", WORKER, str(fd), str(os.getpid()))


class PaintedRig(Rig):
    """A rig with that daemon."""

    def restart_daemon(self) -> None:
        self._running.close()
        self.daemon = self._running.enter_context(
            running_daemon(
                self.bus,
                self._configuration(),
                self.state,
                environment={**os.environ, **self._users_environment},
                module="tests.soak.painted",
            )
        )


def work() -> None:
    """The worker's life."""
    fd, parent = map(int, sys.argv[1:])
    os._exit(serve(fd, parent, lambda: Loaded(Judge(), READY), [Path(__file__).parent]))


def main() -> int:
    measured = SimpleNamespace(threshold=lambda _: SAME_COLOUR, run_threshold=lambda _: SAME_COLOUR)
    with (
        patch.object(daemon, "WorkerSpec", Spec),
        patch.object(daemon, "calibration_for", lambda _: measured),
    ):
        return daemon.main()


if __name__ == "__main__":
    sys.exit(main())
