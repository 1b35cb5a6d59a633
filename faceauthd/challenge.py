# SPDX-License-Identifier: MIT
"""What a challenge asks for: drawn by lot, of what the loaded models can see."""

import secrets
from collections.abc import Collection, Mapping

from faceauthd.capture import RefusalError
from faceauthd.results import Result
from faceauthd.sessions import Gesture

# The part of a models.pose.Pose that shows each gesture.
SHOWN_BY: Mapping[Gesture, str] = {
    Gesture.BLINK: "eyes",
    Gesture.TURN_LEFT: "turn",
    Gesture.TURN_RIGHT: "turn",
    Gesture.NOD: "nod",
}


def possible(parts: Collection[str]) -> list[Gesture]:
    """The gestures that can be asked for where these parts of a pose are measured."""
    return [gesture for gesture, part in SHOWN_BY.items() if part in parts]


def draw(parts: Collection[str], steps: int) -> list[Gesture]:
    """So many different gestures, in any order; RefusalError where there are too few."""
    gestures = possible(parts)
    if len(gestures) < steps:
        raise RefusalError(
            Result.ERROR,
            "liveness cue challenge is required, and no model that could see it is loaded",
        )
    return secrets.SystemRandom().sample(gestures, steps)
