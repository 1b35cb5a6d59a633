# SPDX-License-Identifier: MIT
"""Movements of a head and its eyes: out of the neutral pose and back into it.

A movement begins where the pose leaves the neutral one by half of what counts, and ends where it is
back within that. What it was is said by its largest part, and only where that was held: one frame
with misplaced landmarks is no movement, and a nod that also turns a little is a nod.
docs/challenge.md has the measurements.
"""

from collections.abc import Sequence
from enum import StrEnum
from statistics import median

from models.pose import Pose


class Gesture(StrEnum):
    """What a person can be asked to do; also the hint that asks for it."""

    BLINK = "blink"  # slowly: nobody closes the eyes for so long without meaning to
    TURN_LEFT = "turn-left"  # the person's own left
    TURN_RIGHT = "turn-right"
    NOD = "nod"


# What counts, as a difference to the neutral pose.
TURNED = 0.25  # of Pose.turn
NODDED = 0.12  # of Pose.nod
CLOSED = 0.55  # Pose.eyes, as a share of the neutral pose's
OUT = 0.5  # of what counts: from here on it is a movement

HELD = 0.1  # seconds at least, and two frames, that a turn or a nod is held
SLOW = 0.4  # seconds at least that the eyes stay closed: 0.1 to 0.3 are a blink nobody thinks of


def neutral_pose(poses: Sequence[Pose]) -> Pose:
    """The pose from which movements are counted: the median of some frames."""
    return Pose(
        turn=median(pose.turn for pose in poses),
        nod=median(pose.nod for pose in poses),
        eyes=median(pose.eyes for pose in poses),
    )


class Movements:
    """Poses in, whole movements out."""

    def __init__(self, neutral: Pose) -> None:
        self._neutral = neutral
        self._since: dict[Gesture, float] = {}  # since when each part counts, without a break
        self._held: dict[Gesture, float] = {}  # the longest that each was held in this movement
        self._largest: dict[Gesture, float] = {}  # the largest part of each in this movement
        self.moving = False

    def feed(self, at: float, pose: Pose) -> Gesture | None:
        """The gesture that ended with this frame, at ``at`` seconds, or None."""
        parts = self._parts(pose)
        self.moving = max(parts.values()) >= OUT
        for gesture, part in parts.items():
            self._largest[gesture] = max(part, self._largest.get(gesture, 0.0))
            if part < 1:
                self._since.pop(gesture, None)
            else:
                held = at - self._since.setdefault(gesture, at)
                self._held[gesture] = max(held, self._held.get(gesture, 0.0))
        return None if self.moving else self._end()

    def _parts(self, pose: Pose) -> dict[Gesture, float]:
        """How much of what counts there is of each gesture."""
        turned = (pose.turn - self._neutral.turn) / TURNED
        nodded = (pose.nod - self._neutral.nod) / NODDED
        closed = self._neutral.eyes > 0 and pose.eyes < CLOSED * self._neutral.eyes
        return {
            Gesture.TURN_LEFT: turned,
            Gesture.TURN_RIGHT: -turned,
            Gesture.NOD: nodded,
            Gesture.BLINK: 1.0 if closed else 0.0,
        }

    def _end(self) -> Gesture | None:
        """What the movement that is over was."""
        held, largest = self._held, self._largest
        self._held, self._largest = {}, {}
        heads = [gesture for gesture in largest if gesture is not Gesture.BLINK]
        # Eyelids follow a head that nods, so they count only where the head was still.
        head = max(heads, key=lambda gesture: largest[gesture])
        if largest[head] >= 1:
            return head if held.get(head, 0.0) >= HELD else None
        return Gesture.BLINK if held.get(Gesture.BLINK, 0.0) >= SLOW else None
