# SPDX-License-Identifier: MIT
"""``faceauth log``: one's own events, root's view of all, and times as people write them."""

import json
import os
import time
from datetime import datetime
from typing import Any

import click
import pytest

from cli.exits import Exit
from cli.log import log, moment
from tests.cli.conftest import Run, needs_root, one_line

EVENT = {
    "at": 1_790_000_000,
    "event": "verify",
    "user": "alice",
    "service": "sudo",
    "caller": 0,
    "result": "no-match",
    "reason": "the face was not recognised",
    "camera": "usb",
    "models": "m",
    "duration_ms": 812,
}
CONTEXT, PARAMETER = click.Context(log), log.params[0]


def test_a_line_for_each_event(daemon: Any, faceauth: Run) -> None:
    daemon.list_events.return_value = [
        EVENT,
        {"at": 1_790_000_001, "event": "rekey", "caller": 2**31},
    ]
    outcome = faceauth("log", "alice")
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["WHEN", "WHAT", "USER", "SERVICE", "RESULT", "WHY", "BY"]
    assert lines[1].split()[2:] == [
        *("verify", "alice", "sudo", "no-match", "the", "face", "was", "not", "recognised"),
        "root",
    ]
    assert lines[2].split()[2:] == ["rekey", "uid", "2147483648"]
    daemon.list_events.assert_called_once_with("alice", everybody=False, since=0, most=20)


def test_json_is_what_the_daemon_said(daemon: Any, faceauth: Run) -> None:
    daemon.list_events.return_value = [EVENT]
    assert json.loads(faceauth("log", "alice", "--json").out) == {"events": [EVENT]}


def test_nothing_is_said_to_be_nothing(daemon: Any, faceauth: Run) -> None:
    daemon.list_events.return_value = []
    assert faceauth("log", "alice") == (Exit.DONE, "Nothing happened\n", "")


@needs_root
def test_root_sees_everybody_s_unless_a_user_is_named(daemon: Any, faceauth: Run) -> None:
    daemon.list_events.return_value = []
    faceauth("log", "-n", "5")
    daemon.list_events.assert_called_once_with("", everybody=True, since=0, most=5)


def test_a_user_sees_their_own(daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("cli.log.whose", lambda user: user or "me")
    daemon.list_events.return_value = []
    faceauth("log")
    daemon.list_events.assert_called_once_with("me", everybody=False, since=0, most=20)


def test_times_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_790_000_000.5)
    for text, ago in (("90s", 90), ("30m", 1800), ("2h", 7200), ("3d", 259200), ("1w", 604800)):
        assert moment(CONTEXT, PARAMETER, text) == 1_790_000_000 - ago
    assert moment(CONTEXT, PARAMETER, "999999w") == 0
    assert moment(CONTEXT, PARAMETER, "2026-11-22T08:00+00:00") == 1_795_334_400
    midnight = datetime(2026, 11, 22).astimezone().timestamp()
    assert moment(CONTEXT, PARAMETER, "2026-11-22") == midnight


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2x", "-1h", "2026-13-01", "0001-01-01", "9" * 99]
)
def test_what_is_no_time_is_said_to_be_none(daemon: Any, faceauth: Run, text: str) -> None:
    outcome = faceauth("log", "alice", "--since", text)
    assert outcome.status in (Exit.USAGE, Exit.DONE)
    if outcome.status == Exit.USAGE:
        assert "is no time" in one_line(outcome)
