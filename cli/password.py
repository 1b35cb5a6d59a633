# SPDX-License-Identifier: MIT
"""Asking for the caller's password before a face of theirs is enrolled.

This is for the person who left a terminal open, not the boundary: whoever can change this program
can leave it out. The boundary is the daemon, which asks polkit.
"""

import getpass
import os
from pathlib import Path

import click

from cli.exits import Exit, die, note
from cli.language import _
from cli.terminal import has_terminal

SERVICE = "faceauth"  # packaging/pam/faceauth: passwords only, so no face ever vouches for a face
SERVICE_FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d")
TRIES = 3


def reauthenticate(user: str) -> None:
    """Return once ``user``, who runs this command, has typed their password; root is not asked.

    Ends the command where the password stays wrong or there is no terminal to type it on.
    """
    if os.geteuid() == 0:
        return
    if not has_terminal():
        die("a terminal is needed to ask for your password (root is not asked)", Exit.DENIED)
    question = _("Password of {user}: ").format(user=user)
    for _try in range(TRIES):
        try:
            typed = getpass.getpass(question)
        except EOFError:  # Ctrl-D
            raise click.Abort from None
        if password_is_right(user, typed):
            return
        note("wrong password")
    if not any((Path(folder) / SERVICE).exists() for folder in SERVICE_FOLDERS):
        note("PAM has no service file 'faceauth', so no password is right; install it first")
    die("nothing was enrolled", Exit.DENIED)


def password_is_right(user: str, password: str) -> bool:
    """Whether PAM takes the password and the account is in order."""
    import pam

    # Bytes, because a terminal may give what UTF-8 cannot hold; Latin-1, because python-pam decodes
    # PAM's own messages, which may be in any locale, and Latin-1 decodes everything.
    try:
        answer = pam.PamAuthenticator().authenticate(
            os.fsencode(user),
            os.fsencode(password),
            service=SERVICE,
            encoding="latin-1",
            resetcreds=False,
        )
    except ValueError:  # a NUL in it
        return False
    return answer is True
