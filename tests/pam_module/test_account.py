# SPDX-License-Identifier: MIT
"""The account phase: which logins the daemon is told were by a password, with the real pam_unix."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from gi.repository import GLib

from tests.pam_module.fake_bus import FakeBus
from tests.pam_module.pam_host import AUTH_ERR, SUCCESS, Outcome, Stacks

MakeBus = Callable[..., FakeBus]
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: the daemon believes it alone")

UNIX, DENY = "auth sufficient pam_unix.so", "auth required pam_deny.so"
ACCOUNT = "account required pam_permit.so"
PERM_DENIED = 6
TRIES = 3


def told(bus: FakeBus) -> list[tuple[str, dict[str, object]]]:
    """What the daemon was told of passwords: users and options."""
    return [arguments for member, arguments in bus.calls if member == "PasswordGiven"]


def login(
    stacks: Stacks,
    bus: FakeBus,
    *behind: str,
    typed: str = "secret",
    account: tuple[str, ...] = (),
    options: tuple[str, ...] = ("account",),
) -> Outcome:
    """A login through a stack of ours: the face, what is ``behind``, and the account phase."""
    address = f"bus={bus.address}"
    return stacks.authenticate(
        stacks.face(address, control="sufficient"),
        *behind,
        DENY,
        stacks.account(address, *account),
        ACCOUNT,
        options=[*options, f"answer={typed}"],
        environment=stacks.system_passwords(),
    )


def heard(bus: FakeBus, attempt: Callable[[], Outcome]) -> Outcome:
    """How a login ended of which the daemon is to be told.

    Telling it has two seconds, for which a machine may be too busy: then it is tried again.
    """
    for _ in range(TRIES):
        outcome = attempt()
        if told(bus):
            break
    return outcome


@pytest.mark.parametrize("refusal", ["no-match", "locked-out", "not-enrolled", "error"])
def test_a_password_behind_a_refused_face_is_told(
    stacks: Stacks, fake_bus: MakeBus, refusal: str
) -> None:
    bus = fake_bus(verify=refusal)
    outcome = heard(bus, lambda: login(stacks, bus, UNIX))
    assert (outcome.code, outcome.accounts) == (SUCCESS, [SUCCESS])
    assert told(bus) == [("alice", {"service": "stack"})]


def test_a_password_typed_at_our_own_prompt_is_told(stacks: Stacks, fake_bus: MakeBus) -> None:
    policy = {"confirm": GLib.Variant("s", "enter"), "timeout": GLib.Variant("d", 5.0)}
    bus = fake_bus(can_verify=("ready", policy))
    outcome = heard(bus, lambda: login(stacks, bus, "auth sufficient pam_unix.so use_first_pass"))
    assert (outcome.code, len(outcome.shown)) == (SUCCESS, 1)
    assert "Verify" not in bus.members
    assert told(bus) == [("alice", {"service": "stack"})]


def test_a_face_is_no_password(stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus(verify="match")
    outcome = login(stacks, bus, UNIX, account=("password=any",))
    assert (outcome.code, outcome.accounts) == (SUCCESS, [SUCCESS])
    assert told(bus) == []


def test_a_wrong_password_is_not_told(stacks: Stacks, fake_bus: MakeBus) -> None:
    """Not even by an application that goes on to the account phase all the same."""
    bus = fake_bus(verify="no-match")
    outcome = login(stacks, bus, UNIX, typed="wrong", options=("account=always",))
    assert outcome.code != SUCCESS
    assert outcome.accounts == [SUCCESS]
    assert told(bus) == []


def test_the_account_phase_alone_tells_nothing(stacks: Stacks, fake_bus: MakeBus) -> None:
    """As sudo runs it where it asked for no password: NOPASSWD, or not again so soon."""
    bus = fake_bus()
    outcome = login(stacks, bus, UNIX, account=("password=any",), options=("account=only",))
    assert (outcome.codes, outcome.accounts) == ([], [SUCCESS])
    assert bus.calls == []


def test_what_else_lets_in_is_no_password(stacks: Stacks, fake_bus: MakeBus) -> None:
    """pam_permit stands for a fingerprint, a token, or a group that needs no password."""
    bus = fake_bus(verify="no-match")
    outcome = login(stacks, bus, "auth sufficient pam_permit.so")
    assert (outcome.code, outcome.accounts) == (SUCCESS, [SUCCESS])
    assert told(bus) == []


def test_what_else_lets_in_is_one_where_root_says_so(stacks: Stacks, fake_bus: MakeBus) -> None:
    """For other modules that check passwords: LDAP's, Kerberos's, homed's."""
    bus = fake_bus(verify="no-match")
    password = stacks.password(control="sufficient")
    heard(bus, lambda: login(stacks, bus, password, account=("password=any",)))
    assert told(bus) == [("alice", {"service": "stack"})]


