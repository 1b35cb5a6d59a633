# SPDX-License-Identifier: MIT
"""Where a live view goes: a terminal's whole screen, or one line a frame, or nowhere."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from cli.live_drawing import Frame, blocks, facts, line
from cli.output import wants_json, write
from models.face import Image

# Alternate screen, no cursor; and back.
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[?25h\x1b[?1049l"
HOME, REST, END_OF_LINE = "\x1b[H", "\x1b[J", "\x1b[K"
COLUMNS = 76  # of the picture at most: wider ones take long to draw


class Screen(Protocol):
    """Shows frames; ``pictures`` says whether it has a use for them."""

    pictures: bool

    def show(self, frame: Frame, picture: Image | None) -> None: ...


class Lines:
    """One line a frame on standard output, as for a log."""

    pictures = False

    def show(self, frame: Frame, picture: Image | None) -> None:
        del picture
        write(line(frame))


class Nothing:
    """For programs, which get it all at the end."""

    pictures = False

    def show(self, frame: Frame, picture: Image | None) -> None:
        del frame, picture


class Terminal:
    """The picture in half blocks, and the facts below it. What a scan ended with stays a while."""

    pictures = True

    def __init__(self) -> None:
        self._last: Mapping[str, str] = {}
        self._picture: list[str] = []

    def show(self, frame: Frame, picture: Image | None) -> None:
        size = shutil.get_terminal_size()
        said = facts(frame)
        if "result" in said:
            self._last = {"last result": said["result"]}
        rows = size.lines - len(said) - len(self._last) - 2
        if picture is not None and rows > 3:
            self._picture = blocks(picture, min(size.columns, COLUMNS), rows)
        everything = {**said, **self._last}
        wide = max(map(len, everything))
        told = [f"{name:>{wide}}  {value}" for name, value in everything.items()]
        lines = [*self._picture, *(text[: size.columns] for text in told)][: size.lines - 1]
        sys.stdout.write(HOME + "".join(f"{one}{END_OF_LINE}\n" for one in lines) + REST)
        sys.stdout.flush()


@contextmanager
def screen(*, numbers: bool) -> Iterator[Screen]:
    """The screen for where standard output goes; a terminal is left as it was."""
    if wants_json():
        yield Nothing()
    elif numbers or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield Lines()
    else:
        sys.stdout.write(ENTER)
        try:
            yield Terminal()
        finally:
            sys.stdout.write(LEAVE)
            sys.stdout.flush()
