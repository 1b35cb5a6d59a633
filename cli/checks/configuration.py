# SPDX-License-Identifier: MIT
"""The configuration file: is it one, and is face authentication switched on."""

from collections.abc import Iterator

from cli.checks.finding import Finding, ok, problem, warning
from cli.checks.machine import Machine


def check(machine: Machine) -> Iterator[Finding]:
    if machine.config_error:
        yield problem(machine.config_error, "mend it with: faceauth config edit")
        return
    if machine.config_file.exists():
        yield ok(f"{machine.config_file} is in order")
    else:
        yield ok(f"there is no {machine.config_file}; the built-in settings hold")
    if machine.config.disabled:
        yield warning("face authentication is switched off", "switch it on: faceauth enable")
