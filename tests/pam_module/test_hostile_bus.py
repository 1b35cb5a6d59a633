# SPDX-License-Identifier: MIT
"""A bus that lies, stammers, floods or falls silent: a refusal, and the password still works."""

import itertools
import random
import struct
from collections.abc import Callable, Iterable, Iterator

import pytest
from gi.repository import GLib

from tests.pam_module.fake_bus import (
    BUS,
    CLIENT,
    DAEMON,
    Call,
    FakeBus,
    answer,
    blob,
    owner_changed,
    signal,
)
from tests.pam_module.pam_host import AUTHINFO_UNAVAIL, SUCCESS, Stacks

NAME = "org.faceauth.FaceAuth1"
MATCH = GLib.Variant("(sa{sv})", ("match", {}))
# A policy by which Verify's answer has little time, and nothing else has.
HASTY = ("ready", {"confirm": GLib.Variant("s", "none"), "timeout": GLib.Variant("d", 0.1)})
Parts = Iterable[bytes | None]


def patched(message: bytes, at: int, value: bytes) -> bytes:
    return message[:at] + value + message[at + len(value) :]


def wrong_serial(call: Call, reply: Call) -> Parts:
    reply.set_reply_serial(call.get_serial() + 1)
    return [blob(reply)]


def reply_to_the_call_before(call: Call, reply: Call) -> Parts:
    reply.set_reply_serial(call.get_serial() - 1)
    return [blob(reply)]


def a_strangers_reply(call: Call, reply: Call) -> Parts:
    reply.set_sender(":1.66")
    return [blob(reply)]


def a_reply_by_the_well_known_name(call: Call, reply: Call) -> Parts:
    reply.set_sender(NAME)
    return [blob(reply)]


def a_reply_without_a_sender(call: Call, reply: Call) -> Parts:
    reply.set_sender(None)
    return [blob(reply)]


def another_signature(call: Call, reply: Call) -> Parts:
    return [blob(answer(call, GLib.Variant("(s)", ("match",)), DAEMON))]


def another_type(call: Call, reply: Call) -> Parts:
    return [blob(answer(call, GLib.Variant("(x)", (1,)), BUS))]


def no_body(call: Call, reply: Call) -> Parts:
    return [blob(answer(call, None, DAEMON))]


def a_signal_in_place_of_the_reply(call: Call, reply: Call) -> Parts:
    yield signal(DAEMON, f"{NAME}.Manager", "Verified", MATCH)
    yield None


def a_match_as_an_error(call: Call, reply: Call) -> Parts:
    error = call.new_method_error_literal(f"{NAME}.Error.Match", "match")
    error.set_serial(77)
    error.set_sender(DAEMON)
    return [blob(error)]


def the_call_sent_back(call: Call, reply: Call) -> Parts:
    yield blob(call)
    yield None


def another_owner_first(call: Call, reply: Call) -> Parts:
    return [owner_changed(NAME, DAEMON, ":1.66"), blob(reply)]


def the_owner_gone_first(call: Call, reply: Call) -> Parts:
    return [owner_changed(NAME, DAEMON, ""), blob(reply)]


