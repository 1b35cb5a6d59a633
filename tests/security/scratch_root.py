# SPDX-License-Identifier: MIT
"""The machine's real, setuid ``su`` and ``sudo`` with an /etc, /run and /var/log of their own.

In a mount namespace: nothing of the machine is changed, and nothing of it outlives the test. Who
runs the programs is USER, who has no rights but by them; USER's password and root's is "secret".
Needs root and unshare(1).
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.pam_module.pam_host import LOADER, MODULE, SECRET

USER, UID = "mallory", 61234
GUARD = 120  # seconds; only a hang reaches it
BUS = "/run/dbus/system_bus_socket"

STACK = """\
auth     sufficient  {loader} module={module} timeout=60 quiet
auth     sufficient  pam_unix.so nodelay
auth     required    pam_deny.so
account  required    pam_permit.so
session  required    pam_permit.so
"""
# As loose as an administrator may be: all of the caller's environment is kept.
SUDOERS = f"""\
Defaults !env_reset, !secure_path, setenv, !lecture, !use_pty, passwd_tries=1
{USER} ALL=(ALL:ALL) ALL
"""
SET_UP = """\
set -e
mount --bind "$1/etc" /etc
for folder in /run /var/log /var/lib; do mount -t tmpfs tmpfs $folder; done
mkdir -p /run/dbus /run/sudo /var/lib/sudo
echo ready
exec sleep infinity
"""


class ScratchRoot:
    """``with ScratchRoot(folder) as root: root.set_bus(path); root.run(["su", …])``."""

    def __init__(self, folder: Path) -> None:
        self._etc = folder / "etc"

    def __enter__(self) -> Self:
        shutil.copytree("/etc", self._etc, symlinks=True, ignore_dangling_symlinks=True)
        self._add_user()
        for service in ("su", "su-l", "sudo", "sudo-i", "other"):
            path = self._etc / "pam.d" / service
            path.unlink(missing_ok=True)
            path.write_text(STACK.format(loader=LOADER, module=MODULE))
        sudoers = self._etc / "sudoers"
        sudoers.unlink(missing_ok=True)
        sudoers.write_text(SUDOERS)
        sudoers.chmod(0o440)
        (self._etc / "sudo.conf").unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--propagation=private",
                "sh",
                "-c",
                SET_UP,
                "sh",
                self._etc.parent,
            ],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self._process.wait()
            raise RuntimeError("no mount namespace can be made here")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def set_bus(self, socket: str) -> None:
        """From now on this socket is where the system's bus is."""
        self._inside(["ln", "-sfn", socket, BUS], check=True)

    def run(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path = Path("/"),
        typed: str = "",
        wrapper: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """The command as USER, with exactly this environment; ``wrapper`` runs it as root."""
        become = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
        pairs = [f"{name}={value}" for name, value in (environment or {}).items()]
        return self._inside(
            [*wrapper, *become, "env", "-i", "-C", str(folder), *pairs, *command], typed=typed
        )

    def _inside(
        self, command: Sequence[str], *, typed: str = "", check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{self._process.pid}/ns/mnt", "--wd=/", *command],
            input=typed,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GUARD,
            check=check,
        )

    def _add_user(self) -> None:
        lines = {
            "passwd": f"{USER}:x:{UID}:{UID}::/nonexistent:/bin/sh\n",
            "group": f"{USER}:x:{UID}:\n",
            "shadow": f"{USER}:{SECRET}:19000:0:99999:7:::\n",
        }
        for name, line in lines.items():
            with (self._etc / name).open("a") as file:
                file.write(line)
        shadow = self._etc / "shadow"
        text = re.sub("^root:[^:]*:", lambda _: f"root:{SECRET}:", shadow.read_text(), flags=re.M)
        shadow.write_text(text)


def can_make_namespaces() -> bool:
    """Whether a scratch root can be made here."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0
