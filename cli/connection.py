# SPDX-License-Identifier: MIT
"""The one way from the command to the daemon, so that tests have one place to stand in."""

from typing import TYPE_CHECKING

from cli.exits import Exit, die, exit_for_error, note
from cli.terminal import polkit_agent
from faceauthd.results import FaceAuthError

if TYPE_CHECKING:
    from faceauthd.client import FaceAuth


def connect() -> "FaceAuth":
    """The daemon on the system bus (or on $DBUS_SYSTEM_BUS_ADDRESS)."""
    from faceauthd.client import FaceAuth

    return FaceAuth()


def reload(done: str) -> None:
    """Have a running daemon take what ``done`` says was changed; without one there is no hurry.

    Ends the command where the daemon does not take it: the change is made, but not in effect.
    """
    try:
        with polkit_agent():
            connect().reload()
    except FaceAuthError as error:
        status = exit_for_error(error)
        if status is not Exit.UNREACHABLE:
            die(f"{done}, but faceauthd goes on as before: {error}", status)
        note(f"{done}; faceauthd is not running and takes it when it starts")
