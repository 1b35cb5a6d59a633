# SPDX-License-Identifier: MIT
"""What a person sees while the camera looks at them: hints in plain words, on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.exits import visible
from cli.language import _
from cli.output import wants_json

HINTS = {
    "scanning": _("Looking for your face"),
    "look-at-camera": _("Look at the camera"),
    "move-closer": _("Move closer to the camera"),
    "hold-still": _("Hold still"),
    "turn-a-little": _("Turn your head a little"),
    "too-dark": _("It is too dark; turn on a light"),
    "one-person-only": _("Only one person may be in front of the camera"),
    "blink": _("Close your eyes for a moment, then open them"),
    "turn-left": _("Turn your head to your left, then back"),
    "turn-right": _("Turn your head to your right, then back"),
    "nod": _("Nod once"),
}


@contextmanager
def hints(*, bar: bool) -> Iterator[Callable[[str, float], None]]:
    """Gives a function to call with each hint (or words for people) and how far it is (0 to 1).

    The display opens with the first hint: until then polkit may be asking on this terminal. It
    shows a bar for an enrolment and none for a verification, which never says how near it is;
    and nothing at all to a program.
    """
    if wants_json() or not sys.stderr.isatty():
        yield lambda *_hint: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
    progress = Progress(
        *columns,
        *([BarColumn()] if bar else []),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = progress.add_task("", total=1.0)

    def show(hint: str, fraction: float) -> None:
        progress.update(task, description=words(hint), completed=fraction)
        progress.start()

    try:
        yield show
    finally:
        progress.stop()


def words(hint: str) -> str:
    """A hint for people; one this version does not know is shown as it came."""
    return HINTS.get(hint, visible(hint))
