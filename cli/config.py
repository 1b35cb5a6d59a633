# SPDX-License-Identifier: MIT
"""The verb ``config``: look at the configuration, change it, check it.

A change takes effect at once: a running daemon is asked to read the file again.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import click

from cli import config_file, connection, output
from cli.arguments import bus_text, config_option
from cli.exits import Exit, die, note
from cli.language import _
from cli.lazy import Verb, Verbs
from cli.terminal import has_terminal
from faceauthd.config import ConfigError, load

EDITORS = ("sensible-editor", "editor", "nano", "vi")
VERBS = {verb: f"cli.config:{verb}" for verb in ("show", "get", "set", "check", "path", "edit")}


@click.group(cls=Verbs, verbs={**VERBS, "set": "cli.config:set_value"})
@config_option
@click.pass_context
def config(context: click.Context, file: Path) -> None:
    """Look at the configuration, change it, check it."""
    context.obj = file


@click.command(cls=Verb)
@click.pass_obj
def path(file: Path) -> None:
    """Say where the configuration file is."""
    output.answer({"file": str(file)}, str(file))


@click.command(cls=Verb)
@click.pass_obj
def show(file: Path) -> None:
    """Show all settings in effect, the built-in ones too."""
    print_settings(settings(file))


@click.command(cls=Verb)
@click.argument("key", callback=bus_text)
@click.pass_obj
def get(file: Path, key: str) -> None:
    """Show one setting in effect, such as verify.fmr."""
    print_settings(in_effect(file, key))


@click.command("set", cls=Verb)
@click.argument("key", callback=bus_text)
@click.argument("value", callback=bus_text)
@click.pass_obj
def set_value(file: Path, key: str, value: str) -> None:
    """Change one setting, and have a running daemon take it.

    VALUE is written as in TOML: 0.001, true, ["passive"]. Quotes may be left out.
    """
    config_file.change(file, config_file.parse_key(key), config_file.parse_value(value))
    connection.reload(f"{file} is changed")
    answer = {"file": str(file), "key": key, "value": in_effect(file, key)}
    output.answer(answer, _("{key} is set in {file}").format(key=key, file=file))


@click.command(cls=Verb)
@click.argument("other", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def check(file: Path, other: Path | None) -> None:
    """Check the configuration, or FILE, without changing anything."""
    checked = other or file
    settings(checked)
    line = _("{name} is in order").format(name=checked)
    output.answer({"file": str(checked), "valid": True}, line)


@click.command(cls=Verb)
@click.pass_obj
def edit(file: Path) -> None:
    """Edit the file in your editor; a wrong configuration is never installed."""
    if not has_terminal():
        die("an editor needs a terminal; see: faceauth config set", Exit.USAGE)
    place = config_file.target_of(file).parent
    if not os.access(place, os.W_OK):  # known now, and not when an hour's work is lost
        die(f"you may not write in {place}, so {file} cannot be changed", Exit.DENIED)
    before = config_file.read(file)
    with tempfile.TemporaryDirectory(prefix="faceauth-") as folder:
        draft = Path(folder) / "config.toml"
        draft.write_text(before, encoding="utf-8")
        while (after := edited(draft)) != before:
            try:
                put_in_place(file, before, after)
            except ConfigError as error:
                note(str(error))
                if not click.confirm(_("Edit it again?"), default=True, err=True):
                    die("nothing was changed", Exit.CONFIG)
            else:
                connection.reload(f"{file} is changed")
                break
    line = _("{file} is unchanged") if after == before else _("{file} is changed")
    output.answer({"file": str(file), "changed": after != before}, line.format(file=file))


def put_in_place(file: Path, known: str, text: str) -> None:
    """Write the text, over what the person knows; over what somebody else wrote, once they agree.

    While they are asked nobody is kept waiting: `faceauth disable` may be what is wanted.
    """
    while True:
        with config_file.alone(file):
            now = config_file.read(file)
            if now == known:
                config_file.replace(file, text)
                return
        note(f"{file} was changed by somebody else meanwhile")
        if not click.confirm(_("Write yours over it?"), default=False, err=True):
            die("nothing was changed by you", Exit.CONFIG)
        known = now


def edited(draft: Path) -> str:
    """The draft's text once the person's editor is done with it."""
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    installed = [editor for editor in EDITORS if shutil.which(editor)]
    try:
        editor = shlex.split(chosen) if chosen else installed[:1] or ["vi"]
        subprocess.run([*editor, draft], check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        die(f"the editor failed, nothing was changed: {error}", Exit.UNAVAILABLE)
    return config_file.read(draft)


def settings(file: Path) -> dict[str, Any]:
    """The settings in effect as the file would write them: tables, lists, text and numbers."""
    tables: dict[str, Any] = plain(load(file))
    tables["service"] = tables.pop("services")
    return tables


def in_effect(file: Path, key: str) -> Any:
    """One setting, or one table of settings; ends the command where there is none by that name."""
    value: Any = settings(file)
    for name in config_file.parse_key(key):
        if not isinstance(value, dict) or name not in value:
            die(f"{key}: there is no such setting (see: faceauth config show)", Exit.USAGE)
        value = value[name]
    return value


def plain(value: Any) -> Any:
    """A dataclass of the configuration as a dictionary; what a service leaves open is left out."""
    if is_dataclass(value):
        pairs = ((one.name, getattr(value, one.name)) for one in fields(value))
        return {name: plain(inner) for name, inner in pairs if inner is not None}
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def print_settings(value: Any) -> None:
    """Settings as TOML, one alone as it is; as JSON for programs."""
    import tomlkit

    if output.wants_json():
        output.print_json(value)
    elif isinstance(value, dict):
        output.say(tomlkit.dumps(value).rstrip())
    else:
        output.say(value if isinstance(value, str) else tomlkit.item(value).as_string())
