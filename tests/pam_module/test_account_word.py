# SPDX-License-Identifier: MIT
"""pam_unix's word in a handle, where a face let in after it: lockers keep one for many unlocks."""

import os
from collections.abc import Callable

import pytest

from tests.pam_module.fake_bus import FakeBus
from tests.pam_module.pam_host import SUCCESS, Stacks
from tests.pam_module.test_account import ACCOUNT, told

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: the daemon believes it alone")


@pytest.mark.parametrize(("result", "heard"), [("match", 0), ("no-match", 1)])
def test_a_face_after_a_password_is_no_password(
    result: str, heard: int, stacks: Stacks, fake_bus: Callable[..., FakeBus]
) -> None:
    """Here the two are asked in one go, pam_unix first; the face that was refused is no matter."""
    bus = fake_bus(verify=result)
    address = f"bus={bus.address}"
    outcome = stacks.authenticate(
        "auth required pam_unix.so",
        stacks.face(address, control="optional"),
        stacks.account(address),
        ACCOUNT,
        options=["account", "answer=secret"],
        environment=stacks.system_passwords(),
    )
    assert (outcome.code, outcome.accounts) == (SUCCESS, [SUCCESS])
    assert len(told(bus)) == heard
