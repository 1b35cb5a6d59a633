# SPDX-License-Identifier: MIT
"""Ways to run ``faceauth``: in this process against a stand-in client, or the installed script."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock, create_autospec

import pytest

from cli import connection, main, terminal
from faceauthd.client import FaceAuth
from tests.cli.scratch_pam import built, system  # noqa: F401  they are fixtures
from tests.cli.scripted import Scripted, scripted_service
from tests.harness.bus import PrivateBus

SCRIPT = Path(sys.executable).with_name("faceauth")
HANG_GUARD = 120  # seconds: only a hang reaches it

FACE = {
    "id": "8d2f0a11",
    "label": "office",
    "engine": "dlib",
    "model": "dlib-resnet-v1",
    "camera": "usb-camera",
    "created": 1_790_000_000,
    "templates": 1,
    "usable": True,
}


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who is not asked")


class Outcome(NamedTuple):
    """How a command line ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client with the real one's methods and signatures, and answers of the test's choice."""
    client: Mock = create_autospec(FaceAuth, instance=True)
    client.list_faces.return_value = [FACE]
    monkeypatch.setattr(connection, "connect", lambda: client)
    return client


@pytest.fixture
def faceauth(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``faceauth("list", "alice")`` in this process."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("FACEAUTH_CONFIG", raising=False)
    monkeypatch.setattr(terminal, "has_terminal", lambda: False)  # so polkit asks nobody

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = main.run(arguments)
        return Outcome(int(status), *capsys.readouterr())

    return run


def one_line(outcome: Outcome) -> str:
    """The one line on stderr that a failure is, without its ``faceauth: ``; checks that it is."""
    assert outcome.out == ""
    assert outcome.err.startswith("faceauth: "), outcome.err
    assert outcome.err.count("\n") == 1, outcome.err
    return outcome.err.removeprefix("faceauth: ").rstrip()


def read_all(terminal: int) -> bytes:
    """What was written to a pseudo-terminal that nobody holds open any more."""
    seen = b""
    try:
        while piece := os.read(terminal, 4096):
            seen += piece
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(terminal)
    return seen


@pytest.fixture(scope="session")
def bus() -> Iterator[PrivateBus]:
    with PrivateBus() as bus:
        yield bus


@pytest.fixture
def script(bus: PrivateBus) -> Run:
    """``script("list", "alice")``: the installed script, in a process without a terminal."""

    def run(*arguments: str | bytes, env: Mapping[str, str] | None = None) -> Outcome:
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={**bus.environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            timeout=HANG_GUARD,
        )
        return Outcome(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))

    return run


@pytest.fixture
def service(bus: PrivateBus) -> Iterator[Callable[..., Scripted]]:
    """``service(Verify=…)``: a faceauthd on the private bus that answers as the test says."""
    with scripted_service(bus) as start:
        yield start
