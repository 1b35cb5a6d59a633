# SPDX-License-Identifier: MIT
"""From PAM to the store and back: a password opens the way for a face, and a face does not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceauthd.keys import open_store
from faceauthd.lockout import Lockout, Moment
from tests.harness import clips, pictured
from tests.harness.rig import Rig

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: the daemon believes it alone")

# A picture stands before the camera, so liveness is off.
CONFIG = """
[verify]
liveness = []
[service.kde]
after_boot = true
"""

TRIES = 3


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A machine of alice, whose lock screen asks for her password once after a start."""
    face = clips.from_picture(tmp_path / "face.avi", pictured.somebody(), count=45)
    with Rig(face, config=CONFIG) as rig:
        rig.enrol("alice", face)
        yield rig


def log_in(rig: Rig, service: str, answers: str) -> bool:
    """As an application does: authenticate, then the account phase."""
    command = ["pamtester", service, "alice", "authenticate", "acct_mgmt"]
    return rig.run(command, answers=answers).returncode == 0


def foretold(rig: Rig, service: str) -> str:
    with rig.client() as daemon:
        return daemon.can_verify("alice", service=service)[0]


def password_opens(rig: Rig, service: str, other: str) -> bool:
    """Whether a login at the service by password opens the way for a face at the other one.

    One of some logins: telling the daemon has two seconds, for which a machine may be too busy.
    """
    return any(
        log_in(rig, service, "alice\n") and foretold(rig, other) == "ready" for _ in range(TRIES)
    )


def test_a_password_opens_the_way_for_a_face_and_a_face_does_not(rig: Rig) -> None:
    assert log_in(rig, "sudo", "\n")  # by face
    assert not log_in(rig, "kde", "wrong\n")
    assert foretold(rig, "kde") == "strong-auth-required"
    assert password_opens(rig, "sudo", "kde")  # at our own prompt
    assert log_in(rig, "kde", "")  # by face
    rig.restart_daemon()
    assert foretold(rig, "kde") == "ready"  # what the daemon was told is in the store


def test_a_password_ends_a_lockout(rig: Rig) -> None:
    rig.daemon.stop()
    store = open_store(rig.state)
    store.set_lockout("alice", Lockout(50, Moment.now()))
    store.close()
    rig.restart_daemon()
    assert foretold(rig, "sudo") == "locked-out"
    assert password_opens(rig, "login", "sudo")
