# SPDX-License-Identifier: MIT
"""Questions to the person at the terminal, on standard error, or to nobody: then defaults hold."""

from dataclasses import dataclass

import click

from cli.exits import Exit, die
from cli.language import _
from cli.terminal import has_terminal


@dataclass(frozen=True)
class Questions:
    """``silent``: nobody is asked, and what would have been suggested is taken.

    Without a terminal to ask on, a question ends the command.
    """

    silent: bool

    def confirm(self, question: str, *, default: bool) -> bool:
        """Yes or no."""
        return default if self._skip() else click.confirm(question, default=default, err=True)

    def number(self, question: str, *, default: int, most: int) -> int:
        """A whole number from 1 to ``most``."""
        if self._skip():
            return default
        answer: int = click.prompt(question, default, type=click.IntRange(1, most), err=True)
        return answer

    def pause(self, words: str) -> None:
        """Say something, and go on once the person is ready."""
        if self._skip():
            return
        prompt = words + " " + _("[Enter]")
        click.prompt(prompt, "", show_default=False, prompt_suffix=" ", err=True)

    def _skip(self) -> bool:
        if not self.silent and not has_terminal():
            die("there is no terminal to ask on; --yes takes what is suggested", Exit.USAGE)
        return self.silent
