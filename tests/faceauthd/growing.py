# SPDX-License-Identifier: MIT
"""How much this process grows by four thousand turns, or questions over the bus, in KiB.

python -m tests.faceauthd.growing turns
python -m tests.faceauthd.growing questions BUS
"""

import os
import sys
from collections.abc import Callable

from gi.repository import GLib

from faceauthd import turns
from faceauthd.bus import Bus, Peer
from faceauthd.variants import Typed
from tests.harness.bus import HANG_GUARD
from tests.soak.growth import Size

MANY, WARM = 4_000, 1_000
DBUS = Peer("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


def turn() -> None:
    """One that is given up, and one that is taken."""
    turns.after(15, lambda: None)()
    turns.soon(lambda: None)
    GLib.MainContext.default().iteration(True)


def question(bus: Bus) -> None:
    answers: list[object] = []
    bus.ask(DBUS, "GetId", Typed("()", ()), timeout=HANG_GUARD, done=answers.append)
    while not answers:
        GLib.MainContext.default().iteration(True)


def growth(act: Callable[[], None]) -> int:
    for _ in range(WARM):
        act()
    before = Size.of(os.getpid())
    for _ in range(MANY):
        act()
    return Size.of(os.getpid()).memory - before.memory


def main(of: str, address: str = "") -> None:
    if of == "turns":
        print(growth(turn))
        return
    bus = Bus(address)
    print(growth(lambda: question(bus)))


if __name__ == "__main__":
    main(*sys.argv[1:])
