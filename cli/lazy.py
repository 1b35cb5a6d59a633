# SPDX-License-Identifier: MIT
"""Click's commands, made to start fast, to take ``--json`` anywhere, and to help in one's language.

A `Verbs` group knows its verbs by name and imports a verb's module when the verb is asked for, so
that ``faceauth list`` never pays for ``faceauth models``.
"""

from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc
from typing import Any

import click

from cli.language import _

JSON = "faceauth.json"  # key in the context's meta, which a command shares with its sub-commands


def json_option() -> click.Option:
    def remember(context: click.Context, _option: click.Parameter, value: bool) -> None:
        if value:
            context.meta[JSON] = True

    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Answer with one JSON value on standard output, for programs.",
    )


class Helped(click.Command):
    """A command whose help is an answer: one that does not get out is no success."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = tell_help
        return option


def tell_help(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        tell(context, context.get_help())


def tell(context: click.Context, text: str) -> None:
    """Give this as the answer, and end the command."""
    from cli.output import write

    write(text)
    context.exit()


class Verb(Helped):
    """A command that takes ``--json`` itself, wherever the user happens to type it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(json_option())
        translate(self)


class Verbs(Helped, click.Group):
    """A group whose commands are ``module:attribute``, imported when needed.

    Of a group that says what each is for, none is needed to list them.
    """

    def __init__(
        self,
        *args: Any,
        verbs: Mapping[str, str],
        purposes: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.verbs, self.purposes = verbs, purposes or {}
        self.params.append(json_option())
        translate(self)

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.verbs)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self.purposes:
            super().format_commands(ctx, formatter)
            return
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(self.purposes[name])) for name in self.verbs])

    def get_command(self, _context: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.verbs:
            return None
        module, attribute = self.verbs[cmd_name].split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


def translate(command: click.Command) -> None:
    """Put the command's own words into the user's language."""
    if command.help:
        command.help = _(cleandoc(command.help))
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = _(parameter.help)
