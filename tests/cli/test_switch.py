# SPDX-License-Identifier: MIT
"""disable and enable: root's emergency switch, which needs no daemon."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from faceauthd.client import DaemonUnreachableError
from faceauthd.config import load
from tests.cli.conftest import Run, one_line


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faceauth: Run) -> Path:
    path = tmp_path / "config.toml"
    path.write_text("# who is let in\n[verify]\nfmr = 1e-5\n")
    monkeypatch.setenv("FACEAUTH_CONFIG", str(path))
    return path


def test_off_and_on_with_a_daemon_that_takes_it(file: Path, faceauth: Run, daemon: Any) -> None:
    assert faceauth("disable") == (Exit.DONE, "Face authentication is off\n", "")
    assert load(file).disabled
    answer = json.loads(faceauth("enable", "--json").out)
    assert answer == {"file": str(file), "disabled": False}
    assert not load(file).disabled
    assert load(file).verify.fmr == 1e-5
    assert "# who is let in" in file.read_text()
    assert daemon.reload.call_count == 2


def test_off_with_the_daemon_dead(file: Path, faceauth: Run, daemon: Any) -> None:
    daemon.reload.side_effect = DaemonUnreachableError("no answer")
    outcome = faceauth("disable")
    assert outcome.status == Exit.DONE
    assert "takes it when it starts" in outcome.err
    assert load(file).disabled


def test_a_damaged_configuration_is_not_touched(file: Path, faceauth: Run, daemon: Any) -> None:
    for content in ("[verify", "nosuch = 1\n"):
        file.write_text(content)
        outcome = faceauth("disable")
        assert outcome.status == Exit.CONFIG
        one_line(outcome)
        assert file.read_text() == content
    daemon.reload.assert_not_called()


def test_a_file_that_is_not_ours(faceauth: Run, daemon: Any) -> None:
    outcome = faceauth("disable", "-c", "/sys/faceauth.toml")  # not even root makes files there
    assert outcome.status == Exit.DENIED
    one_line(outcome)
