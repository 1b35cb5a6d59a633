# SPDX-License-Identifier: MIT
"""A message bus made for lying: it plays the bus and the daemon behind it, and may be told how.

Without a `tamper` it is honest. `tamper(member, call, reply)` sees each call and the honest reply,
and gives the bytes to send in place of it; None among them closes the connection, and none at all
leaves the caller waiting. GLib writes and reads the messages: nothing here is the module's own.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gi.repository import Gio, GLib

DAEMON = ":1.5"
CLIENT = ":1.9"
BUS = "org.freedesktop.DBus"
READY = ("ready", {"confirm": GLib.Variant("s", "none"), "timeout": GLib.Variant("d", 60.0)})

Call = Any  # Gio.DBusMessage
Tamper = Callable[[str, Call, Call], Iterable[bytes | None]]


def blob(message: Call) -> bytes:
    return bytes(message.to_blob(Gio.DBusCapabilityFlags.NONE))


def answer(call: Call, body: GLib.Variant | None, sender: str) -> Call:
    reply = call.new_method_reply()
    reply.set_serial(77)
    reply.set_sender(sender)
    reply.set_destination(CLIENT)
    if body is not None:
        reply.set_body(body)
    return reply


def signal(sender: str, interface: str, member: str, body: GLib.Variant) -> bytes:
    message = Gio.DBusMessage.new_signal("/org/faceauth/FaceAuth1", interface, member)
    message.set_serial(78)
    message.set_sender(sender)
    message.set_body(body)
    return blob(message)


def owner_changed(name: str, old: str, new: str) -> bytes:
    return signal(BUS, BUS, "NameOwnerChanged", GLib.Variant("(sss)", (name, old, new)))


class FakeBus:
    """Listens at `address` from its making until `close`."""

    def __init__(
        self,
        path: Path,
        *,
        verify: str = "match",
        can_verify: tuple[str, dict[str, GLib.Variant]] = READY,
        owner_uid: int = 0,
        tamper: Tamper | None = None,
    ) -> None:
        self.address = f"unix:path={path}"
        self.calls: list[tuple[str, Any]] = []  # (member, arguments), in order
        self._tamper = tamper
        self._bodies = {
            "Hello": GLib.Variant("(s)", (CLIENT,)),
            "AddMatch": None,
            "NameHasOwner": GLib.Variant("(b)", (True,)),
            "GetNameOwner": GLib.Variant("(s)", (DAEMON,)),
            "GetConnectionUnixUser": GLib.Variant("(u)", (owner_uid,)),
            "CanVerify": GLib.Variant("(sa{sv})", can_verify),
            "PasswordGiven": None,
            "Verify": GLib.Variant("(sa{sv})", (verify, {"frames": GLib.Variant("u", 10)})),
        }
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        for connection in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def members(self) -> list[str]:
        return [member for member, _ in self.calls]

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._let_in(connection)
            while True:
                self._reply(connection, self._read(connection))

    def _let_in(self, connection: socket.socket) -> None:
        for expected, reply in ((b"\0AUTH EXTERNAL ", b"OK 0123456789abcdef\r\n"), (b"BEGIN", b"")):
            line = b""
            while not line.endswith(b"\r\n"):
                line += exactly(connection, 1)
            assert line.startswith(expected), line
            connection.sendall(reply)

    def _read(self, connection: socket.socket) -> Call:
        start = exactly(connection, 16)
        rest = exactly(connection, Gio.DBusMessage.bytes_needed(start) - 16)
        return Gio.DBusMessage.new_from_blob(start + rest, Gio.DBusCapabilityFlags.NONE)

    def _reply(self, connection: socket.socket, call: Call) -> None:
        member, body = call.get_member(), call.get_body()
        self.calls.append((member, body.unpack() if body else None))
        honest = answer(
            call, self._bodies[member], BUS if call.get_destination() == BUS else DAEMON
        )
        parts = self._tamper(member, call, honest) if self._tamper else [blob(honest)]
        for part in parts:
            if part is None:
                connection.shutdown(socket.SHUT_RDWR)
                raise EOFError
            connection.sendall(part)


def exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data
