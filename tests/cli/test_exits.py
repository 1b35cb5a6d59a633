# SPDX-License-Identifier: MIT
"""The exit statuses: each error has one, the page says the same, and a fault is one clear line."""

import re
from typing import Any

import click
import pytest

from cli.exits import LONGEST_LINE, Exit, die, exit_for_error, visible
from faceauthd.client import DaemonUnreachableError
from faceauthd.config import ConfigError
from faceauthd.results import ERRORS, FaceAuthError
from tests.cli.conftest import Run, one_line
from tests.harness.data import ROOT

STATUS_OF = {
    "PermissionDenied": 3,
    "Busy": 4,
    "NotEnrolled": 1,
    "NoCamera": 4,
    "InvalidArgument": 2,
    "EnrollFailed": 1,
    "Cancelled": 4,
    "Storage": 7,
    "Internal": 70,
}


def test_every_error_of_the_contract_has_its_status(daemon: Any, faceauth: Run) -> None:
    assert ERRORS.keys() == STATUS_OF.keys()
    for name, status in STATUS_OF.items():
        daemon.list_faces.side_effect = ERRORS[name]("what happened")
        outcome = faceauth("list", "alice")
        assert (outcome.status, one_line(outcome)) == (status, "what happened")


def test_errors_that_do_not_come_from_the_daemon() -> None:
    assert exit_for_error(DaemonUnreachableError("")) == 5
    assert exit_for_error(ConfigError("")) == 6
    assert exit_for_error(type("NewError", (FaceAuthError,), {"name": "New"})("")) == 70


def test_the_page_lists_the_same_statuses() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    listed = re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    assert [(int(number), name) for number, name in listed] == [(e.value, e.name) for e in Exit]


def test_the_page_names_every_verb() -> None:
    from cli.main import VERBS

    page = (ROOT / "docs" / "cli.md").read_text()
    assert [verb for verb in VERBS if f"`faceauth {verb}" not in page] == []


def test_a_file_that_fails_is_no_fault_of_the_command(daemon: Any, faceauth: Run) -> None:
    for error, status in ((28, 4), (13, 3)):
        daemon.list_faces.side_effect = OSError(error, "why not", "/some/file")
        outcome = faceauth("list", "alice")
        assert (outcome.status, one_line(outcome)) == (status, "/some/file: why not")
    daemon.list_faces.side_effect = OSError(28, "why not")
    assert faceauth("list", "alice").status == 70


def test_a_fault_is_one_line_unless_asked_for_more(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACEAUTH_DEBUG", raising=False)
    daemon.list_faces.side_effect = ZeroDivisionError("division\nby zero")
    outcome = faceauth("list", "alice")
    assert outcome.status == Exit.INTERNAL
    assert "ZeroDivisionError: division by zero" in one_line(outcome)
    monkeypatch.setenv("FACEAUTH_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        faceauth("list", "alice")


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, click.Abort])
def test_ctrl_c_is_130(interrupt: type[BaseException], daemon: Any, faceauth: Run) -> None:
    daemon.list_faces.side_effect = interrupt
    outcome = faceauth("list", "alice")
    assert outcome.status == Exit.INTERRUPTED
    assert outcome.out == ""
    assert outcome.err.strip() == "faceauth: interrupted"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["x" * 10_000],
        ["list", "--nosuch"],
        ["rename", "only-one"],
        ["config", "nosuch"],
        ["list", "alice", "bob"],
        ["add", "--label"],
        ["a\nb\x1b[31m"],
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: list[str], faceauth: Run) -> None:
    outcome = faceauth(*arguments)
    assert outcome.status == Exit.USAGE
    line = one_line(outcome)
    assert len(line) <= LONGEST_LINE + 2
    assert line.isprintable()


def test_no_verb_is_a_question_for_help(faceauth: Run) -> None:
    for arguments in ([], ["config"]):
        outcome = faceauth(*arguments)
        assert outcome.status == Exit.USAGE
        assert outcome.out == ""
        assert outcome.err.startswith("Usage: faceauth")


def test_every_verb_explains_itself(faceauth: Run) -> None:
    from cli.config import VERBS as CONFIG
    from cli.main import VERBS

    lines = [[verb] for verb in VERBS] + [["config", verb] for verb in CONFIG]
    for arguments in ([], *lines):
        for option in ("-h", "--help"):
            outcome = faceauth(*arguments, option)
            assert outcome.status == Exit.DONE
            assert outcome.out.startswith("Usage: faceauth")


def test_die_tells_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        die("a\n b\x07", Exit.STORE)
    assert ended.value.code == 7
    assert capsys.readouterr().err == "faceauth: a b\\x07\n"


def test_visible_leaves_language_alone() -> None:
    assert visible("Zoë 李 büro 🙂") == "Zoë 李 büro 🙂"
    assert visible("\x1b\x9b\u202e\x00\udcff") == "\\x1b\\x9b\\u202e\\x00\\udcff"
