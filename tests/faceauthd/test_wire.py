# SPDX-License-Identifier: MIT
"""The worker's protocol: what is sent arrives, and nothing else is let in."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faceauthd import messages, wire
from faceauthd.camera import CameraInfo
from faceauthd.config import CameraConfig
from faceauthd.fields import WireError, pack_vector
from models.face import Box
from models.observation import Observation
from models.pose import Pose

IDS = st.integers(0, 2**53)
LINE = st.text(max_size=60).filter(str.isprintable)
NAME = LINE.filter(bool)
CAMERA = NAME.filter(lambda name: not name.startswith("/"))
NUMBER = st.floats(0, 255)
PLACE = st.floats(-1e5, 1e5, width=32)
CONFIGS = st.builds(
    CameraConfig,
    device=st.one_of(NAME, st.lists(CAMERA, min_size=1, max_size=3, unique=True).map(tuple)),
    width=st.integers(160, 4096),
    height=st.integers(120, 4096),
    fps=st.integers(1, 120),
    rotate=st.sampled_from([0, 90, 180, 270]),
    allow_virtual=st.lists(NAME, max_size=3, unique=True).map(tuple),
    paced=st.booleans(),
)
INFOS = st.builds(
    CameraInfo,
    id=LINE, name=LINE, node=LINE, driver=LINE, reason=LINE,
    formats=st.lists(st.sampled_from(["MJPG", "YUYV", "GREY"]), max_size=3).map(tuple),
    virtual=st.booleans(), infrared=st.booleans(), usable=st.booleans(),
)  # fmt: skip
CUES = st.dictionaries(LINE, st.dictionaries(LINE, st.floats(0, 1), max_size=3), max_size=3)
RISING = st.lists(st.floats(0, 1), max_size=4, unique=True).map(sorted)
BOUNDS = st.tuples(RISING, RISING).map(lambda pair: tuple(zip(*pair, strict=False)))
MESSAGES = st.one_of(
    st.builds(
        messages.Scan,
        IDS,
        CONFIGS,
        st.lists(LINE, max_size=3).map(tuple),
        st.booleans(),
        st.floats(0, 1),
    ),
    st.builds(messages.Every, IDS, st.floats(0, 1), st.booleans()),
    st.builds(messages.Show, IDS),
    st.builds(messages.Stop, IDS),
    st.builds(messages.ListCameras, IDS, st.lists(LINE, max_size=3).map(tuple)),
    st.builds(
        messages.Ready,
        LINE,
        LINE,
        st.integers(1, 2048),
        CUES,
        st.sampled_from([(), messages.POSE]),
        st.dictionaries(LINE, BOUNDS, max_size=3),
    ),
    st.builds(messages.Opened, IDS, LINE, LINE),
    st.builds(messages.Cameras, IDS, st.lists(INFOS, max_size=3).map(tuple)),
    st.builds(messages.Ended, IDS, st.sampled_from(get_args(messages.EndWhy)), LINE),
    st.builds(messages.Failed, LINE),
)
VECTORS = hnp.arrays(np.float32, st.integers(1, 512), elements=st.floats(-1, 1, width=32)).filter(
    lambda vector: bool(np.linalg.norm(vector) > 1e-3)
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    faces = draw(st.integers(0, 3))
    common: dict[str, Any] = {
        "index": draw(st.integers(0, 2**53)),
        "at": draw(st.floats(0, 1e9)),
        "small": draw(st.integers(0, 1000)),
        "brightness": draw(NUMBER),
        "size": (draw(st.integers(1, 4096)), draw(st.integers(1, 4096))),
    }
    if faces != 1:
        return Observation(faces=faces, **common)
    vector = draw(VECTORS)
    return Observation(
        faces=1,
        box=Box(*draw(st.tuples(PLACE, PLACE, PLACE, PLACE))),
        landmarks=draw(hnp.arrays(np.float32, (5, 2), elements=PLACE)),
        sharpness=draw(st.floats(0, 1e9)),
        yaw=draw(st.floats(-1, 1)),
        embedding=draw(st.sampled_from([None, vector / np.linalg.norm(vector)])),
        liveness=draw(st.dictionaries(LINE, st.floats(0, 1), max_size=3)),
        pose=draw(st.none() | st.builds(Pose, *[st.floats(-100, 100)] * 3)),
        once=draw(st.booleans()),
        **common,
    )


def decode(data: bytes) -> messages.Order | messages.Report:
    return wire.decode_order(data) if data.startswith(b'{"do"') else wire.decode_report(data)


@given(MESSAGES)
def test_what_is_encoded_is_decoded(message: messages.Order | messages.Report) -> None:
    assert decode(wire.encode(message)) == message


@given(IDS, observations())
def test_an_observation_arrives_whole(number: int, sent: Observation) -> None:
    report = wire.decode_report(wire.encode(messages.Judged(number, sent)))
    assert isinstance(report, messages.Judged)
    assert report.id == number
    for name, value in vars(sent).items():
        received = getattr(report.observation, name)
        if isinstance(value, np.ndarray):
            assert received.dtype == np.float32
            np.testing.assert_array_equal(received, value)
        else:
            assert received == value


# What is refused.


def a_frame() -> dict[str, Any]:
    """A frame message as it should be."""
    observation = Observation(
        0, 0.0, 1, 0, 90.0, (64, 48), Box(1, 2, 3, 4), np.zeros((5, 2), np.float32), 1.0, 0.0,
        np.array([0.6, 0.8], np.float32), {"model": 0.5}, Pose(0.1, 0.7, 0.2),
    )  # fmt: skip
    message: dict[str, Any] = json.loads(wire.encode(messages.Judged(1, observation)))
    wire.decode_report(json.dumps(message).encode())
    return message


def packed(*values: float) -> str:
    return pack_vector(np.array(values, np.float32))


BAD_FRAME_VALUES: list[tuple[str, Any]] = [
    ("id", -1), ("id", True), ("id", 1.0), ("id", "1"), ("id", 2**54),
    ("index", -1), ("index", 0.5), ("index", 10**4000),
    ("at", -0.1), ("at", None), ("at", float("inf")), ("at", float("nan")), ("at", True),
    ("faces", 2), ("faces", 0), ("faces", 1001),
    ("brightness", 256), ("brightness", "90"),
    ("size", [64]), ("size", [64, 48, 3]), ("size", [0, 48]), ("size", "64"),
    ("box", None), ("box", [1, 2, 3]), ("box", [1, 2, 3, 1e9]), ("box", {"x": 1}),
    ("landmarks", None), ("landmarks", [0] * 9), ("landmarks", [[0, 0]] * 5),
    ("yaw", 1e6), ("sharpness", -1),
    ("embedding", ""), ("embedding", "no base64!"), ("embedding", [0.6, 0.8]),
    ("embedding", "AAAA"), ("once", None), ("once", 1),
    ("embedding", packed(0.6, float("nan"))), ("embedding", packed(float("inf"), 0)),
    ("embedding", packed(6.0, 8.0)),  # it would score ten times as high
    ("embedding", packed(0.0, 0.0)), ("embedding", packed(*[0.0] * 2048, 1.0)),
    ("liveness", []), ("liveness", {"model": 1.1}), ("liveness", {"model": "live"}),
    ("liveness", {"a\nb": 0.5}), ("liveness", {"x" * 65: 0.5}),
    ("liveness", {str(n): 0.5 for n in range(17)}),
    ("pose", [0.1, 0.7]), ("pose", [0.1, 0.7, 101]), ("pose", [0.1, 0.7, float("nan")]),
    ("pose", {"turn": 0.1}), ("pose", 0.1),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), BAD_FRAME_VALUES)
def test_a_wrong_value_is_refused(key: str, value: Any) -> None:
    data = json.dumps(a_frame() | {key: value})
    with pytest.raises(WireError):
        wire.decode_report(data.encode())


@pytest.mark.parametrize("key", sorted(a_frame()))
def test_each_value_must_be_there(key: str) -> None:
    message = a_frame()
    del message[key]
    with pytest.raises(WireError):
        wire.decode_report(json.dumps(message).encode())


def test_nothing_may_be_there_besides() -> None:
    with pytest.raises(WireError, match="match"):
        wire.decode_report(json.dumps(a_frame() | {"match": True}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"frame"',
        b"{}",
        b'{"is":"match","id":1}',
        b'{"is":"failed","text":"a","text":"b"}',
        b'{"is":"failed","text":"two\\nlines"}',
        b'{"is":"failed","text":"\\u001b[2J"}',
        b'{"is":"failed","text":"' + b"x" * 501 + b'"}',
        b'{"is":"ended","id":1,"why":"match","text":""}',
        b'{"is":"ready","engine":"","model":"","dimension":0,"cues":{}}',
        b'{"is":"ready","engine":"","model":"","dimension":4,"cues":{"passive":{"m":2}}}',
        b"[" * 60_000,
        b'{"is":' * 10_000,
        b'{"is":"ended","id":1' + b"0" * 5000 + b"}",
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode_report(data)
    with pytest.raises(WireError):
        wire.decode_order(data)


@pytest.mark.parametrize(
    "curve",
    [[[0.5, 0.1], [0.4, 0.2]], [[0.5, 0.1], [0.6, 0.1]], [[0.5]], [[0.5, 2]], 7, [[0, 0]] * 129],
)
def test_bounds_that_do_not_rise_are_refused(curve: Any) -> None:
    ready = wire._as_json(messages.Ready("e", "m", 8, {}))
    with pytest.raises(WireError, match="bounds"):
        wire.decode_report(json.dumps({**ready, "bounds": {"m": curve}}).encode())


@pytest.mark.parametrize(
    "camera",
    [{}, {"device": ""}, {"device": []}, {"device": ["a", "/tmp/clip"]}, {"device": ["a", "a"]},
     {"rotate": 45}, {"width": 10**9}, {"x": 1}],
)  # fmt: skip
def test_a_camera_is_checked_as_the_configuration_is(camera: dict[str, Any]) -> None:
    order = json.loads(wire.encode(messages.Scan(1, CameraConfig(), (), True)))
    order["camera"] = order["camera"] | camera if camera else {}
    with pytest.raises(WireError):
        wire.decode_order(json.dumps(order).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.binary(max_size=300), JSON)
def test_whatever_comes_only_a_wire_error_is_raised(data: bytes, value: Any) -> None:
    for message in (data, json.dumps(value).encode()):
        for read in (wire.decode_order, wire.decode_report):
            with pytest.raises(WireError):
                read(message)


@given(st.data())
@settings(max_examples=200)
def test_a_frame_with_anything_in_it_is_decoded_or_refused(data: st.DataObject) -> None:
    message = a_frame()
    message[data.draw(st.sampled_from(sorted(message)))] = data.draw(JSON)
    try:
        report = wire.decode_report(json.dumps(message).encode())
    except WireError:
        return
    assert isinstance(report, messages.Judged)
    wire.encode(report)  # whatever was let in is of the right types


def test_a_worker_does_not_send_what_is_no_number() -> None:
    observation = Observation(0, 0.0, 0, 0, float("nan"), (64, 48))
    with pytest.raises(WireError):
        wire.encode(messages.Judged(1, observation))


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(WireError, match="bytes"):
        wire.encode(messages.Failed("x" * 70_000))


@given(st.text())
def test_any_text_can_be_made_one_line(text: str) -> None:
    report = messages.Failed(messages.one_line(text))
    assert wire.decode_report(wire.encode(report)) == report


# The socket.


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


Sockets = tuple[socket.socket, socket.socket]
SCAN = messages.Scan(1, CameraConfig(), ("passive",), True)


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_scan_carries_a_file(sockets: Sockets, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    with (tmp_path / "file").open() as file:
        wire.send(sockets[0], SCAN, file.fileno())
    received = wire.receive_order(sockets[1])
    assert received is not None
    order, fd = received
    assert order == SCAN
    assert fd is not None
    assert not os.get_inheritable(fd)
    with os.fdopen(fd) as file:
        assert file.read() == "content"


def test_descriptors_that_do_not_belong_are_closed(sockets: Sockets) -> None:
    ours, theirs = sockets
    before = open_descriptors()
    for data, fds in (
        (wire.encode(SCAN), [0, 0]),
        (wire.encode(SCAN), [0] * 100),
        (wire.encode(messages.Stop(1)), [0]),
        (wire.encode(messages.Show(1)), [0, 0]),
        (wire.encode(messages.Show(1)), []),
        (b"nonsense", [0]),
        (b"x" * (wire.LARGEST + 1), [0]),
    ):
        socket.send_fds(ours, [data], fds)
        with pytest.raises(WireError):
            wire.receive_order(theirs)
        assert open_descriptors() == before


def test_a_worker_sends_no_descriptors(sockets: Sockets) -> None:
    before = open_descriptors()
    socket.send_fds(sockets[0], [wire.encode(messages.Failed(""))], [0])
    with pytest.raises(WireError):
        wire.receive_report(sockets[1])
    assert open_descriptors() == before


def test_a_message_that_is_too_long_is_not_received(sockets: Sockets) -> None:
    sockets[0].send(b" " * (wire.LARGEST + 1))
    with pytest.raises(WireError, match="too large"):
        wire.receive_report(sockets[1])


def test_the_other_sides_end_is_no_message(sockets: Sockets) -> None:
    sockets[1].send(b"unread")
    sockets[1].close()
    with pytest.raises(WireError):
        wire.receive_report(sockets[0])
    assert wire.receive_report(sockets[0]) is None
    assert wire.receive_order(sockets[0]) is None


def test_a_daemon_does_not_wait_for_a_report(sockets: Sockets) -> None:
    sockets[0].setblocking(False)
    with pytest.raises(BlockingIOError):
        wire.receive_report(sockets[0])
