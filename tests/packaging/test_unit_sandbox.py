# SPDX-License-Identifier: MIT
"""The unit's sandbox as systemd rates it, and that the worker can confine itself within it.

Without a running systemd; tests/vm has one.
"""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest

from faceauthd import landlock
from faceauthd.__main__ import Exit
from faceauthd.worker_process import ENVIRONMENT
from tests.harness.data import ROOT
from tests.packaging.unit_filter import UNIT, allowed, setting

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")

MOST_EXPOSED = 0.8  # of 10; fprintd has 5.4, polkit 1.4
# What systemd would have closed and faceauthd needs.
OPEN = {
    "SupplementaryGroups": "video, to open cameras",
    "PrivateDevices": "the cameras",
    "DeviceAllow": "the cameras",
    "RestrictAddressFamilies_AF_UNIX": "the bus",
    "ProcSubset": "the boot's id, to tell boots apart",
    "PrivateUsers": "callers are told by their uid",
    "RootDirectoryOrRootImage": "it is the system's Python that runs",
}


def test_the_sandbox_is_as_tight_as_it_can_be() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--json=short", str(UNIT)],
        capture_output=True,
        text=True,
        check=True,
    )
    exposed = {row["json_field"]: row["exposure"] for row in json.loads(done.stdout)}
    assert {field for field, exposure in exposed.items() if exposure} == OPEN.keys()


def test_systemds_rating() -> None:
    done = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=true", "--no-pager"),
            f"--threshold={MOST_EXPOSED * 10:.0f}",
            str(UNIT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1]


CONFINE = """
import os, sys
from faceauthd import confinement, landlock
version = landlock.version()
confinement.confine(os.getppid(), [])
try:
    os.fork()
except OSError as error:
    print(version, error.strerror)
"""


def test_the_worker_confines_itself_under_the_units_filter() -> None:
    """Two filters on top of each other, and the first of them must let the other be made."""
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "tests" / "packaging" / "unit_filter.py")),
            *(sys.executable, "-c", CONFINE),
        ],
        cwd=ROOT,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"{landlock.version()} {os.strerror(errno.ENOSYS)}\n"


def test_what_another_start_would_not_mend_is_not_started_again() -> None:
    (prevented,) = setting("RestartPreventExitStatus")
    assert set(map(int, prevented.split())) == {2, Exit.CONFIG, Exit.STORE}
    assert setting("Restart") == ["on-failure"]


def test_what_the_unit_leaves_to_the_worker_alone() -> None:
    assert {"seccomp", "landlock_restrict_self", "openat"} <= allowed()
    assert not {"setuid", "mount", "bpf", "ptrace", "kexec_load"} & allowed()