def test_who_is_not_root_tells_nothing(stacks: Stacks, fake_bus: MakeBus) -> None:
    """The daemon would not believe it either (tests/faceauthd/test_service_password.py)."""
    bus = fake_bus(verify="no-match")
    outcome = login(stacks, bus, UNIX, options=("account=nobody",))
    assert (outcome.code, outcome.accounts) == (SUCCESS, [SUCCESS])
    assert told(bus) == []


@pytest.mark.parametrize("control", ["required", "requisite", "sufficient", "optional"])
def test_it_has_no_say(stacks: Stacks, fake_bus: MakeBus, control: str) -> None:
    """Not where another module refuses the account, and not alone: then nobody grants."""
    bus = fake_bus(verify="no-match")
    face = stacks.face(f"bus={bus.address}", control="sufficient")
    ours = stacks.account(f"bus={bus.address}", control=control)
    for lines, code in (
        ([ours, "account required pam_deny.so"], AUTH_ERR),
        (["account required pam_deny.so", ours], AUTH_ERR),
        ([ours], PERM_DENIED),
        ([ours, ACCOUNT], SUCCESS),
    ):
        outcome = stacks.authenticate(
            *(face, UNIX, DENY, *lines),
            options=["account", "answer=secret"],
            environment=stacks.system_passwords(),
        )
        assert (outcome.code, outcome.accounts) == (SUCCESS, [code]), lines


def test_at_whose_wish_a_setuid_program_asks_is_told(stacks: Stacks, fake_bus: MakeBus) -> None:
    """As su does: its refusals then count against the one who called it, and lock nobody out."""
    for options, caller in ((["uid=65534"], {"caller": 65534}), ([], {})):
        bus = fake_bus(verify="no-match")
        stacks.authenticate(stacks.face(f"bus={bus.address}"), options=options)
        asked = [arguments for member, arguments in bus.calls if member.endswith("Verify")]
        assert asked == [("alice", {"service": "stack", **caller})] * 2


def gone(bus: FakeBus) -> None:
    bus.close()


def silent(bus: FakeBus) -> None:
    bus._tamper = lambda *_: []


@pytest.mark.parametrize("fault", [gone, silent])
def test_a_daemon_that_cannot_be_told_ends_no_login(
    stacks: Stacks, fake_bus: MakeBus, fault: Callable[[FakeBus], None]
) -> None:
    bus = fake_bus(verify="no-match")
    fault(bus)
    outcome = login(stacks, bus, UNIX)
    assert (outcome.code, outcome.accounts) == (SUCCESS, [SUCCESS])
    assert told(bus) == []


def test_a_module_that_hangs_ends_no_login(stacks: Stacks, tmp_path: Path) -> None:
    module = tmp_path / "hangs.py"
    module.write_text("import time\ntime.sleep(1000)\n")
    outcome = stacks.authenticate(
        UNIX,
        DENY,
        stacks.account(module=module),
        ACCOUNT,
        options=["account", "answer=secret"],
        environment=stacks.system_passwords(),
    )
    assert (outcome.code, outcome.accounts) == (SUCCESS, [SUCCESS])
