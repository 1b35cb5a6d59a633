# SPDX-License-Identifier: MIT
"""The files that make a rig: users, PAM services, and the commands inside.

A user's password is the user's name.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.harness.data import ROOT

MODULE = ROOT / "build" / "pam_faceauth.so"
PYTHON = "/usr/bin/python3"  # the one that the module starts
OLD = 3600  # seconds; pam_wrapper makes a folder in less than one
FIRST_UID = 61000  # of the rig's own users: far from real ones

# As on a real machine: the face first, then the password, and nobody else gets in.
SERVICES = ("sudo", "sudo-i", "su", "login", "gdm-password", "kde", "polkit-1")
FACE_THEN_PASSWORD = """\
auth     sufficient  {module}
auth     sufficient  {password}
auth     required    pam_deny.so
account  optional    {module} password=any
account  required    pam_permit.so
"""
# Nothing but the face, so that an application sees what our module itself answers.
FACE_ALONE = """\
auth     required    {module}
account  required    pam_permit.so
"""
PASSWORD_ALONE = """\
auth     required    {password}
account  required    pam_permit.so
"""
NOBODY_ASKED = """\
auth     required    pam_permit.so
"""
# libpam complains where this one is missing.
ANY_OTHER_SERVICE = """\
auth     required    pam_deny.so
account  required    pam_deny.so
"""

# The password module is pam_exec, which takes a password that was typed at our own prompt, as
# pam_unix does. It hands the password over with a NUL behind it.
PASSWORD_CHECK = """\
#!/bin/sh
case " {users} " in *" $PAM_USER "*) [ "$(tr -d '\\0')" = "$PAM_USER" ] ;; *) exit 1 ;; esac
"""

SWITCH_CAMERA = """\
#!/bin/sh
# Shows another file or folder to the rig's camera, from its next scan on.
set -eu
[ $# = 1 ] && [ -e "$1" ] || {{ echo "usage: faceauth-rig-camera FILE_OR_DIR" >&2; exit 2; }}
ln -s -- "$(realpath -- "$1")" "{link}.$$"
mv -T -- "{link}.$$" "{link}"
"""

# For who is not root: enrolling asks for the password then, through python-pam, which opens
# libpam by its name and so passes pam_wrapper by.
FACEAUTH = """\
#!/bin/sh
PYTHONPATH='{folder}' exec '{faceauth}' "$@"
"""
SITE_CUSTOMIZATION = """\
import ctypes.util

find = ctypes.util.find_library
ctypes.util.find_library = lambda name: "libpam_wrapper.so" if name == "pam" else find(name)
"""


def write_users(folder: Path, users: Sequence[str]) -> dict[str, str]:
    """Make the users exist beside the machine's own; the environment in which they do."""
    known = pwd.getpwall()
    lines = [":".join(map(str, entry)) for entry in known]
    new = [user for user in users if user not in {entry.pw_name for entry in known}]
    lines += [
        f"{user}:x:{uid}:{FIRST_UID}:{user}:/nonexistent:/bin/sh"
        for uid, user in enumerate(new, FIRST_UID)
    ]
    (folder / "passwd").write_text("\n".join(lines) + "\n")
    shutil.copyfile("/etc/group", folder / "group")
    return {
        "LD_PRELOAD": "libnss_wrapper.so",
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
    }


def write_services(folder: Path, bus_address: str, users: Sequence[str]) -> None:
    """Make PAM's folder: the services of a desktop, and ours for tests."""
    folder.mkdir()
    logic = _install_logic(folder.parent / "pam_module")
    me = pwd.getpwuid(os.getuid()).pw_name
    check = _program(folder / ".password", PASSWORD_CHECK.format(users=" ".join([*users, me])))
    values = {
        # The most time that there is: a busy machine is no camera without a clear view.
        "module": f"{MODULE} module={logic} bus={bus_address} owner={me} timeout=60",
        "password": f"pam_exec.so quiet expose_authtok {check}",
    }
    texts = dict.fromkeys(SERVICES, FACE_THEN_PASSWORD)
    texts |= {"face": FACE_ALONE, "faceauth": PASSWORD_ALONE, "permit": NOBODY_ASKED}
    texts["other"] = ANY_OTHER_SERVICE
    for name, text in texts.items():
        (folder / name).write_text(text.format(**values))


def _install_logic(folder: Path) -> Path:
    """The module's Python half, with its byte code beside it as a package has it."""
    sources = ROOT / "pam_module"
    shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("*.c", "*.h", "__pycache__"))
    subprocess.run([PYTHON, "-I", "-m", "compileall", "-q", str(folder)], check=True)
    return folder / "pam_faceauth.py"


def write_commands(folder: Path, camera_link: Path) -> None:
    """Make the folder of commands that come first on the PATH inside."""
    folder.mkdir()
    _program(folder / "faceauth-rig-camera", SWITCH_CAMERA.format(link=camera_link))
    if os.geteuid() != 0:
        faceauth = Path(sys.executable).with_name("faceauth")
        _program(folder / "faceauth", FACEAUTH.format(folder=folder, faceauth=faceauth))
        (folder / "sitecustomize.py").write_text(SITE_CUSTOMIZATION)


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def without_stale_folders(stderr: str) -> str:
    """What a program under pam_wrapper said, less the complaints of folders left in /tmp.

    A process that was killed, anybody's, leaves one: without a process id in it, if it was early.
    """
    return re.sub(r"PWRAP_ERROR.*pwrap_clean_stale_dirs.*\n?", "", stderr)


def remove_stale_wrapper_folders() -> None:
    """Remove what pam_wrapper left in /tmp for processes that were killed.

    It has 62 names, and where none is free no program under it starts.
    """
    for folder in Path("/tmp").glob("pam.?"):
        with suppress(OSError, ValueError):  # being made or removed by its owner right now
            if folder.stat().st_uid == os.getuid() and _is_stale(folder):
                shutil.rmtree(folder)


def _is_stale(folder: Path) -> bool:
    """Whether its process is gone; one without a process id is being made, unless it is old."""
    pid = folder / "pid"
    if number := pid.read_text().strip() if pid.exists() else "":
        return not Path(f"/proc/{int(number)}").exists()
    return time.time() - folder.stat().st_mtime > OLD
