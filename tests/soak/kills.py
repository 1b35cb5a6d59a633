# SPDX-License-Identifier: MIT
"""kill -9 of worker and daemon at random moments, for longer than tests/test_kill9.py."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.report import Report
from tests.test_kill9 import enrol_in_a_storm

A_TIME = 100  # enrolments in one system: more faces than that a user may not have


def strike(going: Callable[[int], bool]) -> Report:
    """Enrolments in a storm; a face that was reported and is not there, whole, is a lost one."""
    report, seed, struck = Report("enrolments, kill -9 anywhere"), 0, 0
    while going(report.done):
        seed += 1
        with TemporaryDirectory() as folder:
            after = enrol_in_a_storm(Path(folder), A_TIME, seed)
        report.done += A_TIME
        report.lost_templates += len(after.lost)
        if after.listed != after.whole:
            report.faults.append(f"seed {seed}: damaged: {after.listed - after.whole}")
        struck += after.events["worker struck"] + after.events["daemon struck"]
        report.notes = f"{struck} times struck"
    return report
