# SPDX-License-Identifier: MIT
"""The parser against GLib's, and against everything else."""

import contextlib
import socket
import time
from typing import Any

import pytest
from gi.repository import Gio, GLib
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_module import dbus_wire
from pam_module.bus_client import Bus
from pam_module.dbus_wire import START_SIZE, BusError, Message, Reader, Value, method_call

NONE = Gio.DBusCapabilityFlags.NONE
ORDERS = [Gio.DBusMessageByteOrder.LITTLE_ENDIAN, Gio.DBusMessageByteOrder.BIG_ENDIAN]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
BASIC = st.one_of(
    TEXT.map(lambda value: GLib.Variant("s", value)),
    st.booleans().map(lambda value: GLib.Variant("b", value)),
    st.integers(0, 255).map(lambda value: GLib.Variant("y", value)),
    st.integers(-(2**15), 2**15 - 1).map(lambda value: GLib.Variant("n", value)),
    st.integers(0, 2**32 - 1).map(lambda value: GLib.Variant("u", value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: GLib.Variant("x", value)),
    st.floats(allow_nan=False).map(lambda value: GLib.Variant("d", value)),
)


def reply(word: str, details: dict[str, Any], order: Any = ORDERS[0]) -> bytes:
    message = Gio.DBusMessage()
    message.set_message_type(Gio.DBusMessageType.METHOD_RETURN)
    message.set_byte_order(order)
    message.set_serial(7)
    message.set_reply_serial(3)
    message.set_sender(":1.5")
    message.set_body(GLib.Variant("(sa{sv})", (word, details)))
    return bytes(message.to_blob(NONE))


def parse(data: bytes) -> tuple[Message, str, dict[str, Value]]:
    """A whole message and its body, which is (sa{sv})."""
    message = Message(data[:START_SIZE], data[START_SIZE:])
    return message, message.body.text(), message.body.dictionary()


@given(TEXT, st.dictionaries(TEXT, BASIC, max_size=8), st.sampled_from(ORDERS))
def test_reads_what_glib_writes(word: str, details: dict[str, Any], order: Any) -> None:
    data = reply(word, details, order)
    assert dbus_wire.rest_size(data[:START_SIZE]) == len(data) - START_SIZE
    message, read_word, read_details = parse(data)
    assert message.type == dbus_wire.METHOD_RETURN
    assert message.fields == {
        dbus_wire.REPLY_SERIAL: 3,
        dbus_wire.SENDER: ":1.5",
        dbus_wire.SIGNATURE: "sa{sv}",
    }
    assert read_word == word
    assert read_details == {key: value.unpack() for key, value in details.items()}


@given(TEXT, st.dictionaries(TEXT, TEXT, max_size=4), st.integers(0, 2**32 - 1))
def test_glib_reads_what_it_writes(user: str, options: dict[str, str], number: int) -> None:
    header = {
        dbus_wire.PATH: "/a/b",
        dbus_wire.INTERFACE: "a.b",
        dbus_wire.MEMBER: "Verify",
        dbus_wire.DESTINATION: ":1.5",
    }
    data = method_call(5, header, (user, options, number))
    message = Gio.DBusMessage.new_from_blob(data, NONE)
    assert (message.get_path(), message.get_member(), message.get_serial()) == ("/a/b", "Verify", 5)
    assert message.get_body().unpack() == (user, options, number)


@pytest.mark.parametrize("text", ["a\0b", "x" * 1025, "\udcff"])
def test_what_dbus_cannot_carry(text: str) -> None:
    with pytest.raises(BusError):
        method_call(1, {}, (text,))


@settings(max_examples=500)
@given(st.binary(min_size=START_SIZE, max_size=300))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(BusError):
        dbus_wire.rest_size(data[:START_SIZE])
        parse(data)


@settings(max_examples=500)
@given(st.data())
def test_any_damage_to_a_reply(data: st.DataObject) -> None:
    """Some damage leaves a message that is well-formed; none raises anything but BusError."""
    message = bytearray(reply("match", {"frames": GLib.Variant("u", 3)}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(START_SIZE, len(message)))
    with contextlib.suppress(BusError):
        parse(bytes(message[:cut]))


@given(st.binary(max_size=100), st.text(max_size=3), st.sampled_from("<>"))
def test_any_value(data: bytes, kind: str, order: str) -> None:
    reader = Reader(data, order)
    with contextlib.suppress(BusError):
        for _ in range(3):
            reader.value(kind)
    assert 0 <= reader.at <= len(data)


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_any_stream(parts: list[bytes]) -> None:
    """A bus that sends anything at all, and then closes, has given no answer."""
    ours, theirs = socket.socketpair()
    with Bus(time.monotonic() + 60) as bus, theirs:
        bus.socket.close()
        bus.socket = ours
        for part in parts:
            theirs.sendall(part)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(BusError):
            bus.call("/a", "a.b", "Verify", "alice", {}, expects="sa{sv}")


def test_a_message_may_not_be_large() -> None:
    start = bytearray(reply("match", {})[:START_SIZE])
    start[4:8] = (dbus_wire.MESSAGE_MAX).to_bytes(4, "little")
    with pytest.raises(BusError, match="too large"):
        dbus_wire.rest_size(bytes(start))
