# SPDX-License-Identifier: MIT
"""The verb ``doctor``: everything that face authentication needs, looked at one after the other."""

import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from cli import output
from cli.arguments import config_option, user_argument, whose
from cli.checks.finding import Finding, Level, unknown
from cli.checks.machine import Machine
from cli.exits import Exit
from cli.lazy import Verb

AREAS = (
    *("configuration", "daemon", "bus", "polkit", "unit", "models", "camera", "pam"),
    *("enrolment", "clock"),
)
Check = Callable[[Machine], Iterator[Finding]]


class Result(NamedTuple):
    """A finding, and the check that made it."""

    area: str
    finding: Finding


@click.command(cls=Verb)
@user_argument
@config_option
def doctor(user: str | None, file: Path) -> Exit:
    """Look for what keeps face authentication from working, and say what to do.

    Changes nothing; looks through the camera for a moment, to measure the light. Ends 0 where no
    problem was found, else 1. Root sees more.
    """
    machine = Machine(file, whose(user)).learn()
    results = list(examine(machine, {area: check_of(area) for area in AREAS}))
    if output.wants_json():
        output.print_json(report(results))
    else:
        output.table(("", "ABOUT", "FOUND", "WHAT TO DO"), map(row, results))
        output.say(summary(results))
    return Exit.NO if count(results, Level.PROBLEM) else Exit.DONE


def check_of(area: str) -> Check:
    """A check by its module's name; imported when needed, for some take their time."""
    check: Check = import_module(f"cli.checks.{area}").check
    return check


def examine(machine: Machine, checks: Mapping[str, Check]) -> Iterator[Result]:
    """Every check's findings; one that breaks is a finding, too, and does not end the others."""
    for area, check in checks.items():
        try:
            for finding in check(machine):
                yield Result(area, finding)
        except Exception as error:
            if os.environ.get("FACEAUTH_DEBUG") == "1":
                raise
            yield Result(area, unknown(f"this check failed: {type(error).__name__}: {error}"))


def report(results: list[Result]) -> dict[str, Any]:
    return {
        "problems": count(results, Level.PROBLEM),
        "warnings": count(results, Level.WARNING),
        "findings": [
            {
                "area": area,
                "level": str(finding.level),
                "text": finding.text,
                "advice": finding.advice,
            }
            for area, finding in results
        ],
    }


def row(result: Result) -> tuple[str, ...]:
    area, finding = result
    return str(finding.level), area, finding.text, finding.advice


def summary(results: list[Result]) -> str:
    numbers = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for word in (Level.PROBLEM, Level.WARNING)
        if (number := count(results, word))
    ]
    return " and ".join(numbers) or "no problem found"


def count(results: list[Result], level: Level) -> int:
    return sum(result.finding.level is level for result in results)
