# SPDX-License-Identifier: MIT
"""The verb ``cameras``: what faceauth could look through."""

from collections.abc import Mapping
from typing import Any

import click

from cli import connection, output
from cli.language import _
from cli.lazy import Verb


@click.command(cls=Verb)
def cameras() -> None:
    """List this machine's cameras.

    The ID is what `faceauth config set camera.device` takes; it survives a reboot.
    """
    found = connection.connect().list_cameras()
    if output.wants_json():
        output.print_json({"cameras": found})
    elif not found:
        output.say(_("no camera found"))
    else:
        heads = ("ID", _("NAME"), _("NODE"), _("FORMATS"), _("KIND"), _("USABLE"))
        output.table(heads, map(row, found))


def row(camera: Mapping[str, Any]) -> tuple[str, ...]:
    words = {"infrared": _("infrared"), "virtual": _("virtual")}
    kinds = [word for kind, word in words.items() if camera[kind]]
    usable = _("yes") if camera["usable"] else _("no: {reason}").format_map(camera)
    formats = " ".join(camera["formats"])
    kind = " ".join(kinds) or _("colour")
    return camera["id"], camera["name"], camera["node"], formats, kind, usable
