# SPDX-License-Identifier: MIT
"""The daemon: does it answer, is it of this version, does its worker work, and its own warnings."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from cli.checks.finding import Finding, ok, problem, warning
from cli.checks.machine import Machine

LOG = "see: journalctl -u faceauthd"


def check(machine: Machine) -> Iterator[Finding]:
    if machine.daemon is None:
        yield problem(machine.daemon_error, f"systemctl restart faceauthd; {LOG}")
        return
    status = machine.daemon.get_status()
    yield ok(f"faceauthd {status['version']} answers")
    try:
        ours = version("faceauth-login")
    except PackageNotFoundError:
        ours = "unknown"
    if status["version"] != ours:
        text = f"the daemon is {status['version']}, this command {ours}"
        yield warning(text, "systemctl restart faceauthd")
    match status["worker"]:
        case "ready":
            yield ok(f"its worker is ready: {status['engine']}, {status['model']}")
        case "idle":
            yield ok("its worker was let go (worker_idle), and comes back with the next scan")
        case "starting":
            yield warning("its worker is still loading models", "try again in a moment")
        case state:
            yield problem(f"its worker has {state}: no face can be verified", LOG)
    for text in status["warnings"]:
        yield warning(text)
