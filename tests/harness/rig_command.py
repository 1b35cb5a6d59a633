# SPDX-License-Identifier: MIT
"""``tests/rig``: run a command inside a rig, and leave nothing behind.

Two processes. The *stage* holds the rig, in a session of its own, where no Ctrl-C of a terminal
reaches it, and takes it down when its pipe closes: that happens however the other process ends.
The other one runs the command, passes on signals and the exit status, and ends what the command
left running.
"""

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.harness.data import SHARED

SHARED_MODELS = SHARED / "models"
RIG_FAILED = 125  # as env, nice and timeout say that the fault is theirs and not the command's
PR_SET_CHILD_SUBREAPER = 36


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    # Handlers here and below, and not SIG_IGN, which the processes started here would inherit.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _leave)
    _adopt_orphans()
    stage = Stage(options)
    try:
        environment = stage.environment()
        if environment is None:
            return RIG_FAILED
        return run(options.command, environment)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        kill_descendants(spared={stage.pid})
        stage.take_down()
        kill_descendants(spared=set())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/rig",
        description="Runs a command with faceauth's whole system around it: a private bus, the "
        "daemon, PAM services (sudo, su, login, face, …), users, and a camera that shows a file. "
        "Inside, `faceauth …` and `pamtester sudo alice authenticate` work, and "
        "`faceauth-rig-camera FILE` shows something else to the camera. A user's password is "
        "the user's name. The exit status is the command's; 125: the rig did not start.",
    )
    parser.add_argument("--camera", required=True, type=_existing, metavar="FILE_OR_DIR")
    parser.add_argument("--config", type=_existing, metavar="FILE", help="the daemon's settings")
    parser.add_argument("--user", action="append", metavar="NAME", help="default: alice and bob")
    parser.add_argument("--engine", default="auto", choices=["auto", "mobilefacenet", "dlib"])
    parser.add_argument(
        "--models",
        type=_existing,
        metavar="DIR",
        default=SHARED_MODELS if SHARED_MODELS.is_dir() else None,
        help="folder to install models from (default: ../shared/data/models where it is)",
    )
    parser.add_argument("--no-models", action="store_const", const=None, dest="models")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    return parser.parse_args(arguments)


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{name}: there is no such file or folder")
    return path.resolve()


def _leave(signum: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signum)


def _adopt_orphans() -> None:
    """Become the parent of what the command leaves running, so that it can be found."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Stage:
    """The process that holds the rig. Forked before anything starts a thread."""

    def __init__(self, options: argparse.Namespace) -> None:
        ready_end, ready = os.pipe()
        wait, self._hold = os.pipe()  # the stage stands as long as somebody holds this
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ready_end)
            os.close(self._hold)
            os._exit(_hold_rig(options, ready, wait))
        os.close(ready)
        os.close(wait)
        self._ready = ready_end

    def environment(self) -> dict[str, str] | None:
        """The command's environment once the rig stands; None where it does not come up."""
        with os.fdopen(self._ready, "rb") as ready:
            message = ready.read()
        return json.loads(message) if message else None

    def take_down(self) -> None:
        """Returns once the rig is gone; a second Ctrl-C changes nothing about that."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        os.close(self._hold)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _hold_rig(options: argparse.Namespace, ready: int, wait: int) -> int:
    """The stage's life: make the rig, hand out its environment, wait, take it down."""
    os.setsid()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda _signum, _frame: None)
    from tests.harness.rig import Rig  # in this process alone: it brings GLib and threads

    try:
        with Rig(
            options.camera,
            users=options.user or ("alice", "bob"),
            config=options.config.read_text() if options.config else "",
            models=options.models,
            engine=options.engine,
        ) as rig:
            for warning in rig.warnings:
                print(f"rig: {warning}", file=sys.stderr)
            with os.fdopen(ready, "w") as pipe:
                json.dump(rig.environment, pipe)
            os.read(wait, 1)  # nobody writes: it returns when the other end is closed
    except Exception as error:
        print(f"rig: {error}", file=sys.stderr)
        return 1
    return 0


def run(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run the command on this terminal; its exit status, or 128 + signal, as a shell says it."""
    try:
        process = subprocess.Popen(list(command), env=environment)
    except OSError as error:
        print(f"rig: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    # The terminal's Ctrl-C reaches the command by itself; what is sent to the rig is passed on.
    signal.signal(signal.SIGINT, lambda _signum, _frame: None)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda signum, _frame: process.send_signal(signum))
    status = process.wait()
    return 128 - status if status < 0 else status


def kill_descendants(spared: set[int]) -> None:
    """End and reap every process that descends from this one, but for the spared children."""
    while children := _children() - spared:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)  # its own children become ours, for the next round


def _children() -> set[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(pid) for pid in listed.split()}
