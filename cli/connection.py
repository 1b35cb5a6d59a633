# SPDX-License-Identifier: MIT
"""The one way from the command to the daemon, so that tests have one place to stand in."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceauthd.client import FaceAuth


def connect() -> "FaceAuth":
    """The daemon on the system bus (or on $DBUS_SYSTEM_BUS_ADDRESS)."""
    from faceauthd.client import FaceAuth

    return FaceAuth()
