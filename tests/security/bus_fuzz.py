# SPDX-License-Identifier: MIT
"""Hostile buses for the PAM module, by the hundred thousand, without sockets.

Each is a transcript of what an honest bus would say to one authentication that ends in "no-match",
changed in one way: bytes damaged, messages cut, doubled, exchanged or put in from elsewhere, or a
"match" from a stranger, too early, to another call, of another type. None of them may end in a
success, raise anything but a BusError inside, or ask for more than was sent.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from unittest.mock import patch

from gi.repository import Gio, GLib

from faceauthd.results import BUS_NAME
from pam_module import attempt, bus_client
from pam_module.hosts import PAM_SUCCESS
from tests.pam_module.fake_bus import (
    BUS,
    CLIENT,
    DAEMON,
    READY,
    answer,
    blob,
    owner_changed,
    signal,
)
from tests.pam_module.test_attempt import Host

NAME = BUS_NAME
LET_IN = b"OK 0123456789abcdef\r\n"
MATCH, NO_MATCH = (GLib.Variant("(sa{sv})", (word, {})) for word in ("match", "no-match"))
# The bus's and the daemon's replies in the order of the module's calls.
BODIES: tuple[tuple[str, GLib.Variant | None], ...] = (
    (BUS, GLib.Variant("(s)", (CLIENT,))),  # Hello
    (BUS, None),  # AddMatch
    (BUS, GLib.Variant("(b)", (True,))),  # NameHasOwner
    (BUS, GLib.Variant("(s)", (DAEMON,))),  # GetNameOwner
    (BUS, GLib.Variant("(u)", (0,))),  # GetConnectionUnixUser
    (DAEMON, GLib.Variant("(sa{sv})", READY)),  # CanVerify
    (DAEMON, NO_MATCH),  # Verify
)
VERIFY = len(BODIES)  # its call's serial
# How the module's log begins where it met what its client does not foresee.
UNFORESEEN = re.compile(r"error: (\w*Error|\w*Exception|error): ")
MOST_READS = 4096  # of one authentication; an honest one takes about forty


class Transcript:
    """A socket that says what it was given, takes everything, and then ends."""

    def __init__(self, said: bytes) -> None:
        self.said, self.at, self.reads = said, 0, 0

    def recv(self, size: int) -> bytes:
        self.reads += 1
        assert self.reads <= MOST_READS, "it reads for ever"
        part = self.said[self.at : self.at + size]
        self.at += len(part)
        return part

    def connect(self, _path: str) -> None: ...
    def sendall(self, _data: bytes) -> None: ...
    def settimeout(self, _seconds: float) -> None: ...
    def close(self) -> None: ...


def reply(serial: int, body: Any, sender: str | None, order: Any = None) -> bytes:
    message = Gio.DBusMessage()
    message.set_message_type(Gio.DBusMessageType.METHOD_RETURN)
    if order is not None:
        message.set_byte_order(order)
    message.set_serial(177)
    message.set_reply_serial(serial)
    if sender is not None:
        message.set_sender(sender)
    if body is not None:
        message.set_body(body)
    return blob(message)


def honest(big_endian: bool = False) -> list[bytes]:
    orders = Gio.DBusMessageByteOrder
    order = orders.BIG_ENDIAN if big_endian else orders.LITTLE_ENDIAN
    return [
        LET_IN,
        *(reply(n, body, sender, order) for n, (sender, body) in enumerate(BODIES, 1)),
    ]


def forged() -> list[bytes]:
    """Messages that say "match" and must not be believed in place of Verify's reply."""
    error = Gio.DBusMessage.new_method_call(DAEMON, "/", NAME, "Verify")
    error.set_serial(VERIFY)
    return [
        *(reply(VERIFY, MATCH, sender) for sender in (":1.66", NAME, BUS, CLIENT, None)),
        *(reply(serial, MATCH, DAEMON) for serial in (1, 2, VERIFY - 1, VERIFY + 1, 2**32 - 1)),
        reply(VERIFY, GLib.Variant("(s)", ("match",)), DAEMON),
        reply(VERIFY, GLib.Variant("(sa{ss})", ("match", {})), DAEMON),
        reply(VERIFY, GLib.Variant("(vs)", (GLib.Variant("s", "match"), "match")), DAEMON),
        signal(DAEMON, f"{NAME}.Manager", "Verify", MATCH),
        blob(error.new_method_error_literal(f"{NAME}.Error.match", "match")),
        blob(answer(error, MATCH, ":1.7")),
    ]


