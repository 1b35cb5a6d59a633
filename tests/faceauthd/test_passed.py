# SPDX-License-Identifier: MIT
"""What came with a call is closed, and nobody waits for it."""

import os
import socket
import struct
from contextlib import suppress

import pytest

from faceauthd import passed
from faceauthd.aside import Work
from tests.harness.threads import at_rest

FOR_EVER = 3600  # seconds


def lingering() -> tuple[socket.socket, socket.socket]:
    """A socket whose closing waits for its peer to read, and the peer, who does not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    ours.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            ours.send(bytes(65536))
    ours.setblocking(True)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, FOR_EVER))
    return ours, peer


def test_a_socket_does_not_linger() -> None:
    ours, peer = lingering()
    with peer:
        passed.close([ours.detach()])
        at_rest()


def test_a_file_is_closed() -> None:
    reading, writing = os.pipe()
    passed.close([writing])
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_what_cannot_be_closed_ends_no_thread() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    passed.close([writing])  # as one whose file system fails then
    at_rest()
    passed.close([reading])
    at_rest()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)


def test_without_a_thread_it_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_work: Work) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(passed._ASIDE, "do", refuse)
    reading, writing = os.pipe()
    passed.close([writing])
    assert os.read(reading, 1) == b""
    os.close(reading)
