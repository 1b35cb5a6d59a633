# SPDX-License-Identifier: MIT
"""What Debian's pam-auth-update makes of our profile, by itself, in folders of the test's own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.data import ROOT

TOOL = Path("/usr/sbin/pam-auth-update")
PROFILES = Path("/usr/share/pam-configs")
UNIX = PROFILES / "unix"
DEBCONF = """\
Config: config
Templates: templates

Name: config
Driver: File
Filename: {folder}/config.dat

Name: templates
Driver: File
Filename: {folder}/templates.dat
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """The folders that the tool reads and writes, and the tool with their names in it."""
    if not (TOOL.exists() and UNIX.exists() and shutil.which("perl")):
        pytest.skip("needs libpam-runtime: pam-auth-update and its profile unix are not there")
    text = TOOL.read_text()
    for folder in ("usr/share/pam-configs", "usr/share/pam", "etc/pam.d", "var/lib/pam"):
        (tmp_path / folder).mkdir(parents=True)
        text = text.replace(f"'/{folder}'", f"'{tmp_path / folder}'")
    text = text.replace("/usr/share/pam/", f"{tmp_path}/usr/share/pam/")
    (tmp_path / "tool").write_text(text)
    (tmp_path / "tool").chmod(0o755)  # debconf starts it anew
    shutil.copytree("/usr/share/pam", tmp_path / "usr/share/pam", dirs_exist_ok=True)
    for profile in (UNIX, ROOT / "packaging/pam-configs/faceauth"):
        shutil.copy(profile, tmp_path / "usr/share/pam-configs")
    # What it remembers is the test's own, too: debconf is the machine's.
    (tmp_path / "debconf.conf").write_text(DEBCONF.format(folder=tmp_path))
    shutil.copy("/var/cache/debconf/templates.dat", tmp_path)
    shutil.copy("/var/cache/debconf/config.dat", tmp_path)
    return tmp_path


def enabled(system: Path) -> dict[str, list[list[str]]]:
    """The lines of each file after our profile was enabled, without comments, as words."""
    subprocess.run(
        ["perl", system / "tool", "--enable", "unix", "faceauth", "--force"],
        env={
            **os.environ,
            "DEBIAN_FRONTEND": "noninteractive",
            "DEBCONF_SYSTEMRC": str(system / "debconf.conf"),
        },
        check=True,
        capture_output=True,
    )
    return {
        path.name: [
            line.split()
            for line in path.read_text().splitlines()
            if line.strip() and not line.startswith("#")
        ]
        for path in (system / "etc/pam.d").iterdir()
    }


def modules(lines: list[list[str]]) -> list[str]:
    return [next(word for word in line if word.endswith(".so")) for line in lines]


def test_the_face_comes_first_and_a_typed_password_goes_on(system: Path) -> None:
    auth = enabled(system)["common-auth"]
    assert modules(auth)[:3] == ["pam_faceauth.so", "pam_unix.so", "pam_deny.so"]
    assert "[success=2" in auth[0]  # over pam_unix and pam_deny
    assert "try_first_pass" in auth[1]
    assert auth[2][1] == "requisite"


def test_the_account_line_is_behind_all_that_decides(system: Path) -> None:
    account = enabled(system)["common-account"]
    assert modules(account) == ["pam_unix.so", "pam_deny.so", "pam_permit.so", "pam_faceauth.so"]
    assert account[-1][:2] == ["account", "optional"]
