# SPDX-License-Identifier: MIT
"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, but not as well or as safely as it could
    PROBLEM = "problem"  # it does not work, or is not safe
    UNKNOWN = "unknown"  # it cannot be found out here, and why


@dataclass(frozen=True)
class Finding:
    """One line for people: what is, and what to do about it (empty where there is nothing)."""

    level: Level
    text: str
    advice: str = ""


def ok(text: str) -> Finding:
    return Finding(Level.OK, text)


def warning(text: str, advice: str = "") -> Finding:
    return Finding(Level.WARNING, text, advice)


def problem(text: str, advice: str) -> Finding:
    return Finding(Level.PROBLEM, text, advice)


def unknown(text: str, advice: str = "") -> Finding:
    return Finding(Level.UNKNOWN, text, advice)
