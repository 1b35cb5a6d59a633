# SPDX-License-Identifier: MIT
"""``faceauth``: enrol faces, try them, and look after the daemon from a terminal.

Every end of the command is decided here: a verb's answer and status, one clear line for every
error, 130 for Ctrl-C, and never a traceback (unless FACEAUTH_DEBUG=1 asks for it).
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

import click

from cli.exits import Exit, die, exit_for_error, note
from cli.lazy import Verbs, tell
from faceauthd.results import FaceAuthError

# Where a verb is, and what it is for: the first paragraph of its help, which --help shows without
# importing it (45 of 155 ms).
VERBS = {
    "setup": (
        "cli.setup:setup",
        "Set faceauth up for you, or for USER: camera, enrolment, a try, and sudo. (root)",
    ),
    "add": ("cli.faces:add", "Enrol a face of yours, or of USER."),
    "list": ("cli.faces:list_faces", "List your enrolled faces, or USER's."),
    "rename": ("cli.faces:rename", "Give a face another label."),
    "remove": ("cli.faces:remove", "Remove one face."),
    "clear": ("cli.faces:clear", "Remove all your faces, or all of USER's."),
    "verify": ("cli.verify:verify", "Scan once: is it you, or USER?"),
    "identify": (
        "cli.verify:identify",
        "Scan once: which enrolled user is in front of the camera? (root)",
    ),
    "test": (
        "cli.live_view:test",
        "Watch what faceauth sees: box, name, scores, liveness, quality (root).",
    ),
    "cameras": ("cli.cameras:cameras", "List this machine's cameras."),
    "status": (
        "cli.status:status",
        "Say what runs: engine, models, camera, enrolled users, warnings.",
    ),
    "config": ("cli.config:config", "Look at the configuration, change it, check it."),
    "models": ("cli.models:models", "Install and check the networks that faceauth uses."),
    "evaluate": (
        "cli.evaluate:evaluate",
        "Measure how good the models are, on images of your choice.",
    ),
    "liveness": (
        "cli.liveness:liveness",
        "Teach faceauth your camera: collect, train, evaluate, install.",
    ),
    "pam": (
        "cli.pam:pam",
        "Choose where a face may let you in: sudo, the login screen, the lock screen …",
    ),
    "log": ("cli.log:log", "Show what happened lately: your own scans and faces, or USER's."),
    "store": ("cli.store:store", "Look after the store of faces: its key, and backups."),
    "enable": ("cli.switch:enable", "Switch face authentication on again. (root)"),
    "disable": (
        "cli.switch:disable",
        "Switch face authentication off for everybody, at once. (root)",
    ),
    "doctor": (
        "cli.doctor:doctor",
        "Look for what keeps face authentication from working, and say what to do.",
    ),
}


@click.group(
    cls=Verbs,
    verbs={name: place for name, (place, _purpose) in VERBS.items()},
    purposes={name: purpose for name, (_place, purpose) in VERBS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("-V", "--version", is_flag=True, is_eager=True, expose_value=False,
              callback=lambda *given: tell_version(*given),
              help="Show the version and exit.")  # fmt: skip
def faceauth() -> None:
    """Log in, and approve sudo, with your face."""


def tell_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version

        tell(context, f"faceauth, version {version('faceauth-login')}")


def main() -> None:
    """The ``faceauth`` command."""
    if sys.stdout is None:
        die("standard output is closed; there is no place for the answer", Exit.UNAVAILABLE)
    open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def open_what_is_closed() -> None:
    """Give standard input and error, where they are closed (``2>&-``), the place of nothing.

    Python has no such streams then, print's errors would go to standard output, and the next file
    that is opened would be what libraries write their complaints into.
    """
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115


def run(arguments: Sequence[str]) -> int:
    """Run one command line and say how it ended. Raises only where FACEAUTH_DEBUG asks for it."""
    try:
        status = faceauth.main(arguments, prog_name="faceauth", standalone_mode=False)
        return status if isinstance(status, int) else Exit.DONE
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.INTERNAL
    except click.exceptions.NoArgsIsHelpError as error:
        with suppress(OSError):  # nobody reads it
            error.show()
        return Exit.USAGE
    except click.ClickException as error:
        note(f"{error.format_message()} (see {command_of(error)} --help)")
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        note("interrupted")
        return Exit.INTERRUPTED
    except FaceAuthError as error:
        note(str(error))
        return exit_for_error(error)
    except Exception as error:
        if os.environ.get("FACEAUTH_DEBUG") == "1":
            raise
        if isinstance(error, OSError) and error.filename:  # the disk, and no fault of ours
            note(f"{error.filename}: {error.strerror}")
            return Exit.DENIED if isinstance(error, PermissionError) else Exit.UNAVAILABLE
        note(f"internal error: {type(error).__name__}: {error} (FACEAUTH_DEBUG=1 shows where)")
        return Exit.INTERNAL


def command_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return context.command_path if context else "faceauth"
