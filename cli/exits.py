# SPDX-License-Identifier: MIT
"""Exit statuses, and the one way a verb ends in failure: ``die()``.

The statuses are a contract with scripts; docs/cli.md lists them and a test holds the two together.
"""

import sys
from contextlib import suppress
from enum import IntEnum
from typing import NoReturn

from faceauthd.config import ConfigError
from faceauthd.results import FaceAuthError, Result


class Exit(IntEnum):
    """What the command's exit status says."""

    DONE = 0  # it is done; the face is the user's
    NO = 1  # the answer is no: refused, or no such face
    USAGE = 2  # the command line, or a value in it, is wrong
    DENIED = 3  # the caller may not do this
    UNAVAILABLE = 4  # it cannot be tried now: busy, not enrolled, locked out, no camera …
    UNREACHABLE = 5  # faceauthd cannot be reached
    CONFIG = 6  # the configuration is wrong
    STORE = 7  # the daemon's store is damaged, or its key is the wrong one
    INTERNAL = 70  # a fault in faceauth itself
    INTERRUPTED = 130  # Ctrl-C
    BROKEN_PIPE = 141  # whoever read the answer left, as in faceauth list | head -1


# By name and not by class: the client's own errors live in a module that is not imported before a
# verb needs the bus.
ERROR_EXITS: dict[str, Exit] = {
    "PermissionDenied": Exit.DENIED,
    "Busy": Exit.UNAVAILABLE,
    "NotEnrolled": Exit.NO,
    "NoCamera": Exit.UNAVAILABLE,
    "InvalidArgument": Exit.USAGE,
    "EnrollFailed": Exit.NO,
    "Cancelled": Exit.UNAVAILABLE,
    "Storage": Exit.STORE,
    "Internal": Exit.INTERNAL,
    "DaemonUnreachable": Exit.UNREACHABLE,
}

# A scan that ran and did not find the user is a no; every other result means no scan took place.
SCANNED = frozenset(
    {
        Result.NO_MATCH,
        Result.NOT_LIVE,
        Result.NO_FACE,
        Result.MULTIPLE_FACES,
        Result.TOO_DARK,
        Result.TIMEOUT,
    }
)

LONGEST_LINE = 500


def exit_for_error(error: FaceAuthError) -> Exit:
    """The status for an error; one that is not in the list is a fault, and no success."""
    if isinstance(error, ConfigError):
        return Exit.DENIED if isinstance(error.__cause__, PermissionError) else Exit.CONFIG
    return ERROR_EXITS.get(error.name, Exit.INTERNAL)


def exit_for_result(result: str) -> Exit:
    """The status for what Verify or Identify answered; a word that is not known is no success."""
    if result == Result.MATCH:
        return Exit.DONE
    return Exit.NO if result in SCANNED else Exit.UNAVAILABLE


def note(message: str) -> None:
    """One line on stderr, ``faceauth: …``, whatever the message holds."""
    line = " ".join(visible(message).split())
    if len(line) > LONGEST_LINE:
        line = line[:LONGEST_LINE] + " …"
    with suppress(OSError):  # nobody reads it; the exit status says it all the same
        print(f"faceauth: {line}", file=sys.stderr)


def die(message: str, status: Exit) -> NoReturn:
    """End the command: one clear line on stderr and a documented status."""
    note(message)
    raise SystemExit(int(status))


def cannot_load(error: Exception) -> NoReturn:
    """End the command: a model in use, or an engine, does not load.

    The daemon's models are in a folder of its own, which root alone may look into.
    """
    if isinstance(error.__cause__, PermissionError):
        die(f"{error}; run this with sudo, or name another folder of models: --dir", Exit.DENIED)
    die(str(error), Exit.UNAVAILABLE)


def visible(text: str) -> str:
    """``text`` with what a terminal would obey (escape sequences, bidi overrides) made harmless.

    Line breaks and tabs stay. Camera names come from hardware, labels from other people.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
