# SPDX-License-Identifier: MIT
"""Hostile messages between daemon and worker; `make soak` sends a million."""

from tests.security.wire_fuzz import fuzz

COUNT = 20_000


def test_no_report_of_a_worker_is_more_than_it_may_be() -> None:
    outcomes = fuzz(COUNT)
    assert outcomes.total() == COUNT
    assert outcomes["refused"] > COUNT / 2
    # And the damage is light enough to reach what is behind the first check.
    assert {"Judged", "Ready", "Cameras", "Scan"} <= outcomes.keys()
