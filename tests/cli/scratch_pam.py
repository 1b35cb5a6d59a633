# SPDX-License-Identifier: MIT
"""PAM folders of a made-up system, for the verbs that change some. Fixtures, by way of conftest."""

import subprocess
from pathlib import Path

import pytest

from tests.harness.data import ROOT

MODULE = ROOT / "build" / "pam_faceauth.so"
LINE = f"auth    sufficient    {MODULE}\n"
COMMON_AUTH = """\
auth\t[success=1 default=ignore]\tpam_unix.so nullok
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
"""
SUDO = "#%PAM-1.0\n\nsession required pam_limits.so\n\n@include common-auth\n"
FILES = {
    "common-auth": COMMON_AUTH,
    "sudo": SUDO,
    "sudo-i": SUDO + "# as sudo",  # without a line break at its end
    "su": "auth       sufficient pam_rootok.so\n@include common-auth\n",
    "su-l": "#%PAM-1.0\nauth include su\n",
    "login": "auth requisite pam_nologin.so\n@include common-auth\n",
    "lightdm": "auth required pam_permit.so\nauth sufficient pam_unix.so\n",  # anyone gets in
}
POLKIT = "#%PAM-1.0\n@include common-auth\n"


@pytest.fixture(scope="session")
def built() -> None:
    subprocess.run(["make", "-s", "-C", ROOT / "pam_module"], check=True)


@pytest.fixture
def system(built: None, tmp_path: Path) -> Path:
    """/etc/pam.d and /usr/lib/pam.d of a system; the first is returned."""
    own, distribution = tmp_path / "etc/pam.d", tmp_path / "usr/lib/pam.d"
    for folder in (own, distribution):
        folder.mkdir(parents=True)
    for name, text in FILES.items():
        (own / name).write_text(text)
    (distribution / "polkit-1").write_text(POLKIT)
    return own
