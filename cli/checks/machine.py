# SPDX-License-Identifier: MIT
"""What the checks are told: where to look, and the ways to ask. Tests pass another one."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli import connection
from faceauthd.config import Config, ConfigError, load
from faceauthd.results import FaceAuthError

if TYPE_CHECKING:
    from faceauthd.client import FaceAuth

PATIENCE = 15  # seconds for a program's answer


class Answer(NamedTuple):
    """How a program ended, and what it wrote on standard output."""

    status: int
    text: str


@dataclass
class Machine:
    """The system that is looked at.

    root    where its files are, "/" but in tests
    config  the configuration; the built-in one where the file is wrong, see config_error
    user    who is asked about
    daemon  the client; None where faceauthd gives no answer, see daemon_error
    """

    config_file: Path
    user: str
    root: Path = Path("/")
    config: Config = field(default_factory=Config)
    config_error: str = ""
    daemon: "FaceAuth | None" = None
    daemon_error: str = ""

    def learn(self) -> "Machine":
        """Read the configuration and reach for the daemon."""
        try:
            self.config = load(self.config_file)
        except ConfigError as error:
            self.config_error = str(error)
        try:
            self.daemon = connection.connect()
            self.daemon.get_status()  # only an answer shows that somebody is there
        except FaceAuthError as error:
            self.daemon, self.daemon_error = None, str(error)
        return self

    def path(self, name: str) -> Path:
        """A file of the system by its absolute name."""
        return self.root / name.lstrip("/")

    def ask(self, *command: str) -> Answer | None:
        """Run a program; None where it is not installed or gives no answer."""
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return Answer(done.returncode, done.stdout.decode("utf-8", "replace"))
