# SPDX-License-Identifier: MIT
"""The module against hostile buses; `make soak` has a million of them."""

from pam_module.hosts import PAM_SUCCESS
from tests.pam_module.fake_bus import DAEMON
from tests.security.bus_fuzz import MATCH, VERIFY, authenticate, fuzz, honest, reply

COUNT = 5_000


def test_a_honest_bus_is_believed() -> None:
    """So that the rest can fail."""
    assert authenticate(b"".join(honest()))[1] == "no-match"
    said = [*honest()[:-1], reply(VERIFY, MATCH, DAEMON)]
    assert authenticate(b"".join(said)) == (PAM_SUCCESS, "match")


def test_no_hostile_bus_is() -> None:
    outcomes = fuzz(COUNT)
    assert outcomes.total() == COUNT
    assert outcomes["no-match"] > COUNT / 100  # some damage does no harm
    assert outcomes["error"] > COUNT / 2
