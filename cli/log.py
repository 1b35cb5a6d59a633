# SPDX-License-Identifier: MIT
"""The verb ``log``: who tried to get in, and how it ended; one's own, and for root everybody's.

The daemon keeps the last events for this. The whole record is in the journal (docs/audit.md).
"""

import os
import pwd
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from cli import connection, output
from cli.arguments import user_argument, whose
from cli.language import _
from cli.lazy import Verb
from cli.terminal import polkit_agent

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

Event = Mapping[str, Any]  # as ListEvents describes it


def moment(_: click.Context, __: click.Parameter, text: str | None) -> int:
    """Seconds since 1970 of "2h", "3d" (so long ago) or of a date, with or without a time."""
    if text is None:
        return 0
    if ago := re.fullmatch(r"(\d{1,6})([smhdw])", text):
        return max(0, int(time.time()) - int(ago[1]) * UNITS[ago[2]])
    try:
        return max(0, int(datetime.fromisoformat(text).astimezone().timestamp()))
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{text[:40]!r} is no time; try 30m, 2h, 3d or 2026-11-22T08:00"
        ) from None


@click.command(cls=Verb)
@user_argument
@click.option("--since", callback=moment, metavar="TIME", help="Since 2h (ago), or a date.")
@click.option(
    "-n", "--lines", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many."
)
def log(user: str | None, since: int, lines: int) -> None:
    """Show what happened lately: your own scans and faces, or USER's.

    Root sees everybody's unless a USER is named.
    """
    everybody = user is None and os.geteuid() == 0
    name = "" if everybody else whose(user)
    with polkit_agent():
        events = connection.connect().list_events(
            name, everybody=everybody, since=since, most=lines
        )
    if output.wants_json():
        output.print_json({"events": events})
    elif not events:
        output.say(_("Nothing happened"))
    else:
        heads = (_("WHEN"), _("WHAT"), _("USER"), _("SERVICE"), _("RESULT"), _("WHY"), _("BY"))
        output.table(heads, map(row, events))


def row(event: Event) -> tuple[str, ...]:
    when = datetime.fromtimestamp(event["at"]).astimezone()
    words = [str(event.get(key, "")) for key in ("event", "user", "service", "result", "reason")]
    return f"{when:%Y-%m-%d %H:%M:%S}", *words, called(event["caller"])


def called(uid: int) -> str:
    """The name of the user, as far as there is one: the account may be gone by now."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"
