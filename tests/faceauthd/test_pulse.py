# SPDX-License-Identifier: MIT
"""Whether the bus answers is seen by whether it did."""

from collections.abc import Callable
from typing import Any

from faceauthd.bus import Bus, BusError
from faceauthd.pulse import Pulse
from tests.faceauthd.stage import run_until
from tests.harness.bus import PrivateBus

Done = Callable[["tuple[Any, ...] | BusError"], None]


class DeafBus:
    """A bus that answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Done] = []

    def ask(self, *_: object, done: Done, **_options: object) -> None:
        self.asked.append(done)


def test_a_bus_that_does_not_answer_is_no_pulse() -> None:
    bus = DeafBus()
    pulse = Pulse(bus)  # type: ignore[arg-type]
    assert pulse.beats()  # nothing speaks against it yet
    assert not pulse.beats()
    assert not pulse.beats()
    assert len(bus.asked) == 1
    bus.asked[0](("0123",))  # late, but it came
    assert pulse.beats()
    bus.asked[1](BusError("org.freedesktop.DBus.Error.AccessDenied", "no"))
    assert pulse.beats()
    bus.asked[2](BusError("", "no answer"))
    assert not pulse.beats()


def test_a_real_bus_answers(private_bus: PrivateBus) -> None:
    bus = Bus(private_bus.address)
    pulse = Pulse(bus)
    assert pulse.beats()
    run_until(lambda: pulse._answered)
    assert pulse.beats()
    run_until(lambda: pulse._answered)
    bus.close()
