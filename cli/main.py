# SPDX-License-Identifier: MIT
"""``faceauth``: enrol faces, try them, and look after the daemon from a terminal.

Every end of the command is decided here: a verb's answer and status, one clear line for every
error, 130 for Ctrl-C, and never a traceback (unless FACEAUTH_DEBUG=1 asks for it).
"""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from cli.exits import Exit, die, exit_for_error, note
from cli.lazy import Verbs
from faceauthd.results import FaceAuthError

VERBS = {
    "setup": "cli.setup:setup",
    "add": "cli.faces:add",
    "list": "cli.faces:list_faces",
    "rename": "cli.faces:rename",
    "remove": "cli.faces:remove",
    "clear": "cli.faces:clear",
    "verify": "cli.verify:verify",
    "identify": "cli.verify:identify",
    "test": "cli.live_view:test",
    "cameras": "cli.cameras:cameras",
    "status": "cli.status:status",
    "config": "cli.config:config",
    "models": "cli.models:models",
    "evaluate": "cli.evaluate:evaluate",
    "liveness": "cli.liveness:liveness",
    "pam": "cli.pam:pam",
    "log": "cli.log:log",
    "store": "cli.store:store",
    "enable": "cli.switch:enable",
    "disable": "cli.switch:disable",
    "doctor": "cli.doctor:doctor",
}


@click.group(cls=Verbs, verbs=VERBS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="faceauth-login", prog_name="faceauth")
def faceauth() -> None:
    """Log in, and approve sudo, with your face."""


def main() -> None:
    """The ``faceauth`` command."""
    if sys.stdout is None:
        die("standard output is closed; there is no place for the answer", Exit.UNAVAILABLE)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and say how it ended. Raises only where FACEAUTH_DEBUG asks for it."""
    try:
        status = faceauth.main(arguments, prog_name="faceauth", standalone_mode=False)
        return status if isinstance(status, int) else Exit.DONE
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.INTERNAL
    except click.exceptions.NoArgsIsHelpError as error:
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
        note(f"internal error: {type(error).__name__}: {error} (FACEAUTH_DEBUG=1 shows where)")
        return Exit.INTERNAL


def command_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return context.command_path if context else "faceauth"
