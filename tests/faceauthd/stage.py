# SPDX-License-Identifier: MIT
"""The daemon's service on a private bus in the test's own process; the test plays the worker.

The bus, the gate, the sessions and the store are the real ones. The test decides what the camera
shows (``stage.scan.show``), who a caller is (``stage.caller(uid)``), and what time it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gi.repository import GLib

from faceauthd.bus import Bus, BusError, Credentials, Peer
from faceauthd.camera.terms import CameraInfo
from faceauthd.config import CameraConfig, Config, EnrollConfig, VerifyConfig
from faceauthd.environment import Place, Surroundings
from faceauthd.lockout import Moment
from faceauthd.messages import EndWhy, Ready
from faceauthd.parts import Parts
from faceauthd.results import BUS_NAME, ERROR_PREFIX, INTERFACE, OBJECT_PATH
from faceauthd.service import Service
from faceauthd.store import Store
from faceauthd.variants import Typed
from faceauthd.vault import KEY_BYTES, Vault
from models.observation import Observation
from tests.faceauthd.frames import ALICE, BOB, CUES, DIMENSION, frames
from tests.harness.bus import HANG_GUARD, PrivateBus

SERVICE = Peer(BUS_NAME, OBJECT_PATH, INTERFACE)
ROOT, SELF, OTHER = 0, 1, 65534
# Accounts that every Debian has: SELF's is "daemon", OTHER's is "nobody".
USER, NEIGHBOUR = "daemon", "nobody"
INFO = Ready(engine="fake", model="fake-v1", dimension=DIMENSION, cues=CUES)
CAMERA = CameraInfo("cam-1", "Camera", "/dev/video0", "uvc", ("MJPG",), False, False, True, "")
AT_HOME = Surroundings(Place.LOCAL, lid_closed=False)
CONFIG = Config(
    verify=VerifyConfig(frames=2, timeout=float(HANG_GUARD)),
    enroll=EnrollConfig(frames=3, timeout=float(HANG_GUARD)),
)


def run_until(condition: Callable[[], object]) -> None:
    """Run the main loop until the condition holds; a hang fails the test."""
    expired: list[bool] = []

    def expire() -> bool:
        expired.append(True)
        return False

    guard = GLib.timeout_add_seconds(HANG_GUARD, expire)
    while not condition():
        assert not expired, "hung"
        GLib.MainContext.default().iteration(True)
    if not expired:
        GLib.source_remove(guard)


@dataclass
class FakeScan:
    """A scan whose camera is the test."""

    camera: CameraConfig
    liveness: Sequence[str]
    on_opened: Callable[[str, str], None]
    on_frame: Callable[[Observation], None]
    on_ended: Callable[[EndWhy, str], None]
    fd: int | None
    every: list[float]  # how often an embedding was asked for
    enough: int
    once: list[bool] = field(default_factory=list)  # and whether without the mirror image
    pictures: int = 0  # how many sockets for pictures came
    stopped: bool = False
    over: bool = False

    def stop(self) -> None:
        """As a supervisor does: the end is reported a little later."""
        if not self.stopped:
            self.stopped = True
            GLib.idle_add(lambda: self.end("stopped", ""))

    def embed_every(self, seconds: float, *, once: bool) -> None:
        self.every.append(seconds)
        self.once.append(once)

    def show_on(self, fd: int) -> None:
        assert fd > 0
        self.pictures += 1

    def open(self) -> None:
        self.on_opened("cam-1", "Camera")

    def show(self, *changes: Any) -> None:
        """Open the camera and show these frames (tests/faceauthd/frames.py) one after another."""
        self.open()
        for observation in frames(changes):
            if not self.stopped:
                self.on_frame(observation)

    def end(self, why: EndWhy, text: str) -> None:
        if not self.over:
            self.over = True
            self.on_ended(why, text)


@dataclass
class FakeWorker:
    """A supervisor whose worker is the test."""

    state: str = "ready"
    info: Ready | None = INFO
    former: Ready | None = None  # what the worker before had loaded
    text: str = ""
    scans: list[FakeScan] = field(default_factory=list)
    cameras: Sequence[CameraInfo] | None = (CAMERA,)
    asked: list[Sequence[str]] = field(default_factory=list)  # the allowed virtual cameras
    started: int = 0

    @property
    def known(self) -> Ready | None:
        return self.info or self.former

    def start(self) -> None:
        self.started += 1

    def stop(self) -> None:
        self.state, self.info = "stopped", None
        for scan in self.scans:
            scan.stopped = True
            scan.end("stopped", "")

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
    ) -> FakeScan:
        assert embed
        self.scans.append(
            FakeScan(camera, liveness, on_opened, on_frame, on_ended, fd, [every], enough)
        )
        return self.scans[-1]

    def list_cameras(
        self,
        on_done: Callable[[Sequence[CameraInfo] | None], None],
        allow_virtual: Sequence[str] = (),
    ) -> None:
        self.asked.append(allow_virtual)
        GLib.idle_add(lambda: on_done(self.cameras))


@dataclass
class FakeEnvironment:
    """logind, played by the test; ``hold`` keeps the answers until ``release``."""

    around: Surroundings = AT_HOME
    hold: bool = False
    waiting: list[Callable[[Surroundings], None]] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    askers: list[int] = field(default_factory=list)

    def look(self, pid: int, asker: int, done: Callable[[Surroundings], None]) -> None:
        self.pids.append(pid)
        self.askers.append(asker)
        self.waiting.append(done)
        if not self.hold:
            GLib.idle_add(self.release)

    def release(self) -> None:
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(self.around)


class StageBus(Bus):
    """A bus on which the test says who somebody is."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.uids: dict[str, int] = {}

    def credentials(self, sender: str) -> Credentials:
        return replace(super().credentials(sender), uid=self.uids[sender])


