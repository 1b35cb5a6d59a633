# SPDX-License-Identifier: MIT
"""The verb ``cameras``: what faceauth could look through."""

from collections.abc import Mapping
from typing import Any

import click

from cli import connection, output
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
        output.say("no camera found")
    else:
        output.table(("ID", "NAME", "NODE", "FORMATS", "KIND", "USABLE"), map(row, found))


def row(camera: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = [kind for kind in ("infrared", "virtual") if camera[kind]]
    usable = "yes" if camera["usable"] else f"no: {camera['reason']}"
    formats = " ".join(camera["formats"])
    kind = " ".join(kinds) or "colour"
    return camera["id"], camera["name"], camera["node"], formats, kind, usable
