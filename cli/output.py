# SPDX-License-Identifier: MIT
"""Answers: on standard output, for people with rich, for programs as one JSON value.

Standard output holds the answer and nothing else; hints, questions and errors go to stderr. An
answer that does not get out is no success, whatever it was.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from cli.exits import Exit, die, visible
from cli.lazy import JSON

if TYPE_CHECKING:
    from rich.console import RenderableType

UNBOUNDED = 10_000  # columns; a pipe has no edge to cut a table at


def wants_json() -> bool:
    return bool(click.get_current_context().meta.get(JSON, False))


def answer(data: object, line: str) -> None:
    """An answer that people read as one line."""
    if wants_json():
        print_json(data)
    else:
        say(line)


def print_json(data: object) -> None:
    """ASCII, so that it reads the same under every locale."""
    write(json.dumps(data, indent=2))


def say(text: str) -> None:
    """Plain text of an answer for people."""
    write(visible(text))


def page(target: Path, text: str) -> None:
    """A page that was asked for beside the answer."""
    try:
        target.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        die(f"{target} cannot be written: {error.strerror}", Exit.UNAVAILABLE)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their columns. The cells are text, never rich's markup."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")  # or a narrow terminal cuts an id short
    for row in rows:
        grid.add_row(*(Text(visible(cell)) for cell in row))
    render(grid)


def facts(pairs: Mapping[str, str]) -> None:
    """Names and values, one pair a line."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        grid.add_row(Text(name, style="bold"), Text(visible(value)))
    render(grid)


def warn(message: str) -> None:
    """A warning that belongs to the answer, loud where there are colours."""
    from rich.text import Text

    render(Text(f"WARNING: {visible(message)}", style="bold red"))


def render(thing: "RenderableType") -> None:
    """Colours on a terminal, plain text elsewhere."""
    from rich.console import Console

    text = StringIO()
    wide, terminal = (None, True) if sys.stdout.isatty() else (UNBOUNDED, None)
    Console(file=text, width=wide, force_terminal=terminal, highlight=False).print(thing)
    write("\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n")))


def write(text: str) -> None:
    """Put text and a line break on standard output, now."""
    try:
        print(text, flush=True)
    except OSError as error:
        cannot_write(error)


def cannot_write(error: OSError) -> NoReturn:
    """End the command: standard output is full, or nobody reads it."""
    # Python would try to write the rest once more when it ends, and complain once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        raise SystemExit(int(Exit.BROKEN_PIPE))
    die(f"cannot write the answer: {error.strerror}", Exit.UNAVAILABLE)
