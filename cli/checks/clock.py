# SPDX-License-Identifier: MIT
"""The clocks: the lockout waits by the one since boot; enrolment dates are the wall clock's."""

import time
from collections.abc import Iterator
from pathlib import Path

from cli.checks.finding import Finding, ok, problem, warning
from cli.checks.machine import Machine

BOOT_ID = "/proc/sys/kernel/random/boot_id"
RESOLUTION = 1.0  # seconds: the two clocks are read one after the other


def check(machine: Machine) -> Iterator[Finding]:
    if not machine.path(BOOT_ID).exists():
        text = f"{BOOT_ID} is missing, and with it the lockout's clock: no scan can start"
        yield problem(text, "mount /proc")
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    awake = time.clock_gettime(time.CLOCK_MONOTONIC)
    if since_boot + RESOLUTION < awake:
        text = "the clock since boot is behind the one that stops in suspend: lockouts last longer"
        yield warning(text, "reboot; if that does not help, it is the kernel's fault")
    else:
        yield ok(f"the lockout's clock runs: {since_boot:.0f} s since boot")
    if time.time() < Path(__file__).stat().st_mtime:
        text = "the date is earlier than this program's installation"
        yield warning(text, "set the clock: timedatectl set-ntp true")
