# SPDX-License-Identifier: MIT
"""How the messages of daemon and worker (messages.py) travel: as JSON, over a socketpair.

One datagram of a SOCK_SEQPACKET socketpair is one JSON object of at most 64 KiB; a scan's orders
may carry one file descriptor each. docs/architecture.md lists them. Neither side trusts the other:
decoding checks every type, shape, range and size, and raises WireError alone.
"""

import json
import os
import socket
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from faceauthd.camera.terms import CameraInfo
from faceauthd.config import CameraConfig
from faceauthd.fields import Fields, WireError, finite, pack_vector, parse
from faceauthd.messages import (
    LONGEST_TEXT,
    POSE,
    Cameras,
    Ended,
    EndWhy,
    Every,
    Failed,
    Judged,
    ListCameras,
    Opened,
    Order,
    Ready,
    Report,
    Scan,
    Show,
    Stop,
)
from faceauthd.setting import kind_of
from models.face import Box
from models.observation import Observation
from models.pose import Pose

LARGEST = 64 * 1024  # bytes of one datagram
LONGEST_ID = 128
MOST_CAMERAS = 32
MOST_FORMATS = 64
MOST_CUES = 8
MOST_NAMES = 256
MOST_MODELS = 16
MOST_BOUNDS = 128
LONGEST_EMBEDDING = 2048
_IDS = 2**53
_LONGEST_EVERY = 1.0  # seconds
_MOST_FRAMES = 1000  # in a row
_FAR = 1e5  # pixels: a face's box may lie outside the image, but not beyond reason
# An embedding's length may differ from 1 by this. A longer one would score higher with everybody.
_UNIT = 1e-3


