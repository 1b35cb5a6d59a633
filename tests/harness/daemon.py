# SPDX-License-Identifier: MIT
"""The real daemon on a private bus, for tests and for the rig.

``with running_daemon(bus, config, state) as daemon: …`` returns once the name is on the bus, and
that is once the daemon can work. The log goes to a file, and is shown where something fails.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.bus import PrivateBus, end, wait_for_name
from tests.harness.data import ROOT

BUS_NAME = "org.faceauth.FaceAuth1"


@dataclass(frozen=True)
class Daemon:
    """A running faceauthd: its process, and what it has logged."""

    process: subprocess.Popen[bytes]
    config: Path
    state: Path
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the daemon and return its exit status."""
        return end(self.process, how)


def daemon_command(
    bus: PrivateBus, config: Path, state: Path, module: str = "faceauthd"
) -> list[str]:
    """The command line that starts the daemon of this checkout, or another program like it."""
    return [
        *(sys.executable, "-m", module, "--config", str(config)),
        *("--state", str(state), "--bus", bus.address),
    ]


@contextmanager
def running_daemon(
    bus: PrivateBus,
    config_text: str,
    state_dir: Path,
    *,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    module: str = "faceauthd",
) -> Iterator[Daemon]:
    """faceauthd with this configuration and state folder, ready; ended on leaving.

    ``environment`` replaces the inherited one; ``prefix`` goes before the command (setpriv …).
    Raises RuntimeError with the log where the daemon does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="faceauth-daemon-") as folder:
        config = Path(folder) / "config.toml"
        config.write_text(config_text)
        log_file = Path(folder) / "log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [*prefix, *daemon_command(bus, config, state_dir, module)],
                cwd=ROOT,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        daemon = Daemon(process, config, state_dir, log_file)
        try:
            try:
                wait_for_name(bus, BUS_NAME, process)
            except (RuntimeError, TimeoutError) as error:
                raise RuntimeError(f"{error}\n--- faceauthd's log ---\n{daemon.log()}") from None
            yield daemon
        except BaseException:
            print(f"--- faceauthd's log ---\n{daemon.log()}", file=sys.stderr)
            raise
        finally:
            daemon.stop()
