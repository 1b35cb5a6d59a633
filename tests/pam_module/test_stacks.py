# SPDX-License-Identifier: MIT
"""What a whole stack answers, for each result and each control word that PAM files use."""

from collections.abc import Callable

import pytest

from faceauthd.results import Result
from tests.pam_module.fake_bus import FakeBus
from tests.pam_module.pam_host import SUCCESS, Stacks

JUMP = "[success=1 default=ignore]"  # what pam-auth-update makes of [success=end default=ignore]
PERMIT, DENY = "auth required pam_permit.so", "auth requisite pam_deny.so"

# control, lines before, lines behind, whether a refused face may end in success
SHAPES = {
    "alone, required": ("required", [], [], False),
    "alone, requisite": ("requisite", [], [], False),
    "alone, sufficient": ("sufficient", [], [], False),
    "sufficient, then deny": ("sufficient", [], [DENY], False),
    "Debian's, then deny": (JUMP, [], [DENY, PERMIT], False),
    "behind a success, required": ("required", [PERMIT], [], False),
    # The trap: a module that has succeeded and no closing deny. No answer of ours can close it.
    "behind a success, sufficient, not closed": ("sufficient", [PERMIT], [], True),
    "behind a success, sufficient, closed": ("sufficient", [PERMIT], [DENY], False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_stack(shape: str, stacks: Stacks, fake_bus: Callable[..., FakeBus]) -> None:
    control, before, behind, open_door = SHAPES[shape]
    for result in Result:
        bus = fake_bus(verify=result)
        face = stacks.face(f"bus={bus.address}", control=control)
        outcome = stacks.authenticate(*before, face, *behind)
        assert (outcome.code == SUCCESS) == (result == Result.MATCH or open_door), result


@pytest.mark.parametrize("control", ["sufficient", "optional", JUMP])
def test_the_password_behind_a_refused_face(
    control: str, stacks: Stacks, fake_bus: Callable[..., FakeBus]
) -> None:
    for result in (Result.NO_MATCH, Result.LOCKED_OUT, Result.ERROR):  # each refusal's PAM code
        face = stacks.face(f"bus={fake_bus(verify=result).address}", control=control)
        for typed in ("secret", "wrong"):
            outcome = stacks.authenticate(
                face, stacks.password(), PERMIT, options=[f"answer={typed}"]
            )
            assert (outcome.code == SUCCESS) == (typed == "secret"), result
