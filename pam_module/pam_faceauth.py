# SPDX-License-Identifier: MIT
"""Where PAM comes in: pam_faceauth.so starts this file as a program of its own (loader.c says how).

Debian's pam_python.so takes its handlers as they are. What they decide is in attempt.py, since
Python keeps the byte code of what is imported, and compiles a program anew at each start (5 of
20 ms). Standard library only, so that it starts fast.
"""

from __future__ import annotations

import sys

# The folder above this one, and first: nobody else's `pam_module` may be taken for ours. Python
# makes a program's path absolute, and so does pam_python.so. (os.path is a tenth of our start.)
sys.path.insert(0, __file__.rpartition("/")[0] + "/..")
from pam_module.attempt import Attempt
from pam_module.hosts import PAM_AUTHINFO_UNAVAIL, PAM_SILENT, PAM_SUCCESS, Loader, PamPython

TYPE_CHECKING = False  # typing takes as long to import as all the rest
if TYPE_CHECKING:
    from typing import Any


def pam_sm_authenticate(pamh: Any, flags: int, argv: list[str]) -> int:
    """For pam_python.so; argv[0] is this file."""
    try:
        host = PamPython(pamh)
    except Exception:  # no user, or a name that is not text
        return PAM_AUTHINFO_UNAVAIL
    return Attempt(host, bool(flags & PAM_SILENT)).code(argv[1:])


def pam_sm_setcred(_pamh: Any, _flags: int, _argv: list[str]) -> int:
    """There are no credentials to set, and so nothing that could fail."""
    return PAM_SUCCESS


def main() -> None:
    """For pam_faceauth.so; the arguments are in loader.c."""
    phase, flags, user, service, rhost, caller, *argv = sys.argv[1:]
    host = Loader(user, service, rhost, caller)
    if phase == "account":
        from pam_module.account import tell_of_password  # which most calls do not need

        host.end(tell_of_password(host, argv))
    host.end(Attempt(host, bool(int(flags) & PAM_SILENT)).code(argv))


if __name__ == "__main__":
    main()
