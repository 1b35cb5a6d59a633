# SPDX-License-Identifier: MIT
"""The verbs ``disable`` and ``enable``: root's emergency switch.

They write one word into the configuration and so work with the daemon dead: one that runs takes
it at once, one that starts later finds it. While it is off, every PAM service asks for the
password alone.
"""

from pathlib import Path

import click

from cli import config_file, connection, output
from cli.arguments import config_option
from cli.language import _
from cli.lazy import Verb


@click.command(cls=Verb)
@config_option
def disable(file: Path) -> None:
    """Switch face authentication off for everybody, at once. (root)

    Nothing enrolled is lost. In an emergency with a damaged configuration file, which cannot be
    changed: systemctl stop faceauthd, or faceauth pam disable --all.
    """
    switch(file, off=True)


@click.command(cls=Verb)
@config_option
def enable(file: Path) -> None:
    """Switch face authentication on again. (root)"""
    switch(file, off=False)


def switch(file: Path, *, off: bool) -> None:
    word = "off" if off else "on"
    config_file.change(file, ["disabled"], off)
    connection.reload(f"face authentication is switched {word}")
    output.answer(
        {"file": str(file), "disabled": off},
        _("Face authentication is off") if off else _("Face authentication is on"),
    )
