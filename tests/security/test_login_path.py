# SPDX-License-Identifier: MIT
"""The module alone: what it takes from around it, and how long it waits."""

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pam_module.arguments import SYSTEM_BUS, Arguments
from pam_module.bus_client import Bus
from pam_module.dbus_wire import BusError

GUARD = 120  # seconds; only a hang reaches it


@pytest.mark.parametrize(
    "variable", ["DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS"]
)
def test_the_environment_names_no_bus(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "unix:path=/evil")
    assert Arguments([]).bus == SYSTEM_BUS


@pytest.mark.parametrize("sent", [b"", b"OK 0123\r\n", b"O", b"x" * 10_000])
def test_a_silent_bus_costs_the_deadline_and_no_more(sent: bytes, tmp_path: Path) -> None:
    """Whatever it said before; here threads wait, so that a hang is a failure.

    On a busy machine the deadline may pass before anything was said, or anybody connected.
    """
    address, said = tmp_path / "bus", list[str]()

    def ask() -> None:
        with Bus(time.monotonic() + 0.2) as bus:
            try:
                bus.connect(str(address))
                bus.trust("org.faceauth.FaceAuth1", {0})
            except BusError as error:
                said.append(str(error))

    def speak() -> None:
        with suppress(OSError):  # the listener is shut down, or nobody listens any more
            connection, _ = listener.accept()
            with connection:
                connection.sendall(sent)
                asking.join()

    asking = threading.Thread(target=ask, daemon=True)
    speaking = threading.Thread(target=speak, daemon=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        asking.start()
        speaking.start()
        asking.join(GUARD)
        assert said and not asking.is_alive()
        listener.shutdown(socket.SHUT_RDWR)
        speaking.join(GUARD)
