# SPDX-License-Identifier: MIT
"""PAM stacks of a scratch folder, and the application (driver.c) that goes through them.

All through the real libpam: the driver by pam_start_confdir, pamtester by pam_wrapper.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.harness.data import ROOT
from tests.harness.rig_files import without_stale_folders

HERE = Path(__file__).parent
MODULE = ROOT / "pam_module" / "pam_faceauth.py"
LOADER = ROOT / "build" / "pam_faceauth.so"
PAM_PYTHON = Path("/lib/security/pam_python.so")
# "secret", as `openssl passwd -6` stores it.
SECRET = (
    "$6$faceauth$KzAz5VXi4roiUXN7RrfxzaLoyGAOqMFIQ3Cw1AECFBbregt3QpVLC32RhUJKpJmY9ZfOL54JoPmUAIi9"
    "LQG.H."
)
HANG = 120  # seconds after which a test is stuck; nothing is asserted about time

SUCCESS, AUTH_ERR, AUTHINFO_UNAVAIL, MAXTRIES = 0, 7, 9, 11


def pam_matrix() -> Path:
    """pam_wrapper's password module; the test is skipped by name where it is not installed."""
    for folder in Path("/usr").glob("lib*/*/pam_wrapper"):
        return folder / "pam_matrix.so"
    pytest.skip("needs libpam-wrapper: pam_matrix.so is not there")


@dataclass
class Outcome:
    """What the driver printed."""

    codes: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)  # of the account phase, where it was reached
    shown: list[str] = field(default_factory=list)  # "info …", "error …", "prompt …", in order
    numbers: dict[str, int] = field(default_factory=dict)
    stderr: str = ""

    @property
    def code(self) -> int:
        (code,) = self.codes
        return code


class Stacks:
    """A folder of PAM services, and the driver to authenticate against them."""

    def __init__(self, folder: Path, driver: Path) -> None:
        self.folder, self.driver = folder, driver
        self.write("other", "auth required pam_deny.so")
        self.passwords = folder.parent / "passwords"
        self.passwords.write_text("alice:secret:stack\n")

    def write(self, service: str, *lines: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / service).write_text("".join(f"{line}\n" for line in lines))

    @staticmethod
    def face(*arguments: str, control: str = "required", module: Path = MODULE) -> str:
        """The line of the module behind its loader."""
        return " ".join(("auth", control, str(LOADER), f"module={module}", *arguments))

    @staticmethod
    def account(*arguments: str, control: str = "optional", module: Path = MODULE) -> str:
        """The line that tells the daemon of a password."""
        return " ".join(("account", control, str(LOADER), f"module={module}", *arguments))

    @staticmethod
    def face_in_pam_python(*arguments: str, control: str = "required") -> str:
        if not PAM_PYTHON.exists():
            pytest.skip("needs libpam-python: pam_python.so is not there")
        return " ".join(("auth", control, str(PAM_PYTHON), str(MODULE), *arguments))

    def password(self, *arguments: str, control: str = "required") -> str:
        """The line of a module that takes alice's password, "secret"."""
        return " ".join(
            ("auth", control, str(pam_matrix()), f"passdb={self.passwords}", *arguments)
        )

    def system_passwords(self) -> dict[str, str]:
        """The environment in which the system's alice has the password "secret", for pam_unix."""
        if not any(Path("/usr").glob("lib*/*/libnss_wrapper.so")):
            pytest.skip("needs libnss-wrapper: libnss_wrapper.so is not there")
        users, groups = self.folder.parent / "passwd", self.folder.parent / "group"
        users.write_text(
            f"root:*:0:0::/root:/bin/sh\nalice:{SECRET}:1000:1000::/nonexistent:/bin/sh\n"
        )
        groups.write_text("alice:x:1000:\n")
        return {
            "LD_PRELOAD": "libnss_wrapper.so",
            "NSS_WRAPPER_PASSWD": str(users),
            "NSS_WRAPPER_GROUP": str(groups),
        }

    def authenticate(
        self,
        *lines: str,
        user: str | bytes = "alice",
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        wrapper: Sequence[str] = (),
    ) -> Outcome:
        """Runs the driver against a service "stack" of these lines."""
        self.write("stack", *lines)
        done = subprocess.run(
            [*wrapper, self.driver, self.folder, "stack", user, *options],
            capture_output=True,
            timeout=HANG,
            check=False,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
        assert done.returncode == 0, done
        outcome = Outcome(stderr=done.stderr.decode())
        for line in done.stdout.decode(errors="replace").splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "code":
                outcome.codes.append(int(rest))
            elif kind == "account":
                outcome.accounts.append(int(rest))
            elif kind in ("info", "error", "prompt", "echo", "other"):
                outcome.shown.append(line)
            else:
                outcome.numbers[kind] = int(rest)
        return outcome

    def pamtester(
        self, *lines: str, typed: str = "", debug_level: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """The same with pamtester, by pam_wrapper, which at level 3 prints what goes to syslog."""
        self.write("stack", *lines)
        done = subprocess.run(
            ["pamtester", "stack", "alice", "authenticate"],
            env={
                "PATH": os.environ["PATH"],
                "LD_PRELOAD": "libpam_wrapper.so",
                "PAM_WRAPPER": "1",
                "PAM_WRAPPER_DEBUGLEVEL": str(debug_level),
                "PAM_WRAPPER_SERVICE_DIR": str(self.folder),
            },
            input=f"{typed}\n",
            capture_output=True,
            text=True,
            timeout=HANG,
            check=False,
        )
        done.stderr = without_stale_folders(done.stderr)
        return done
