# SPDX-License-Identifier: MIT
"""D-Bus messages, as bytes: the little that the PAM module needs.

Writes method calls whose arguments are strings, numbers and dictionaries of them. Reads any
message whose header it needs, and basic values and dictionaries of them from its body. It trusts
nothing: all that is malformed, or larger than MESSAGE_MAX, is a `BusError`, and nothing else is
raised. Format: the D-Bus specification, "Message Protocol".
"""

import struct

MESSAGE_MAX = 65536  # bytes; the largest that the service sends is a few hundred
FIELDS_MAX = 4096
START_SIZE = 16
METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = range(1, 9)
FIELD_TYPES = {
    **dict.fromkeys((INTERFACE, MEMBER, ERROR_NAME, DESTINATION, SENDER), "s"),
    **{PATH: "o", REPLY_SERIAL: "u", SIGNATURE: "g"},
}
FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}
Value = int | float | str
Argument = str | int | dict[str, str] | dict[str, str | int]


class BusError(Exception):
    """There is no answer to rely on; the text says why, in one line."""


class Writer:
    """Marshals little-endian values."""

    def __init__(self) -> None:
        self.data = bytearray()

    def uint(self, value: int) -> None:
        self.pad(4)
        self.data += struct.pack("<I", value)

    def text(self, value: str) -> None:
        """A string or object path; what D-Bus can't carry is a BusError."""
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            raise BusError("a string is not UTF-8") from None
        if b"\0" in raw or len(raw) > 1024:
            raise BusError("a string holds a NUL or is too long")
        self.uint(len(raw))
        self.data += raw + b"\0"

    def signature(self, value: str) -> None:
        self.data += bytes([len(value)]) + value.encode() + b"\0"

    def pad(self, boundary: int) -> None:
        self.data += bytes(-len(self.data) % boundary)

    def argument(self, value: Argument) -> str:
        """Adds a string (s), a number (u) or a dictionary of them (a{sv}); its signature."""
        if isinstance(value, str):
            self.text(value)
            return "s"
        if isinstance(value, int):
            self.uint(value)
            return "u"
        inner = Writer()
        for key, entry in value.items():
            inner.pad(8)
            inner.text(key)
            inner.signature("s" if isinstance(entry, str) else "u")
            inner.argument(entry)
        self.uint(len(inner.data))
        self.pad(8)
        self.data += inner.data
        return "a{sv}"


class Reader:
    """Unmarshals values from `data`, whose start is aligned to 8; every fault is a BusError."""

    def __init__(self, data: bytes, order: str) -> None:
        self.data, self.order, self.at = data, order, 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise BusError("a message is shorter than it says")
        self.at += size
        return self.data[self.at - size : self.at]

    def align(self, boundary: int) -> None:
        if any(self.take(-self.at % boundary)):
            raise BusError("a message's padding is not zero")

    def value(self, kind: str) -> Value:
        """One basic value: a number, a string (s, o) or a signature (g)."""
        if kind in FIXED:
            code = self.order + FIXED[kind]
            self.align(struct.calcsize(code))
            number: int | float = struct.unpack(code, self.take(struct.calcsize(code)))[0]
            return number
        if kind not in ("s", "o", "g"):
            raise BusError("a message holds a value of an unexpected type")
        raw = self.take(self.size("y" if kind == "g" else "u"))
        if self.take(1) != b"\0" or b"\0" in raw:
            raise BusError("a message's string does not end where it should")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise BusError("a message's string is not UTF-8") from None

    def size(self, kind: str) -> int:
        return int(self.value(kind))

    def text(self) -> str:
        return str(self.value("s"))

    def variant(self) -> tuple[str, Value]:
        """A variant's type and value."""
        kind = str(self.value("g"))
        return kind, self.value(kind)

    def dictionary(self) -> dict[str, Value]:
        """An a{sv} whose values are basic."""
        size = self.size("u")
        self.align(8)
        inner, found = Reader(self.take(size), self.order), {}
        while inner.at < size:
            inner.align(8)
            key = inner.text()
            found[key] = inner.variant()[1]
        return found


def method_call(serial: int, header: dict[int, str], arguments: tuple[Argument, ...]) -> bytes:
    """The bytes of a method call; `header` gives PATH, INTERFACE, MEMBER and DESTINATION."""
    body = Writer()
    signature = "".join(body.argument(argument) for argument in arguments)
    fields = Writer()
    for code, value in header.items():
        fields.pad(8)
        fields.data.append(code)
        fields.signature(FIELD_TYPES[code])
        fields.text(value)
    fields.pad(8)
    fields.data.append(SIGNATURE)
    fields.signature("g")
    fields.signature(signature)
    start = struct.pack("<BBBBII", ord("l"), METHOD_CALL, 0, 1, len(body.data), serial)
    size = struct.pack("<I", len(fields.data))
    fields.pad(8)
    return start + size + bytes(fields.data + body.data)


class Message:
    """A received message: `type`, header `fields` by code, and the `body` to read."""

    def __init__(self, start: bytes, rest: bytes) -> None:
        """From its first START_SIZE bytes, and the `rest_size(start)` behind them."""
        order, size, _ = _layout(start)
        padded = size + -size % 8
        self.type, self.body = start[1], Reader(rest[padded:], order)
        self.fields: dict[int, Value] = {}
        reader = Reader(rest[:size], order)
        while reader.at < size:
            reader.align(8)
            code = reader.size("y")
            kind, value = reader.variant()
            if code in self.fields or FIELD_TYPES.get(code, kind) != kind:
                raise BusError("a message's header is wrong")
            self.fields[code] = value


def rest_size(start: bytes) -> int:
    """How many bytes follow a message's first START_SIZE."""
    _, fields, body = _layout(start)
    return fields + -fields % 8 + body


def _layout(start: bytes) -> tuple[str, int, int]:
    """Byte order for struct, size of the header fields, size of the body."""
    order = {ord("l"): "<", ord("B"): ">"}.get(start[0])
    if order is None or start[3] != 1:
        raise BusError("what came is not a D-Bus message")
    body, _serial, fields = struct.unpack(order + "III", start[4:START_SIZE])
    if fields > FIELDS_MAX or body > MESSAGE_MAX - FIELDS_MAX - START_SIZE:
        raise BusError("a message is too large")
    return order, fields, body
