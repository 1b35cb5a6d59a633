# SPDX-License-Identifier: MIT
"""kill -9 of worker and of daemon at random moments during 100 enrolments (`make soak`: more).

Every face that was reported as stored is there afterwards, and each stored face is whole. A face
may be there that nobody was told of: its daemon died between storing it and saying so.
"""

import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceauthd.client import DaemonUnreachableError
from faceauthd.results import FaceAuthError
from faceauthd.store import Store
from faceauthd.vault import Vault, load_key
from tests.harness import clips, pictured
from tests.harness.rig import Rig

ENROLMENTS = 100  # a second each: the worker that has read a passed file is replaced
USERS = tuple(f"user{number}" for number in range(20))  # one has room for a few faces only
SEED = 20261122
# As few frames as make a template, so that the kills fall into all the rest as well.
QUICK = "[camera]\npaced = false\n[enroll]\nframes = 3\n[verify]\nliveness = []\n"
# Of the enrolments, how many are struck; and when at the latest, in seconds from their start: an
# enrolment takes 0.15 with a ready worker on two quiet cores, ten times that with a new one.
STRUCK_WORKER, STRUCK_DAEMON = 0.2, 0.1
LATEST = 0.4


@dataclass(frozen=True)
class Aftermath:
    """The ids of faces that were reported as stored, are listed, and are whole; what happened."""

    reported: list[str]
    listed: set[str]
    whole: set[str]
    events: Counter[str]

    @property
    def lost(self) -> set[str]:
        return {face for face in self.reported if face not in self.listed & self.whole}


def test_what_was_reported_is_there_and_nothing_is_half(tmp_path: Path) -> None:
    after = enrol_in_a_storm(tmp_path, ENROLMENTS)
    print(f"{len(after.reported)} reported, {len(after.listed)} stored, {dict(after.events)}")
    assert after.events["worker struck"] >= 5
    assert after.events["daemon struck"] >= 5
    assert len(after.reported) >= ENROLMENTS / 2
    assert after.lost == set()
    assert after.listed == after.whole
    unheard = len(after.listed) - len(after.reported)
    assert unheard <= after.events[DaemonUnreachableError.name]


def enrol_in_a_storm(folder: Path, enrolments: int, seed: int = SEED) -> Aftermath:
    """Enrols again and again, while worker and daemon are struck."""
    clip = clips.from_picture(folder / "face.avi", pictured.somebody(), count=6)
    chance = random.Random(seed)
    reported: list[str] = []
    events: Counter[str] = Counter()
    with Rig(clip, users=USERS, config=QUICK, models=None) as rig:
        for number in range(enrolments):
            user = USERS[number % len(USERS)]
            with lightning(rig, chance, events):
                try:
                    reported.append(rig.enrol(user, clip))
                except FaceAuthError as error:
                    events[error.name] += 1
            if rig.daemon.process.poll() is not None:
                rig.restart_daemon()
        with rig.client() as daemon:
            listed = {face["id"] for user in USERS for face in daemon.list_faces(user)}
        rig.daemon.stop()
        return Aftermath(reported, listed, whole_faces(rig.state), events)


@contextmanager
def lightning(rig: Rig, chance: random.Random, events: Counter[str]) -> Iterator[None]:
    """Strikes the worker, the daemon or nobody at a random moment while the body runs, or after."""
    fate, moment = chance.random(), chance.uniform(0, LATEST)

    def strike() -> None:
        if fate < STRUCK_DAEMON:
            rig.daemon.process.send_signal(signal.SIGKILL)
            rig.daemon.process.wait()
            events["daemon struck"] += 1
        elif rig.kill_worker():
            events["worker struck"] += 1

    if fate >= STRUCK_DAEMON + STRUCK_WORKER:
        yield
        return
    timer = threading.Timer(moment, strike)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def whole_faces(state: Path) -> set[str]:
    """The ids of the stored faces, each of which decrypts and can be compared."""
    store = Store(state, Vault(load_key(state)))
    try:
        faces = store.all_faces()
    finally:
        store.close()
    for face in faces:
        assert not face.damaged
        assert np.allclose(np.linalg.norm(face.vectors, axis=1), 1, atol=1e-5)
    return {face.face_id for face in faces}
