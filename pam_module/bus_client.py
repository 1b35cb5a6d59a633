# SPDX-License-Identifier: MIT
"""A D-Bus client small enough to be read in one sitting: calls to one trusted service, no more.

It promises that a reply comes from the unique name that owned the service's name when its user was
checked, answers the call that was made, and has the signature that was expected. All else (a
stranger's reply, an owner that leaves, a malformed or overlong message, a deadline that passes) is
a `BusError` of one line.
"""

from __future__ import annotations

import time

# What the module socket stands on, without the enumerations that it makes of it: those are a third
# of this program's start (8 of 25 ms).
from _socket import AF_UNIX, SOCK_STREAM, socket

# What the module os stands on, which takes a tenth of the start (1.5 of 14 ms).
from posix import geteuid

from pam_module import dbus_wire
from pam_module.dbus_wire import Argument, BusError, Message, Reader

TYPE_CHECKING = False  # typing takes as long to import as all the rest
if TYPE_CHECKING:
    from typing import Protocol

    class Listener(Protocol):
        """Gets each hint of the trusted service."""

        def __call__(self, hint: str, /) -> object: ...


BUS = "org.freedesktop.DBus"


class Bus:
    """A connection to a bus, and the one service on it that is trusted.

    `deadline` is in seconds of time.monotonic(); the caller may move it between calls.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.socket = socket(AF_UNIX, SOCK_STREAM)
        self.serial, self.service, self.owner = 0, "", ""
        self.on_progress: Listener = str  # which tells nobody

    def connect(self, path: str) -> None:
        """Connects to the bus at a socket and says who we are; the kernel vouches for that."""
        self._wait()
        try:
            self.socket.connect(path)
        except OSError as error:
            raise BusError(f"{path}: {error.strerror or 'does not answer in time'}") from None
        self._send(b"\0AUTH EXTERNAL " + str(geteuid()).encode().hex().encode() + b"\r\n")
        line = b""
        while not line.endswith(b"\r\n") and len(line) < 256:
            line += self._receive(1)
        if not line.startswith(b"OK ") or not line.endswith(b"\r\n"):
            raise BusError("the bus did not let us in")
        self._send(b"BEGIN\r\n")
        self._ask_bus("Hello", expects="s")

    def trust(self, service: str, users: set[int]) -> None:
        """Starts `service` where it does not run, and trusts its owner if that is one of `users`.

        From here on calls go to this owner, and its leaving ends the one that is waiting.
        """
        rule = f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{service}'"
        self._ask_bus("AddMatch", rule, expects="")
        if not self._ask_bus("NameHasOwner", service, expects="b").value("b"):
            self._ask_bus("StartServiceByName", service, 0, expects="u")
        self.owner = self._ask_bus("GetNameOwner", service, expects="s").text()
        self.service = service
        uid = self._ask_bus("GetConnectionUnixUser", self.owner, expects="u").size("u")
        if uid not in users:
            raise BusError(f"{service} belongs to user {uid}, who is not trusted")

    def call(
        self, path: str, interface: str, member: str, *arguments: Argument, expects: str
    ) -> Reader:
        """Calls the trusted service. Its reply's body, whose signature is `expects`."""
        return self._call(self.owner, path, interface, member, arguments, expects)

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _ask_bus(self, member: str, *arguments: Argument, expects: str) -> Reader:
        return self._call(BUS, "/org/freedesktop/DBus", BUS, member, arguments, expects)

    def _call(
        self,
        to: str,
        path: str,
        interface: str,
        member: str,
        arguments: tuple[Argument, ...],
        expects: str,
    ) -> Reader:
        self.serial += 1
        header = {
            dbus_wire.PATH: path,
            dbus_wire.INTERFACE: interface,
            dbus_wire.MEMBER: member,
            dbus_wire.DESTINATION: to,
        }
        self._send(dbus_wire.method_call(self.serial, header, arguments))
        while True:
            message = self._message()
            fields = message.fields
            if message.type == dbus_wire.SIGNAL:
                self._watch(message)
                self._listen(message)
            elif message.type in (dbus_wire.METHOD_RETURN, dbus_wire.ERROR):
                if (fields.get(dbus_wire.SENDER), fields.get(dbus_wire.REPLY_SERIAL)) != (
                    to,
                    self.serial,
                ):
                    raise BusError(f"{member}: a reply from a stranger, or to another call")
                if message.type == dbus_wire.ERROR:
                    raise BusError(f"{member}: {fields.get(dbus_wire.ERROR_NAME)}")
                if fields.get(dbus_wire.SIGNATURE, "") != expects:
                    raise BusError(f"{member}: a reply of another type than {expects!r}")
                return message.body

    def _watch(self, signal: Message) -> None:
        """Gives up where the service's name has gone to another: it would answer in its stead."""
        if (
            signal.fields.get(dbus_wire.SENDER) == BUS
            and signal.fields.get(dbus_wire.MEMBER) == "NameOwnerChanged"
            and signal.fields.get(dbus_wire.SIGNATURE) == "sss"
        ):
            service, _old, new = (signal.body.text() for _ in range(3))
            if service == self.service and new != self.owner:
                raise BusError(f"{service} has left the bus")

    def _listen(self, signal: Message) -> None:
        """Takes a Progress of the trusted owner alone: no stranger may tell people what to do."""
        if (
            self.owner
            and signal.fields.get(dbus_wire.SENDER) == self.owner
            and signal.fields.get(dbus_wire.MEMBER) == "Progress"
            and signal.fields.get(dbus_wire.SIGNATURE) == "sd"
        ):
            self.on_progress(signal.body.text())

    def _message(self) -> Message:
        start = self._receive(dbus_wire.START_SIZE)
        return Message(start, self._receive(dbus_wire.rest_size(start)))

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait()
            try:
                part = self.socket.recv(size - len(data))
            except OSError as error:
                raise BusError(f"the bus: {error.strerror or 'no answer in time'}") from None
            if not part:
                raise BusError("the bus closed the connection")
            data += part
        return bytes(data)

    def _send(self, data: bytes) -> None:
        self._wait()
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise BusError(f"the bus: {error.strerror or 'does not read in time'}") from None

    def _wait(self) -> None:
        """Lets the next step on the socket last until the deadline, and no longer."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise BusError("no answer in time")
        self.socket.settimeout(left)
