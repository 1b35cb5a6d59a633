# SPDX-License-Identifier: MIT
"""What several verbs take: text that can cross the bus, and whose face it is."""

import math
import os
import pwd
from pathlib import Path
from typing import Any

import click

from cli.exits import Exit, die
from faceauthd.config import DEFAULT_PATH


def bus_text(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse a value that is not UTF-8, which a command line need not be; for click's callbacks."""
    if value is None:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"{value[:80]!r} is not UTF-8") from None
    return value


def named(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """As `bus_text`, but an empty name is refused: no name would mean the caller, or everybody."""
    if value == "":
        raise click.BadParameter("the user name is empty")
    return bus_text(context, parameter, value)


class Number(click.FloatRange):
    """A number in a range. Click lets nan pass, which is neither below nor above any bound."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{str(value)[:40]!r} is no finite number", param, ctx)
        return number


class FilePath(click.Path):
    """A file or a folder, which may be missing. One that nobody can look at ends here.

    ``Path.exists`` and the like raise for a name that is too long, and for a folder on the way
    that the caller may not enter. An empty name would be the folder that one is in.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not os.fspath(value):
            self.fail("the name of the file or folder is empty", param, ctx)
        try:
            Path(value).stat()
        except (FileNotFoundError, NotADirectoryError):
            pass  # the verb says so, or makes it
        except OSError as error:
            self.fail(f"{value}: {error.strerror}", param, ctx)
        return Path(os.fsdecode(super().convert(value, param, ctx)))


PATH = FilePath(path_type=Path)

user_argument = click.argument("user", required=False, callback=bus_text)
user_option = click.option(
    "-u",
    "--user",
    metavar="USER",
    callback=lambda *given: named(*given),
    help="Whose face it is, if not yours.",
)

models_option = click.option("-d", "--dir", "models_dir", type=PATH, help="The models.")
config_option = click.option(
    "-c",
    "--file",
    envvar="FACEAUTH_CONFIG",
    default=DEFAULT_PATH,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration file; also $FACEAUTH_CONFIG.",
)


def whose(user: str | None) -> str:
    """The user a verb is about: the one named, else the person who typed the command.

    Under sudo that person is $SUDO_USER and not root.
    """
    if user is not None:
        return user or die("the user name is empty", Exit.USAGE)
    if os.getuid() == 0 and os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    return caller()


def whose_to_enroll(user: str | None) -> str:
    """As `whose`, but root is enrolled only where somebody wrote ``root``."""
    name = whose(user)
    if user is None and is_root(name):
        die("name the user to enrol (to enrol root, write root)", Exit.USAGE)
    return name


def caller() -> str:
    """The login name of the user that runs this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        die(f"user id {os.getuid()} has no name; name the user", Exit.USAGE)


def is_root(name: str) -> bool:
    try:
        return pwd.getpwnam(name).pw_uid == 0
    except KeyError:
        return False
