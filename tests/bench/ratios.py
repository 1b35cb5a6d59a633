# SPDX-License-Identifier: MIT
"""What is promised: ratios of figures of one run, and differences that hardly depend on a machine.

``--guard`` ends with exit status 1 where one is broken. Its limits are what was reached, with room
for a busy machine; the goals are what is wished for.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.times import Figures

FRAMES_OF_A_LOGIN = 300  # milliseconds that ten frames take at 30 a second, the first one at once


@dataclass(frozen=True)
class Promise:
    """``value`` of the figures is at most ``goal``; the guard bites above ``limit``."""

    words: str
    value: Callable[[Figures], float]
    goal: float
    limit: float


def p50(figures: Figures, name: str) -> float:
    """A line's median; KeyError where none of its runs succeeded, or it was not measured."""
    return float(figures[name]["p50"])


def beyond(name: str, floor: str, more: float = 0.0) -> Callable[[Figures], float]:
    return lambda figures: p50(figures, name) - p50(figures, floor) - more


def share(name: str, floor: str, of: str) -> Callable[[Figures], float]:
    return lambda figures: (p50(figures, name) - p50(figures, floor)) / p50(figures, of)


def grown(figures: Figures) -> float:
    """A login among 100,000 enrolled by one among 10: they differ before the first frame alone."""
    name = "verification, up to its first frame"
    more = figures["galleries"]["100000"][name] - figures["galleries"]["10"][name]
    login = p50(figures, "login, frames as fast as they come")
    return float((login + more) / login)


def original(figures: Figures) -> float:
    """The original's liveness network in our runtime by its way, the same answers either way."""
    way = figures["the original's way"]
    return float(way["liveness, its network in our runtime"] / way["liveness"])


PROMISES = (
    Promise(
        "login from the PAM call on, frames as fast as they come, by howdy's way",
        share("login, frames as fast as they come", "floor", "howdy's way"), 1 / 8, 1 / 3,
    ),
    Promise(
        "login, camera in real time, beyond its frames, ms",
        beyond("login, camera in real time", "floor", FRAMES_OF_A_LOGIN), 150, 300,
    ),
    Promise("nobody enrolled, beyond the floor, ms", beyond("nobody enrolled", "floor"), 60, 120),
    Promise("faceauth --help, ms", lambda figures: p50(figures, "faceauth --help"), 150, 300),
    Promise(
        "daemon until it answers, ms",
        lambda figures: p50(figures, "daemon until it answers"), 1500, 3000,
    ),
    Promise(
        "memory, daemon and worker, MB",
        lambda figures: figures["memory"]["daemon"] + figures["memory"]["worker"], 200, 200,
    ),
    Promise(
        "memory, worker let go, MB",
        lambda figures: figures["memory"]["daemon, worker let go"], 40, 60,
    ),
    Promise(
        "wake-ups at rest",
        lambda figures: figures["wake-ups"]["daemon"] + figures["wake-ups"]["worker"], 0, 10,
    ),
    Promise("verification among 100,000, by among 10", grown, 1.05, 1.5),
    Promise(
        "identification among 100,000, each frame, ms",
        lambda figures: figures["galleries"]["100000"]["identification, each frame"], 30, 60,
    ),
    Promise(
        "a comfortably sure face embedded, ms",
        lambda figures: figures["stages"]["embedding, without the mirror image"], 8, 24,
    ),
    Promise(
        "dlib's network, converted, by face_encodings",
        lambda figures: 1 / figures["dlib's network"]["times as fast"], 1 / 10, 1 / 5,
    ),
    Promise("the original's liveness network, by its predict", original, 1 / 100, 1 / 50),
)  # fmt: skip


def ratios(figures: Figures) -> list[Figures]:
    """Each promise that these figures can tell of."""
    found = []
    for promise in PROMISES:
        try:
            value = promise.value(figures)
        except KeyError:
            continue
        found.append(
            {
                "what": promise.words,
                "value": value,
                "goal": promise.goal,
                "reached": value <= promise.goal,
                "broken": value > promise.limit,
            }
        )
    return found