def strays() -> list[bytes]:
    """What else may come over a bus at any time."""
    return [
        owner_changed(NAME, DAEMON, ":1.66"),
        owner_changed(NAME, DAEMON, ""),
        owner_changed("org.example.Other", ":1.7", ""),
        signal(DAEMON, f"{NAME}.Manager", "Progress", GLib.Variant("(sd)", ("scanning", 0.0))),
        b"",
        b"\0" * 64,
        b"l\1\0\1" + b"\xff" * 12,
    ]


def transcripts(chance: random.Random) -> Iterator[bytes]:
    """Hostile transcripts without end."""
    plain = (honest(), honest(big_endian=True))
    lies, others = forged(), strays()
    changes: tuple[Callable[[list[bytes]], None], ...] = (
        lambda parts: _damage(parts, chance),
        lambda parts: _damage(parts, chance),
        lambda parts: _put(parts, chance.choice(lies), chance),
        lambda parts: parts.__setitem__(-1, chance.choice(lies)),
        lambda parts: _put(parts, chance.choice(others), chance),
        lambda parts: _exchange(parts, chance),
        lambda parts: parts.__setitem__(slice(chance.randrange(1, len(parts) + 1), None), []),
        lambda parts: parts.insert(0, chance.randbytes(chance.randrange(80))),
    )
    early = reply(VERIFY, MATCH, DAEMON)
    while True:
        parts = list(chance.choice(plain))
        if chance.random() < 0.05:  # the right answer, before CanVerify's
            parts.insert(chance.randrange(VERIFY), early)
            yield b"".join(parts)
            continue
        for _ in range(chance.choice((1, 1, 1, 2))):
            chance.choice(changes)(parts)
        yield b"".join(parts)


def _damage(parts: list[bytes], chance: random.Random) -> None:
    """Of one honest message, since damage to a forged one could mend it."""
    data = bytearray(parts[at := chance.randrange(len(parts))] if parts else b"")
    if b"\5\0\0\0match\0" in data or b"\0\0\0\5match\0" in data or not data:
        return
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(data) or 1)
        match chance.randrange(4):
            case 0 | 1:
                values = (0, 1, 8, 127, 255, chance.randrange(256))
                data[place : place + 1] = bytes([chance.choice(values)])
            case 2:
                del data[place : place + chance.randrange(1, 9)]
            case _:
                data[place:place] = chance.randbytes(chance.randrange(1, 9))
    parts[at] = bytes(data)


def _put(parts: list[bytes], message: bytes, chance: random.Random) -> None:
    parts.insert(chance.randrange(len(parts) + 1), message)


def _exchange(parts: list[bytes], chance: random.Random) -> None:
    if parts:
        one, other = chance.randrange(len(parts)), chance.randrange(len(parts))
        parts[one], parts[other] = parts[other], parts[one]


def authenticate(said: bytes) -> tuple[int, str]:
    """The PAM code of one authentication over this transcript, and its line in the log."""
    transcript, host = Transcript(said), Host()
    with patch.object(bus_client, "socket", lambda *_: transcript):
        code = attempt.Attempt(host, silent=True).code([])
    return code, host.logged[-1].removeprefix("alice: ")


def fuzz(count: int, seed: int = 1) -> Counter[str]:
    """How ``count`` authentications over hostile transcripts ended: results' words."""
    outcomes, hostile = Counter[str](), transcripts(random.Random(seed))
    for said in islice(hostile, count):
        code, log = authenticate(said)
        assert code != PAM_SUCCESS, f"accepted: {said!r}"
        assert not UNFORESEEN.match(log), f"{log} at {said!r}"
        outcomes[log.partition(":")[0]] += 1
    return outcomes