def half_a_reply(call: Call, reply: Call) -> Parts:
    whole = blob(reply)
    return [whole[: len(whole) // 2], None]


def nothing_but_the_end(call: Call, reply: Call) -> Parts:
    return [None]


def silence(call: Call, reply: Call) -> Parts:
    return []


def a_letter_and_silence(call: Call, reply: Call) -> Parts:
    return [blob(reply)[:1]]


def a_huge_body(call: Call, reply: Call) -> Parts:
    return [patched(blob(reply), 4, struct.pack("<I", 0xFFFFFFF0))]


def a_huge_header(call: Call, reply: Call) -> Parts:
    return [patched(blob(reply), 12, struct.pack("<I", 0x7FFFFFFF))]


def a_string_longer_than_its_message(call: Call, reply: Call) -> Parts:
    whole = blob(reply)
    return [patched(whole, whole.rindex(b"match") - 4, struct.pack("<I", 0x10000))]


def a_word_that_is_not_utf8(call: Call, reply: Call) -> Parts:
    whole = blob(reply)
    return [patched(whole, whole.rindex(b"match"), b"m\xfftch")]


def the_other_byte_order(call: Call, reply: Call) -> Parts:
    return [patched(blob(reply), 0, b"B" if blob(reply)[:1] == b"l" else b"l"), None]


def no_byte_order(call: Call, reply: Call) -> Parts:
    return [patched(blob(reply), 0, b"x")]


def another_protocol_version(call: Call, reply: Call) -> Parts:
    return [patched(blob(reply), 3, b"\2")]


def garbage(call: Call, reply: Call) -> Parts:
    return [random.Random(1).randbytes(4096), None]


def a_flood_of_signals(call: Call, reply: Call) -> Iterator[bytes]:
    note = signal(":1.66", "x.y", "Z", GLib.Variant("(s)", ("x" * 30000,)))
    return itertools.repeat(note)


def a_flood_without_form(call: Call, reply: Call) -> Iterator[bytes]:
    return itertools.repeat(b"\0" * 65536)


LIES = [
    wrong_serial,
    reply_to_the_call_before,
    a_strangers_reply,
    a_reply_by_the_well_known_name,
    a_reply_without_a_sender,
    another_signature,
    no_body,
    a_signal_in_place_of_the_reply,
    a_match_as_an_error,
    the_call_sent_back,
    another_owner_first,
    the_owner_gone_first,
    half_a_reply,
    nothing_but_the_end,
    silence,
    a_letter_and_silence,
    a_huge_body,
    a_huge_header,
    a_string_longer_than_its_message,
    a_word_that_is_not_utf8,
    the_other_byte_order,
    no_byte_order,
    another_protocol_version,
    garbage,
    a_flood_of_signals,
    a_flood_without_form,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_in_place_of_the_verdict(
    lie: Callable[[Call, Call], Parts], stacks: Stacks, fake_bus: Callable[..., FakeBus]
) -> None:
    def tamper(member: str, call: Call, reply: Call) -> Parts:
        return lie(call, reply) if member == "Verify" else [blob(reply)]

    bus = fake_bus(tamper=tamper, can_verify=HASTY)
    face = f"bus={bus.address}"
    outcome = stacks.authenticate(stacks.face(face))
    assert (outcome.code, outcome.stderr) == (AUTHINFO_UNAVAIL, "")
    assert "Verify" in bus.members

    outcome = stacks.authenticate(
        stacks.face(face, "timeout=1", control="sufficient"),
        stacks.password(),
        options=["answer=secret"],
    )
    assert (outcome.code, outcome.stderr) == (SUCCESS, "")


@pytest.mark.parametrize("member", ["Hello", "AddMatch", "GetNameOwner", "CanVerify"])
@pytest.mark.parametrize(
    "lie",
    [wrong_serial, a_strangers_reply, another_type, nothing_but_the_end, silence, garbage],
    ids=lambda lie: lie.__name__,
)
def test_a_lie_on_the_way(
    member: str,
    lie: Callable[[Call, Call], Parts],
    stacks: Stacks,
    fake_bus: Callable[..., FakeBus],
) -> None:
    bus = fake_bus(
        tamper=lambda name, call, reply: lie(call, reply) if name == member else [blob(reply)]
    )
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}", "timeout=1"))
    assert (outcome.code, outcome.stderr) == (AUTHINFO_UNAVAIL, "")
    assert "Verify" not in bus.members


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"confirm": GLib.Variant("s", "none")},
        {"confirm": GLib.Variant("s", "maybe"), "timeout": GLib.Variant("d", 5.0)},
        {"confirm": GLib.Variant("u", 1), "timeout": GLib.Variant("d", 5.0)},
        {"confirm": GLib.Variant("s", "none"), "timeout": GLib.Variant("d", float("nan"))},
        {"confirm": GLib.Variant("s", "none"), "timeout": GLib.Variant("d", -1.0)},
        {"confirm": GLib.Variant("s", "none"), "timeout": GLib.Variant("s", "5")},
        {"confirm": GLib.Variant("s", "none"), "timeout": GLib.Variant("ad", [5.0])},
    ],
)
def test_a_policy_that_makes_no_sense(
    policy: dict[str, GLib.Variant], stacks: Stacks, fake_bus: Callable[..., FakeBus]
) -> None:
    bus = fake_bus(can_verify=("ready", policy))
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"))
    assert outcome.code == AUTHINFO_UNAVAIL
    assert "Verify" not in bus.members


def test_what_others_send_meanwhile_is_passed_over(
    stacks: Stacks, fake_bus: Callable[..., FakeBus]
) -> None:
    """Signals, calls to us, and other names' owners are no reason to refuse."""

    def tamper(member: str, call: Call, reply: Call) -> Parts:
        call.set_sender(":1.66")
        call.set_destination(CLIENT)
        yield signal(DAEMON, f"{NAME}.Manager", "Progress", GLib.Variant("(sd)", ("scanning", 0.0)))
        yield owner_changed("org.example.Other", ":1.7", ":1.8")
        yield signal(":1.66", BUS, "NameOwnerChanged", GLib.Variant("(sss)", (NAME, DAEMON, "")))
        yield blob(call)
        yield blob(reply)

    bus = fake_bus(tamper=tamper)
    assert stacks.authenticate(stacks.face(f"bus={bus.address}")).code == SUCCESS


def test_an_owner_that_is_not_trusted(stacks: Stacks, fake_bus: Callable[..., FakeBus]) -> None:
    bus = fake_bus(owner_uid=65534)
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"))
    assert outcome.code == AUTHINFO_UNAVAIL
    assert bus.members[-1] == "GetConnectionUnixUser"


def test_a_trusted_owner_by_argument(stacks: Stacks, fake_bus: Callable[..., FakeBus]) -> None:
    bus = fake_bus(owner_uid=65534)
    face = stacks.face(f"bus={bus.address}", "owner=no-such-user", "owner=nobody")
    assert stacks.authenticate(face).code == SUCCESS