def encode(message: Order | Report) -> bytes:
    """The datagram for a message; WireError where it does not fit the protocol."""
    try:
        data = json.dumps(_as_json(message), allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise WireError(f"cannot be sent: {error}") from None
    if len(data) > LARGEST:
        raise WireError(f"a message of {len(data)} bytes")
    return data


def decode_order(data: bytes) -> Order:
    """A datagram from the daemon; WireError where it is none."""
    message = parse(data)
    kind = message.text("do", 16)
    number = message.whole("id", 0, _IDS)
    order: Order
    if kind == "scan":
        order = Scan(
            number,
            _camera_config(Fields(message.take("camera"), "camera")),
            message.texts("liveness", 64, MOST_CUES),
            message.flag("embed"),
            message.number("every", 0, _LONGEST_EVERY),
            message.whole("enough", 0, _MOST_FRAMES),
        )
    elif kind == "every":
        order = Every(number, message.number("every", 0, _LONGEST_EVERY), message.flag("once"))
    elif kind == "show":
        order = Show(number)
    elif kind == "stop":
        order = Stop(number)
    elif kind == "cameras":
        order = ListCameras(number, message.texts("allow_virtual", LONGEST_TEXT, MOST_NAMES))
    else:
        raise WireError(f"unknown order {kind!r}")
    message.end()
    return order


def decode_report(data: bytes) -> Report:
    """A datagram from the worker; WireError where it is none."""
    message = parse(data)
    kind = message.text("is", 16)
    read = _REPORTS.get(kind)
    if read is None:
        raise WireError(f"unknown report {kind!r}")
    report = read(message)
    message.end()
    return report


def send(sock: socket.socket, message: Order | Report, fd: int | None = None) -> None:
    """Sends one message, with ``fd`` where given; OSError where the other side is gone."""
    socket.send_fds(sock, [encode(message)], [] if fd is None else [fd])


def receive_order(sock: socket.socket) -> tuple[Order, int | None] | None:
    """The next order and its file descriptor, which the caller owns; None when the daemon is gone.

    Waits for it. Raises WireError.
    """
    data, fds = _receive(sock, most_fds=1)
    if not data:
        _close(fds)
        return None
    try:
        order = decode_order(data)
        if fds and not isinstance(order, Scan | Show):
            raise WireError("a file descriptor that belongs to no scan")
        if not fds and isinstance(order, Show):
            raise WireError("nowhere to show it")
    except WireError:
        _close(fds)
        raise
    return order, fds[0] if fds else None


def receive_report(sock: socket.socket) -> Report | None:
    """The next report, None when the worker is gone; WireError, and BlockingIOError if none is."""
    data, _none = _receive(sock, most_fds=0)
    return decode_report(data) if data else None


def _receive(sock: socket.socket, most_fds: int) -> tuple[bytes, list[int]]:
    """One datagram; empty when the other side is gone."""
    fds = array("i")
    space = socket.CMSG_LEN(most_fds * fds.itemsize)
    try:
        # Not socket.recv_fds: it loses the flags, and so close-on-exec.
        data, control, state, _ = sock.recvmsg(LARGEST + 1, space, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return b"", []
    for level, kind, content in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) // fds.itemsize * fds.itemsize])
    # A truncated control message is a descriptor too many; the kernel has closed the rest.
    if len(data) > LARGEST or state & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        _close(fds)
        raise WireError("a message that is too large")
    return data, list(fds)


def _close(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)


def _as_json(message: Order | Report) -> dict[str, Any]:
    match message:
        case Scan(number, camera, liveness, embed, every, enough):
            return {
                "do": "scan", "id": number, "camera": asdict(camera), "liveness": liveness,
                "embed": embed, "every": every, "enough": enough,
            }  # fmt: skip
        case Every(number, every, once):
            return {"do": "every", "id": number, "every": every, "once": once}
        case Show(number):
            return {"do": "show", "id": number}
        case Stop(number):
            return {"do": "stop", "id": number}
        case ListCameras(number, allow_virtual):
            return {"do": "cameras", "id": number, "allow_virtual": allow_virtual}
        case Ready(engine, model, dimension, cues, pose, bounds):
            return {
                "is": "ready", "engine": engine, "model": model, "dimension": dimension,
                "cues": {cue: dict(thresholds) for cue, thresholds in cues.items()}, "pose": pose,
                "bounds": dict(bounds),
            }  # fmt: skip
        case Opened(number, camera_id, camera_name):
            return {"is": "opened", "id": number, "camera": {"id": camera_id, "name": camera_name}}
        case Judged(number, observation):
            return {"is": "frame", "id": number, **_observation_as_json(observation)}
        case Cameras(number, cameras):
            return {"is": "cameras", "id": number, "cameras": [asdict(info) for info in cameras]}
        case Ended(number, why, text):
            return {"is": "ended", "id": number, "why": why, "text": text}
        case Failed(text):
            return {"is": "failed", "text": text}


def _observation_as_json(seen: Observation) -> dict[str, Any]:
    box, landmarks, embedding, pose = seen.box, seen.landmarks, seen.embedding, seen.pose
    return {
        "index": int(seen.index),
        "at": finite(seen.at),
        "faces": int(seen.faces),
        "small": int(seen.small),
        "brightness": finite(seen.brightness),
        "size": [int(side) for side in seen.size],
        "box": None if box is None else [finite(v) for v in (box.x, box.y, box.width, box.height)],
        "landmarks": None if landmarks is None else [finite(v) for v in landmarks.ravel().tolist()],
        "sharpness": finite(seen.sharpness),
        "yaw": finite(seen.yaw),
        "pose": None if pose is None else [finite(getattr(pose, part)) for part in POSE],
        "embedding": None if embedding is None else pack_vector(embedding),
        "once": seen.once,
        "liveness": {name: finite(value) for name, value in seen.liveness.items()},
    }


def _camera_config(message: Fields) -> CameraConfig:
    """Checked as the configuration file is; each setting must be there."""
    values: dict[str, Any] = {}
    for one in fields(CameraConfig):
        try:
            values[one.name] = kind_of(one).read(message.take(one.name))
        except ValueError:
            raise WireError(f"camera: {one.name!r} is wrong") from None
    message.end()
    return CameraConfig(**values)


def _ready(message: Fields) -> Ready:
    cues = {
        cue: thresholds.rest(MOST_MODELS, 0, 1)
        for cue, thresholds in message.named_objects("cues", MOST_CUES).items()
    }
    return Ready(
        message.text("engine", 64),
        message.text("model", 64),
        message.whole("dimension", 1, LONGEST_EMBEDDING),
        cues,
        message.texts("pose", 16, len(POSE)),
        message.named_curves("bounds", MOST_MODELS, MOST_BOUNDS),
    )


def _opened(message: Fields) -> Opened:
    camera = Fields(message.take("camera"), "camera")
    opened = Opened(_id(message), camera.text("id", LONGEST_ID), camera.text("name", LONGEST_ID))
    camera.end()
    return opened


def _judged(message: Fields) -> Judged:
    number, faces = _id(message), message.whole("faces", 0, 1000)
    box, landmarks = _where(message) if faces == 1 else _nowhere(message)
    embedding = None if message.absent("embedding") else message.vector(
        "embedding", LONGEST_EMBEDDING
    )  # fmt: skip
    liveness = message.named_numbers("liveness", MOST_MODELS, 0, 1)
    pose = None if message.absent("pose") else Pose(*message.numbers("pose", len(POSE), -100, 100))
    if faces != 1 and (embedding is not None or liveness or pose is not None):
        raise WireError("a measurement without a single face")
    if embedding is not None and abs(float(np.linalg.norm(embedding)) - 1) > _UNIT:
        raise WireError("an embedding that is not of length 1")
    width, height = message.numbers("size", 2, 1, _FAR)
    return Judged(
        number,
        Observation(
            index=message.whole("index", 0, _IDS),
            at=message.number("at", 0, 1e9),
            faces=faces,
            small=message.whole("small", 0, 1000),
            brightness=message.number("brightness", 0, 255),
            size=(int(width), int(height)),
            box=box,
            landmarks=landmarks,
            sharpness=message.number("sharpness", 0, 1e9),
            yaw=message.number("yaw", -100, 100),
            pose=pose,
            embedding=embedding,
            once=message.flag("once"),
            liveness=liveness,
        ),
    )


def _where(message: Fields) -> tuple[Box, NDArray[np.float32]]:
    x, y, width, height = message.numbers("box", 4, -_FAR, _FAR)
    points = np.array(message.numbers("landmarks", 10, -_FAR, _FAR), np.float32)
    return Box(x, y, width, height), points.reshape(5, 2)


def _nowhere(message: Fields) -> tuple[None, None]:
    if not (message.absent("box") and message.absent("landmarks")):
        raise WireError("a box without a single face")
    return None, None


def _cameras(message: Fields) -> Cameras:
    infos = message.objects("cameras", MOST_CAMERAS)
    return Cameras(_id(message), tuple(_camera_info(info) for info in infos))


def _camera_info(info: Fields) -> CameraInfo:
    camera = CameraInfo(
        id=info.text("id", LONGEST_ID),
        name=info.text("name", LONGEST_ID),
        node=info.text("node", LONGEST_ID),
        driver=info.text("driver", LONGEST_ID),
        formats=info.texts("formats", 8, MOST_FORMATS),
        virtual=info.flag("virtual"),
        infrared=info.flag("infrared"),
        usable=info.flag("usable"),
        reason=info.text("reason", LONGEST_TEXT),
    )
    info.end()
    return camera


def _ended(message: Fields) -> Ended:
    why = message.text("why", 16)
    if why not in get_args(EndWhy):
        raise WireError(f"unknown end {why!r}")
    return Ended(_id(message), cast(EndWhy, why), message.text("text", LONGEST_TEXT))


def _failed(message: Fields) -> Failed:
    return Failed(message.text("text", LONGEST_TEXT))


def _id(message: Fields) -> int:
    return message.whole("id", 0, _IDS)


_REPORTS: Mapping[str, Callable[[Fields], Report]] = {
    "ready": _ready,
    "opened": _opened,
    "frame": _judged,
    "cameras": _cameras,
    "ended": _ended,
    "failed": _failed,
}
