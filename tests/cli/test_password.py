# SPDX-License-Identifier: MIT
"""The password before an enrolment: the PAM file that ships, real accounts, a real terminal.

The accounts live in a mount namespace of their own, over the machine's /etc/passwd, /etc/shadow and
/etc/pam.d, so this needs root; nothing outside the namespace changes.
"""

import os
import pty
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import HANG_GUARD, SCRIPT, Outcome, read_all
from tests.cli.scripted import Scripted
from tests.harness.bus import PrivateBus
from tests.harness.data import ROOT

SERVICE = ROOT / "packaging" / "pam" / "faceauth"
MODULES = {"pam_unix.so", "pam_sss.so", "pam_systemd_home.so", "pam_deny.so"}
# The bus lets only user ids in that the machine knows, so alice and old take those of others.
ALICE, OLD = (pwd.getpwnam(name).pw_uid for name in ("nobody", "daemon"))
MOUNTED = ("passwd", "shadow", "pam.d")
# "secret", by: openssl passwd -6 -salt faceauth secret
SECRET = (
    "$6$faceauth$KzAz5VXi4roiUXN7RrfxzaLoyGAOqMFIQ3Cw1AECF"
    "Bbregt3QpVLC32RhUJKpJmY9ZfOL54JoPmUAIi9LQG.H."
)


def in_a_namespace(*command: str) -> list[str]:
    return ["unshare", "--mount", "--", *command]


def namespaces_work() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(in_a_namespace("true"), capture_output=True).returncode == 0


needs_accounts = pytest.mark.skipif(
    not namespaces_work(), reason="needs root and a mount namespace for accounts of its own"
)


def test_the_service_takes_passwords_and_nothing_else() -> None:
    lines = [line.split() for line in SERVICE.read_text().splitlines()]
    rules = [line for line in lines if line and not line[0].startswith("#")]
    assert {rule[0].removeprefix("-") for rule in rules} == {"auth", "account"}
    assert {rule[2] for rule in rules} == MODULES
    assert not any(argument == "nullok" for rule in rules for argument in rule)
    for kind in ("auth", "account"):
        controls = [rule[1:3] for rule in rules if rule[0].removeprefix("-") == kind]
        assert controls[-1] == ["required", "pam_deny.so"]
        assert {control for control, _ in controls[:-1]} == {"sufficient"}


@pytest.fixture
def as_alice(tmp_path: Path) -> Callable[..., list[str]]:
    """Makes a command line run as ``alice``, whose password is secret; ``old``'s has expired."""
    passwd = [
        line
        for line in Path("/etc/passwd").read_text().splitlines()
        if int(line.split(":")[2]) not in (ALICE, OLD)
    ]
    passwd += [f"{name}:x:{uid}:{uid}::/:/bin/sh" for name, uid in (("alice", ALICE), ("old", OLD))]
    sealed = [f"alice:{SECRET}:19000:0:99999:7:::", f"old:{SECRET}:19000:0:99999:7::19001:"]
    shutil.copytree("/etc/pam.d", tmp_path / "pam.d")
    shutil.copy(SERVICE, tmp_path / "pam.d")
    (tmp_path / "passwd").write_text("\n".join([*passwd, ""]))
    (tmp_path / "shadow").write_text("\n".join([*sealed, ""]))
    (tmp_path / "shadow").chmod(0o640)
    shutil.chown(tmp_path / "shadow", "root", "shadow")

    def wrapped(*command: str, uid: int = ALICE) -> list[str]:
        mounts = (f"mount --bind {tmp_path / name} /etc/{name}" for name in MOUNTED)
        script = " && ".join([*mounts, 'exec setpriv "$@"'])
        drop = ("--reuid", str(uid), "--regid", str(uid), "--clear-groups")
        return in_a_namespace("sh", "-c", script, "sh", *drop, *command)

    return wrapped


def add(command: list[str], bus: PrivateBus, typed: list[str]) -> Outcome:
    """Run a command on a terminal of its own and type these lines, each when it is asked for."""
    terminal, ours = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        env=bus.environment(),
        stdin=ours,
        stdout=subprocess.PIPE,
        stderr=ours,
    )
    os.close(ours)
    seen = ""
    for line in typed:
        while not seen.endswith(": "):
            try:
                seen += os.read(terminal, 4096).decode()
            except OSError as error:  # the other side is closed
                raise AssertionError(f"it ended without asking: {seen}") from error
        seen += "(typed)"
        os.write(terminal, f"{line}\n".encode())
    out, _ = process.communicate(timeout=HANG_GUARD)
    return Outcome(process.returncode, out.decode(), seen + read_all(terminal).decode())


@needs_accounts
def test_enrolling_takes_the_callers_password(
    bus: PrivateBus, service: Callable[..., Scripted], as_alice: Callable[..., list[str]]
) -> None:
    running = service(Enroll={"reply": ["8d2f0a11"]})
    command = as_alice(str(SCRIPT), "add")
    outcome = add(command, bus, ["guess", "secret"])
    assert (outcome.status, outcome.out) == (0, "Enrolled a face of alice: 8d2f0a11\n")
    assert "Password of alice: " in outcome.err
    assert outcome.err.count("wrong password") == 1
    assert "secret" not in outcome.err
    assert running.next_call() == ["Enroll", "alice", "", {}]


@needs_accounts
def test_an_expired_account_enrols_nothing(
    bus: PrivateBus, service: Callable[..., Scripted], as_alice: Callable[..., list[str]]
) -> None:
    running = service(ListFaces={"reply": [[]]}, Enroll={"reply": ["8d2f0a11"]})
    command = as_alice(str(SCRIPT), "add", uid=OLD)
    outcome = add(command, bus, ["secret"] * 3)
    assert (outcome.status, outcome.out) == (3, "")
    assert outcome.err.endswith("faceauth: nothing was enrolled\r\n")
    command = as_alice(str(SCRIPT), "list", uid=OLD)
    assert add(command, bus, []).status == 0
    assert running.next_call() == ["ListFaces", "old"]  # and it was the first
