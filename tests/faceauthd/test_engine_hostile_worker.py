# SPDX-License-Identifier: MIT
"""A worker that sends what it may not: it is believed no more, and replaced."""

import json
import os
import signal
from typing import Any

import pytest

from tests.faceauthd.supervised import Bench, is_gone, run_until, worker_pid

# The first scan's id is 1.
READY = '{"is":"ready","engine":"e","model":"m","dimension":2,"cues":{"passive":{"p":0.5}}}'
OPENED = '{"is":"opened","id":1,"camera":{"id":"c","name":"n"}}'


def frame(**changes: Any) -> str:
    message = {
        "is": "frame", "id": 1, "index": 0, "at": 0.0, "faces": 1, "small": 0, "brightness": 90.0,
        "size": [64, 48], "box": [1, 2, 3, 4], "landmarks": [0.0] * 10, "sharpness": 1.0,
        "yaw": 0.0, "embedding": None, "liveness": {}, "pose": None, "once": False,
    }  # fmt: skip
    return json.dumps(message | changes)


WIDE = "AACAPwAAAAAAAAAA"  # 1, 0, 0: three values where two were announced
RAW: dict[str, list[str]] = {
    "no JSON": ["match"],
    "an unknown report": ['{"is":"match","id":1}'],
    "ready twice": [READY],
    "a frame before the camera": [frame()],
    "opened twice": [OPENED, OPENED],
    "another scan": [OPENED.replace('"id":1', '"id":7')],
    "another scan's frame": [OPENED, frame(id=2)],
    "the same frame twice": [OPENED, frame(), frame()],
    "an embedding of another size": [OPENED, frame(embedding=WIDE)],
    "an embedding that nobody asked for": [OPENED, frame(embedding="AACAPwAAAAA=")],
    "a liveness that nobody asked for": [OPENED, frame(liveness={"other": 1.0})],
    "a pose that nobody asked for": [OPENED, frame(pose=[0.0, 0.7, 0.2])],
    "an end that is none": ['{"is":"ended","id":1,"why":"match","text":""}'],
    "an answer without a question": ['{"is":"cameras","id":1,"cameras":[]}'],
}


@pytest.mark.parametrize("fault", RAW)
def test_a_worker_that_sends_what_it_may_not_is_replaced(
    bench: Bench, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    record = bench.start("raw", json.dumps([*RAW[fault], frame(index=9, brightness=1.0)])).scan(
        embed="another size" in fault
    )
    pid = worker_pid(bench.supervisor)
    bench.script.how = "honest"
    run_until(lambda: record.ended)
    assert record.why == "error"
    assert is_gone(pid)
    assert all(seen.index == 0 for seen in record.frames)  # nothing that came after the fault
    assert f"worker {pid} " in caplog.text  # it says why it was killed
    bench.scans_still()


def test_a_flood_does_not_hold_the_main_loop(bench: Bench) -> None:
    flood = [OPENED, *(frame(index=n) for n in range(150))]
    record = bench.start("raw", json.dumps(flood)).scan()
    turns: list[int] = []
    answered: list[int] = []
    record.on_event = lambda: answered.append(len(record.frames))

    def count_turn() -> bool:
        turns.append(len(answered))
        return len(record.frames) >= 150

    run_until(count_turn)
    assert len(turns) > 5  # others got their turn between the frames
    bench.script.how = "honest"
    os.kill(worker_pid(bench.supervisor), signal.SIGKILL)
    run_until(lambda: record.ended)
