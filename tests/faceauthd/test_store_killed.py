# SPDX-License-Identifier: MIT
"""kill -9 of a writer at random moments: what it reported is there, and nothing is half there."""

import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from faceauthd.store import Store
from faceauthd.vault import KEY_BYTES, Vault

ROUNDS = 200
VAULT = Vault(bytes(KEY_BYTES))


def write_until_killed(folder: Path, report: int, seed: int) -> None:
    """Add, rename and remove faces, and tell each step once it is reported as done."""
    store = Store(folder, VAULT)
    kept: list[str] = []
    chance = random.Random(seed)
    while True:
        vectors = np.full((1, 128), chance.random(), np.float32)
        face = store.add_face("alice", "", engine="e", model="m", camera="c", vectors=vectors)
        os.write(report, f"+{face.face_id}\n".encode())
        kept.append(face.face_id)
        if len(kept) > 3:
            gone = kept.pop(chance.randrange(len(kept)))
            # Told beforehand: when it dies in between, the face may be there or not.
            os.write(report, f"?{gone}\n".encode())
            store.remove_face("alice", gone)
            os.write(report, f"-{gone}\n".encode())
        chosen = chance.choice(kept)
        store.rename_face("alice", chosen, f"label {chance.random()}")


def run_and_kill(folder: Path, chance: random.Random) -> list[str]:
    """One writer's life; what it reported."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # never returns into pytest
        try:
            os.close(reader)
            write_until_killed(folder, writer, chance.randrange(2**32))
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        heard = [lines.readline() for _ in range(chance.randint(0, 6))]
        time.sleep(chance.random() * 0.004)  # into the middle of whatever it does then
        os.kill(child, signal.SIGKILL)
        heard += lines.readlines()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    return [line.decode().strip() for line in heard if line.endswith(b"\n")]


def test_what_was_reported_is_there_and_nothing_is_half_there(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    folder = tmp_path / "state"
    reported = 0
    for number in range(ROUNDS):
        last_word = {line[1:]: line[0] for line in run_and_kill(folder, chance)}
        added = {face_id for face_id, word in last_word.items() if word == "+"}
        removed = {face_id for face_id, word in last_word.items() if word == "-"}
        reported += len(added)
        with closing(Store(folder, VAULT)) as store:
            faces = {face.face_id: face for face in store.all_faces()}
            where = f"round {number} of seed {seed}"
            assert added <= faces.keys(), f"{where}: a reported face is lost"
            assert not removed & faces.keys(), f"{where}: a removed face came back"
            assert not any(face.damaged for face in faces.values()), f"{where}: a half face"
            store.clear_faces("alice")
    assert reported > ROUNDS
