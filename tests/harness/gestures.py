# SPDX-License-Identifier: MIT
"""Clips in which somebody does what a challenge asks for, made of real ones by choosing frames.

The people of these clips were asked for nothing. They turned, bent their heads and shut their eyes
by themselves; played there and back between frames in which they look ahead, that is a gesture.
"""

from functools import cache
from pathlib import Path

from faceauthd.sessions import Gesture
from models.face import Image
from tests.harness.clips import frames
from tests.harness.data import SHARED

TURNING = SHARED / "video" / "genuine" / "krzysiek354_real.mp4"  # at 16 frames a second
BLINKING = SHARED / "video" / "talking-head" / "liveportrait_d14.mp4"  # at 30
RATE = 16.0


def performed(gesture: Gesture) -> list[Image]:
    """Looks ahead for 13 frames or more, does it, and looks ahead for twice as long."""
    if gesture is Gesture.BLINK:
        blinking = _film(BLINKING)
        ahead = blinking[217:258:2]
        return [*ahead, *blinking[150:176:2], *ahead]
    turning = _film(TURNING)
    ahead = turning[125:139] if gesture is Gesture.NOD else turning[:13]
    moving = {
        Gesture.TURN_LEFT: turning[33:44],
        Gesture.TURN_RIGHT: turning[49:59],
        Gesture.NOD: turning[84:99],
    }[gesture]
    return [*ahead, *_there_and_back(moving), *_there_and_back(ahead)]


def enrolling(gesture: Gesture) -> list[Image]:
    """The same person, at other moments."""
    if gesture is Gesture.BLINK:
        return _film(BLINKING)[262:340:3]
    turning = _film(TURNING)
    return [*turning[13:32], *turning[118:125]]


@cache
def _film(path: Path) -> list[Image]:
    return list(frames(path))


def _there_and_back(images: list[Image]) -> list[Image]:
    return [*images, *reversed(images)]
