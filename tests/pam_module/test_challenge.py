# SPDX-License-Identifier: MIT
"""What a challenge asks for is told to the person, and only when it is the daemon who asks."""

from collections.abc import Callable, Iterable

import pytest
from gi.repository import GLib

from faceauthd.sessions import Gesture
from pam_module.attempt import LOOKING
from pam_module.contract import GESTURES, INTERFACE
from tests.pam_module.fake_bus import DAEMON, Call, FakeBus, blob, signal
from tests.pam_module.pam_host import AUTHINFO_UNAVAIL, SUCCESS, Stacks

MakeBus = Callable[..., FakeBus]
STRANGER = ":1.66"


def progress(hint: str, sender: str = DAEMON) -> bytes:
    return signal(sender, INTERFACE, "Progress", GLib.Variant("(sd)", (hint, 0.0)))


def hinting(*hints: bytes, during: str = "Verify") -> Callable[..., Iterable[bytes]]:
    """A bus on which the daemon (or whoever) says these before a call's answer."""

    def tamper(member: str, _call: Call, reply: Call) -> Iterable[bytes]:
        return [*(hints if member == during else ()), blob(reply)]

    return tamper


def test_the_words_are_the_daemon_s() -> None:
    assert set(GESTURES) == set(Gesture)


@pytest.mark.parametrize("line", [Stacks.face, Stacks.face_in_pam_python])
def test_what_is_asked_is_shown_in_turn(
    line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus
) -> None:
    hints = ("scanning", "move-closer", "nod", "turn-left", "scanning", "no such hint\x1b[2J")
    bus = fake_bus(tamper=hinting(*map(progress, hints)))
    outcome = stacks.authenticate(line(f"bus={bus.address}"))
    assert outcome.code == SUCCESS
    assert outcome.shown == [
        f"info {text}" for text in (LOOKING, GESTURES["nod"], GESTURES["turn-left"])
    ]
    assert outcome.stderr == ""


def test_nobody_else_tells_a_person_what_to_do(stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus(tamper=hinting(progress("nod", STRANGER)))
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"))
    assert (outcome.code, outcome.shown) == (SUCCESS, [f"info {LOOKING}"])


@pytest.mark.parametrize("during", ["Hello", "AddMatch", "GetNameOwner", "CanVerify"])
def test_nothing_is_asked_before_the_scan(during: str, stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus(tamper=hinting(progress("nod"), progress("nod", ""), during=during))
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"))
    assert (outcome.code, outcome.shown) == (SUCCESS, [f"info {LOOKING}"])


def test_who_wants_no_messages_gets_none(stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus(tamper=hinting(progress("nod")))
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}", "quiet"))
    assert (outcome.code, outcome.shown) == (SUCCESS, [])


@pytest.mark.parametrize(
    "body",
    [
        GLib.Variant("(s)", ("nod",)),
        GLib.Variant("(ds)", (0.0, "nod")),
        GLib.Variant("(vd)", (GLib.Variant("s", "nod"), 0.0)),
    ],
)
def test_a_hint_of_another_type_is_none(
    body: GLib.Variant, stacks: Stacks, fake_bus: MakeBus
) -> None:
    bus = fake_bus(tamper=hinting(signal(DAEMON, INTERFACE, "Progress", body)))
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"))
    assert (outcome.code, outcome.shown) == (SUCCESS, [f"info {LOOKING}"])


def test_a_damaged_hint_is_a_refusal(stacks: Stacks, fake_bus: MakeBus) -> None:
    damaged = progress("nod").replace(b"nod\0", b"\xff\xff\xff\0")
    bus = fake_bus(tamper=hinting(damaged))
    assert stacks.authenticate(stacks.face(f"bus={bus.address}")).code == AUTHINFO_UNAVAIL
