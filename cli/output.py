# SPDX-License-Identifier: MIT
"""Answers: on standard output, for people with rich, for programs as one JSON value.

Standard output holds the answer and nothing else; hints, questions and errors go to stderr.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from cli.exits import visible
from cli.lazy import JSON

if TYPE_CHECKING:
    from rich.console import Console

UNBOUNDED = 10_000  # columns; a pipe has no edge to cut a table at


def wants_json() -> bool:
    return bool(click.get_current_context().meta.get(JSON, False))


def print_json(answer: object) -> None:
    """ASCII, so that it reads the same under every locale."""
    print(json.dumps(answer, indent=2))


def say(line: str) -> None:
    """One line of an answer for people."""
    print(visible(line))


def answer(data: object, line: str) -> None:
    """An answer that people read as one line."""
    if wants_json():
        print_json(data)
    else:
        say(line)


def console() -> "Console":
    """Standard output as rich sees it: colours on a terminal, plain text elsewhere."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else UNBOUNDED, highlight=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their columns. The cells are text, never rich's markup."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(Text(visible(cell)) for cell in row))
    console().print(grid)


def facts(pairs: Mapping[str, str]) -> None:
    """Print names and values, one pair a line."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        grid.add_row(Text(name, style="bold"), Text(visible(value)))
    console().print(grid)


def warn(message: str) -> None:
    """A warning that belongs to the answer, loud where there are colours."""
    from rich.text import Text

    console().print(Text(f"WARNING: {visible(message)}", style="bold red"))