class Answer:
    """What a call is answered with, once it is."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, ...] | BusError] = []

    @property
    def open(self) -> bool:
        return not self.got

    def values(self) -> tuple[Any, ...]:
        """Wait for the results; an error fails the test."""
        run_until(lambda: self.got)
        (got,) = self.got
        assert not isinstance(got, BusError), f"{got.name}: {got}"
        return got

    def error(self) -> str:
        """Wait for the error; its name within the contract."""
        run_until(lambda: self.got)
        (got,) = self.got
        assert isinstance(got, BusError), got
        assert got.name.startswith(ERROR_PREFIX), got.name
        assert "\n" not in str(got)
        return got.name.removeprefix(ERROR_PREFIX)

    def text(self) -> str:
        self.error()
        return str(self.got[0])


class Caller:
    """A client with a bus connection of its own."""

    def __init__(self, address: str, uids: dict[str, int], uid: int) -> None:
        self.bus = Bus(address)
        self.hints: list[tuple[str, float]] = []
        uids[self.bus._bus.con.get_unique_name()] = uid
        self.frames: list[dict[str, Any]] = []
        self.bus.on_signal(SERVICE, "Progress", lambda *hint: self.hints.append(hint))
        self.bus.on_signal(SERVICE, "Frame", self.frames.append)

    def call(
        self, method: str, signature: str = "()", *values: Any, fds: Sequence[int] = ()
    ) -> Answer:
        answer = Answer()
        arguments = Typed(signature, values)
        self.bus.ask(
            SERVICE,
            method,
            arguments,
            timeout=HANG_GUARD,
            done=answer.got.append,
            fds=fds,
            interactive=True,  # so that polkit may take longer than a test
        )
        return answer

    def verify(self, user: str = USER, **options: Typed) -> Answer:
        return self.call("Verify", "(sa{sv})", user, options)

    def can_verify(self, user: str = USER, **options: Typed) -> Answer:
        return self.call("CanVerify", "(sa{sv})", user, options)

    def password_given(self, user: str = USER, **options: Typed) -> Answer:
        return self.call("PasswordGiven", "(sa{sv})", user, options)

    def identify(self, **options: Typed) -> Answer:
        return self.call("Identify", "(a{sv})", options)

    def watch(self, user: str = USER, fds: Sequence[int] = (), **options: Typed) -> Answer:
        return self.call("Watch", "(sa{sv})", user, options, fds=fds)

    def enroll(
        self, user: str = USER, label: str = "", fds: Sequence[int] = (), **options: Typed
    ) -> Answer:
        return self.call("Enroll", "(ssa{sv})", user, label, options, fds=fds)

    def leave(self) -> None:
        self.bus.close()


class Stage:
    """The service, and all around it."""

    def __init__(self, private_bus: PrivateBus, state: Path, config: Config = CONFIG) -> None:
        self.address = private_bus.address
        self.bus = StageBus(self.address)
        self.worker = FakeWorker()
        self.environment = FakeEnvironment()
        self.store = Store(state, Vault(bytes(KEY_BYTES)))
        self.clock = 1000.0
        self.next_config: Callable[[], Config] = lambda: config
        self.parts = Parts(
            bus=self.bus,
            config=config,
            store=self.store,
            worker=self.worker,
            environment=self.environment,
            load=lambda: self.next_config(),
            make_worker=lambda _config: FakeWorker(),
            threshold=lambda _model, _fmr: 0.9,
            run_threshold=lambda _model, _fmr: 0.9,
            now=lambda: Moment("boot", self.clock),
        )
        self.service = Service(self.parts)
        self.service.start()
        self._callers: list[Caller] = []

    def caller(self, uid: int) -> Caller:
        self._callers.append(Caller(self.address, self.bus.uids, uid))
        return self._callers[-1]

    def enrolled(self, user: str = USER, vector: Any = ALICE, model: str = INFO.model) -> str:
        """Store a face, ALICE's unless said otherwise; its id."""
        face = self.store.add_face(
            user, "", engine="fake", model=model, camera="cam-1", vectors=vector[None]
        )
        return face.face_id

    def two_users(self) -> None:
        self.enrolled(USER, ALICE)
        self.enrolled(NEIGHBOUR, BOB)

    def scan(self, number: int = 0) -> FakeScan:
        """The worker's scan of this number, once it has begun."""
        run_until(lambda: len(self.worker.scans) > number)
        return self.worker.scans[number]

    def result_of(self, *changes: object) -> str:
        """What a scan of USER by root ends with where the camera shows these frames."""
        number = len(self.worker.scans)
        answer = self.caller(ROOT).verify()
        self.scan(number).show(*changes)
        return str(answer.values()[0])

    def set(self, config: Config) -> None:
        self.parts.config = config

    def close(self) -> None:
        for caller in self._callers:
            caller.leave()
        self.service.stop()
        self.store.close()
