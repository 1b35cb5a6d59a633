# SPDX-License-Identifier: MIT
"""polkit's questions on a terminal: who is asked, about which process, and nothing stays behind."""

import os
from pathlib import Path

import pytest

from cli import terminal


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pkttyagent that says how it was called, is registered at once, and stays."""
    told = tmp_path / "told"
    program = tmp_path / "pkttyagent"
    program.write_text(
        f'#!/bin/sh\necho "$$ $*" > {told}\neval "exec $4>&-"\nexec sleep infinity\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(terminal, "has_terminal", lambda: True)
    return told


def test_it_asks_about_this_process_and_ends_with_the_block(agent: Path) -> None:
    with terminal.polkit_agent():
        pid, *arguments = agent.read_text().split()  # written before the block began
        assert arguments[:3] == ["--process", str(os.getpid()), "--notify-fd"]
        assert arguments[4:] == ["--fallback"]
        assert Path("/proc", pid).exists()
    assert not Path("/proc", pid).exists()


def test_it_ends_after_a_failure_too(agent: Path) -> None:
    with pytest.raises(KeyboardInterrupt), terminal.polkit_agent():
        pid = agent.read_text().split()[0]
        raise KeyboardInterrupt
    assert not Path("/proc", pid).exists()


def test_root_needs_no_asking(agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with terminal.polkit_agent():
        assert not agent.exists()


def test_nobody_is_asked_without_a_terminal(agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "has_terminal", lambda: False)
    with terminal.polkit_agent():
        assert not agent.exists()


def test_without_polkit_nothing_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(terminal, "has_terminal", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with terminal.polkit_agent():
        pass
