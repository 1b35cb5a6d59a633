# SPDX-License-Identifier: MIT
"""How a worker is started, and how long it may take for what."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Command(Protocol):
    """What is to be run."""

    def command(self, fd: int) -> Sequence[str]:
        """The command line of a worker whose socket is ``fd``."""


@dataclass(frozen=True)
class WorkerSpec:
    """Which models the worker loads."""

    engine: str
    models_dir: Path
    min_face: int
    challenge: bool = False  # whether what it takes to see one is wanted

    def command(self, fd: int) -> Sequence[str]:
        return (
            sys.executable, "-I", "-m", "faceauthd.worker", str(fd),
            "--parent", str(os.getpid()),
            "--engine", self.engine,
            "--models", str(self.models_dir),
            "--min-face", str(self.min_face),
            *(["--challenge"] if self.challenge else []),
        )  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How long the worker may take, in seconds, and how often it may die in a row."""

    # To load its models: one that is ended on the way only begins again. On the slowest machine
    # that was seen 60 s were too few.
    start: float = 180.0
    stop: float = 4.0  # to close the camera once told to: longer than a camera may be silent
    answer: float = 15.0  # to list the cameras
    retry: float = 5.0  # between two attempts once it was given up
    longest_delay: float = 4.0  # before a new one is started, doubling from an eighth of a second
    deaths: int = 5
