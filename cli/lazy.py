# SPDX-License-Identifier: MIT
"""Click's commands, made to start fast and to take ``--json`` anywhere.

A `Verbs` group knows its verbs by name and imports a verb's module when the verb is asked for, so
that ``faceauth list`` never pays for ``faceauth models``.
"""

from importlib import import_module
from typing import Any

import click

JSON = "faceauth.json"  # key in the context's meta, which a command shares with its sub-commands


def json_option() -> click.Option:
    def remember(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.meta[JSON] = True

    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Answer with one JSON value on standard output, for programs.",
    )


class Verb(click.Command):
    """A command that takes ``--json`` itself, wherever the user happens to type it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(json_option())


class Verbs(click.Group):
    """A group whose commands are ``module:attribute``, imported when needed."""

    def __init__(self, *args: Any, verbs: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verbs = verbs
        self.params.append(json_option())

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.verbs:
            return None
        module, attribute = self.verbs[cmd_name].split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command
