# SPDX-License-Identifier: MIT
"""Hostile datagrams between daemon and worker, by the hundred thousand.

Each begins as a message that is in order and is then damaged: values of other types and sizes,
names left out or twice, bytes changed, cut or put in. What the decoder lets through must be a
message that could have been sent; whatever else it does but raise WireError is a fault.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from faceauthd import messages, wire
from faceauthd.camera.terms import CameraInfo
from faceauthd.config import CameraConfig
from faceauthd.fields import WireError, pack_vector
from models.face import Box
from models.observation import Observation

VECTOR = np.full(128, 1 / math.sqrt(128), np.float32)
SEEN = Observation(
    index=3,
    at=0.1,
    faces=1,
    small=0,
    brightness=100.0,
    size=(640, 480),
    box=Box(1.0, 2.0, 90.0, 90.0),
    landmarks=np.zeros((5, 2), np.float32),
    sharpness=50.0,
    yaw=0.1,
    embedding=VECTOR,
    liveness={"faceauth-v1": 0.9},
)
INFO = CameraInfo("id", "name", "/dev/video0", "uvc", ("MJPG",), False, False, True, "")
REPORTS: tuple[messages.Report, ...] = (
    messages.Ready(
        "dlib",
        "dlib-v1",
        128,
        {"passive": {"faceauth-v1": 0.5}},
        bounds={"faceauth-v1": ((0.5, 0.05), (0.7, 0.1))},
    ),
    messages.Opened(1, "id", "name"),
    messages.Judged(1, SEEN),
    messages.Judged(1, Observation(4, 0.2, 0, 0, 90.0, (640, 480))),
    messages.Cameras(2, (INFO,)),
    messages.Ended(1, "stopped", ""),
    messages.Failed("no engine"),
)
ORDERS: tuple[messages.Order, ...] = (
    messages.Scan(1, CameraConfig(), ("passive",), True),
    messages.Stop(1),
    messages.ListCameras(2, ("name",)),
)
NASTY: tuple[Callable[[], Any], ...] = (
    *(lambda: None, lambda: True, lambda: -1, lambda: 2**63, lambda: 10**400, lambda: 0.5),
    *(lambda: float("nan"), lambda: float("inf"), lambda: -float("inf"), lambda: 1e308),
    *(lambda: "", lambda: "x" * 70_000, lambda: "\n\x1b[2J", lambda: "\ud800", lambda: "match"),
    *(list, dict, lambda: [[[]]] * 50, lambda: {"a": {"b": {}}}, lambda: [1] * 3000),
    *(lambda: pack_vector(VECTOR * 3), lambda: pack_vector(np.zeros(128, np.float32))),
    *(lambda: pack_vector(np.full(4, np.nan, np.float32)), lambda: "AAAA" * 20_000),
)


def fuzz(count: int, seed: int = 1) -> Counter[str]:
    """What became of ``count`` hostile messages: "refused", or the name of a message's class."""
    chance, outcomes = random.Random(seed), Counter[str]()
    reports = [json.loads(wire.encode(report)) for report in REPORTS]
    orders = [json.loads(wire.encode(order)) for order in ORDERS]
    for number in range(count):
        of_worker = number % 4 != 0
        message = chance.choice(reports if of_worker else orders)
        data = hostile(message, chance)
        try:
            got = wire.decode_report(data) if of_worker else wire.decode_order(data)
        except WireError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
            continue
        check(got)
        outcomes[type(got).__name__] += 1
    return outcomes


def hostile(message: dict[str, Any], chance: random.Random) -> bytes:
    """The message as a datagram, damaged once or more."""
    copy = json.loads(json.dumps(message))
    for _ in range(chance.choice((0, 1, 1, 2))):
        _damage_value(copy, chance)
    data = bytearray(json.dumps(copy).encode("utf-8", "surrogatepass"))
    for _ in range(chance.choice((0, 0, 1, 3))):
        _damage_bytes(data, chance)
    return bytes(data)


def _damage_value(value: dict[str, Any], chance: random.Random) -> None:
    """Replaces, removes or adds a value, here or deeper."""
    key = chance.choice(list(value) or ["is"])
    inner = value.get(key)
    if isinstance(inner, dict) and inner and chance.random() < 0.7:
        _damage_value(inner, chance)
    elif isinstance(inner, list) and inner and chance.random() < 0.7:
        inner[chance.randrange(len(inner))] = chance.choice(NASTY)()
    elif chance.random() < 0.15:
        value.pop(key, None)
    else:
        value[key if chance.random() < 0.9 else "more"] = chance.choice(NASTY)()


def _damage_bytes(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) or 1)
    match chance.randrange(4):
        case 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        case 1:
            del data[at:]
        case 2:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        case _:
            data[at:at] = data[at : at + chance.randrange(1, 60)]


def check(message: messages.Order | messages.Report) -> None:
    """That it could have been sent: finite numbers, one line of text, an embedding of length 1."""
    json.dumps(wire._as_json(message), allow_nan=False)
    match message:
        case messages.Judged(_, seen):
            _check_seen(seen)
        case messages.Ready(engine, model, dimension):
            assert 0 < dimension <= wire.LONGEST_EMBEDDING
            assert (engine + model).isprintable()
            for bounds in message.bounds.values():
                assert list(bounds) == sorted(bounds)
        case messages.Failed(text) | messages.Ended(_, _, text):
            assert text.isprintable()
            assert len(text) <= messages.LONGEST_TEXT


def _check_seen(seen: Observation) -> None:
    assert seen.faces == 1 or (seen.embedding is None and not seen.liveness)
    assert all(0 <= value <= 1 for value in seen.liveness.values())
    assert all(math.isfinite(value) for value in (seen.at, seen.brightness, seen.sharpness))
    if seen.embedding is not None:
        assert abs(float(np.linalg.norm(seen.embedding)) - 1) < 0.01
