# SPDX-License-Identifier: MIT
"""What the handlers work with, in one place, so that tests can put others there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from faceauthd.bus import Bus
from faceauthd.camera.terms import CameraInfo
from faceauthd.capture import Scanner, Slot
from faceauthd.config import Config
from faceauthd.environment import Surroundings
from faceauthd.lockout import Moment
from faceauthd.messages import Ready
from faceauthd.store import Store


class Worker(Scanner, Protocol):
    """The worker's supervisor, as far as the handlers know it: engine.WorkerSupervisor."""

    @property
    def state(self) -> str: ...
    @property
    def info(self) -> Ready | None: ...
    @property
    def known(self) -> Ready | None: ...
    @property
    def text(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def list_cameras(
        self,
        on_done: Callable[[Sequence[CameraInfo] | None], None],
        allow_virtual: Sequence[str] = (),
    ) -> None: ...


class Environment(Protocol):
    """Where a process sits: environment.Environment."""

    def look(self, pid: int, asker: int, done: Callable[[Surroundings], None]) -> None: ...


@dataclass
class Parts:
    """The daemon's parts. ``config`` and ``worker`` are replaced by Reload.

    load         reads the configuration again; raises ConfigError
    make_worker  a worker for a configuration, not started
    threshold    (model id, false match rate) -> cosine similarity; raises ModelError
    run_threshold  the same, for the mean of a run's embeddings
    now          the clock of the lockout
    """

    bus: Bus
    config: Config
    store: Store
    worker: Worker
    environment: Environment
    load: Callable[[], Config]
    make_worker: Callable[[Config], Worker]
    threshold: Callable[[str, float], float]
    run_threshold: Callable[[str, float], float]
    now: Callable[[], Moment] = Moment.now
    slot: Slot = field(default_factory=Slot)
