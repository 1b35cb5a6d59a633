#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the man pages into a folder: docs/make_man.py FOLDER.

What people read is in docs/man/*.rst; the lists in it (`@verbs@`, `@settings@` …) are made from the
command's own help, the configuration's dataclasses and the tables of docs/, so that none can say
something else than the program. docutils turns the whole into roff.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from docutils.core import publish_string

from cli.main import faceauth
from faceauthd.config import SECTIONS, Config, ServiceConfig
from faceauthd.setting import doc_of, in_toml, kind_of

DOCS = Path(__file__).resolve().parent


def pages() -> Iterator[tuple[str, str]]:
    """Each page's file name and its roff."""
    lists = {
        "verbs": "\n\n".join(verbs(faceauth, click.Context(faceauth, info_name="faceauth"))),
        "settings": settings(),
        "exits": listed(DOCS / "cli.md", "status", term=0, words=2),
        "arguments": listed(DOCS / "pam.md", "argument", term=0, words=1),
        "answers": listed(DOCS / "pam.md", "result", term=0, words=1),
    }
    for source in sorted((DOCS / "man").glob("*.rst")):
        text = re.sub(r"^@(\w+)@$", lambda at: lists[at[1]], source.read_text(), flags=re.MULTILINE)
        strict = {"halt_level": 2, "report_level": 2, "file_insertion_enabled": False}
        roff = publish_string(text, writer="manpage", settings_overrides=strict)
        yield source.stem, roff.decode()


def verbs(command: click.Command, context: click.Context) -> Iterator[str]:
    """The command and all below it, as reStructuredText."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from verbs(below, click.Context(below, info_name=name, parent=context))
        return
    pieces = " ".join(command.collect_usage_pieces(context))
    lines = [f"**{context.command_path}** {escaped(pieces)}"]
    lines += [indented(escaped(text)) for text in paragraphs(command.help or "")]
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record and "--json" not in record[0]:
            lines.append(indented(f"``{record[0]}``\n{indented(escaped(record[1]))}"))
    yield lines[0] + "\n" + "\n\n".join(lines[1:])


def settings() -> str:
    """All settings, section by section."""
    parts = []
    whole: dict[str, type[Any]] = {
        "at the top of the file": Config,
        **{f"[{n}]": s for n, s in SECTIONS.items()},
    }
    for title, section in {**whole, "[service.NAME]": ServiceConfig}.items():
        parts.append(f"{title}\n{'-' * len(title)}\n\n{in_section(section)}")
    return "\n\n".join(parts)


def in_section(section: type[Any]) -> str:
    items = []
    for one in fields(section):
        if not one.metadata:
            continue
        default = "" if one.default is None else f" Default: ``{in_toml(one.default)}``."
        text = f"{escaped(doc_of(one))} Allowed: {escaped(kind_of(one).allowed)}.{default}"
        items.append(f"``{one.name}``\n{indented(text)}")
    return "\n\n".join(items)


def listed(page: Path, first_head: str, *, term: int, words: int) -> str:
    """A table of a page as a definition list: the table whose first column is ``first_head``."""
    rows = re.search(rf"^\| {first_head} \|.*\n\| ---.*\n((?:\|.*\n)+)", page.read_text(), re.M)
    assert rows, f"{page.name} has no table that begins with {first_head}"
    cells = [
        [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in rows[1].splitlines()
    ]
    return "\n\n".join(f"{literal(row[term])}\n{indented(literal(row[words]))}" for row in cells)


def literal(text: str) -> str:
    """Markdown's `code` as reStructuredText has it; a link is only its words."""
    return re.sub(r"`([^`]+)`", r"``\1``", re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text))


def escaped(text: str) -> str:
    """Plain text in which nothing is markup but `code`."""
    return literal(re.sub(r"([*_|\\])", r"\\\1", text)) if "`" not in text else literal(text)


def paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n")]


def indented(text: str) -> str:
    return textwrap.indent(text, "    ")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, roff in pages():
        (folder / name).write_text(roff)


if __name__ == "__main__":
    main()
