# SPDX-License-Identifier: MIT
"""add, list, rename, remove, clear: whose face, which face, and what is asked first."""

import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import ANY

import pytest

from cli import password
from cli.exits import Exit
from faceauthd.results import NotEnrolledError, PermissionDeniedError
from tests.cli.conftest import FACE, Run, one_line

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def no_password(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nobody types a password here; the list holds whose was asked for."""
    asked: list[str] = []
    monkeypatch.setattr("cli.faces.reauthenticate", asked.append)
    return asked


def test_add_says_the_new_face(daemon: Any, faceauth: Run, no_password: list[str]) -> None:
    daemon.enroll.return_value = "8d2f0a11"
    outcome = faceauth("add", "alice", "--label", "office")
    assert outcome == (Exit.DONE, "Enrolled a face of alice: 8d2f0a11\n", "")
    daemon.enroll.assert_called_once_with(
        "alice", "office", source_fd=None, any_camera=False, on_progress=ANY
    )


def test_add_for_any_camera(daemon: Any, faceauth: Run, no_password: list[str]) -> None:
    daemon.enroll.return_value = "8d2f0a11"
    assert faceauth("add", "alice", "--any-camera").status == Exit.DONE
    assert daemon.enroll.call_args.kwargs["any_camera"] is True


def test_add_in_json_is_one_object(daemon: Any, faceauth: Run, no_password: list[str]) -> None:
    def enroll(*_: object, on_progress: Any, **__: object) -> str:
        on_progress("move-closer", 0.5)
        return "8d2f0a11"

    daemon.enroll.side_effect = enroll
    for arguments in (("--json", "add", "alice"), ("add", "alice", "--json")):
        outcome = faceauth(*arguments)
        assert json.loads(outcome.out) == {"user": "alice", "face": "8d2f0a11"}
        assert outcome.err == ""


@pytest.mark.parametrize(("uid", "asked"), [(0, []), (1000, [ME])])
def test_everybody_but_root_is_asked_for_their_own_password(
    uid: int,
    asked: list[str],
    daemon: Any,
    faceauth: Run,
    no_password: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    daemon.enroll.return_value = "1"
    assert faceauth("add", "alice").status == Exit.DONE
    assert no_password == asked


def test_a_wrong_password_enrols_nothing(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(password, "has_terminal", lambda: True)
    monkeypatch.setattr(password, "password_is_right", lambda *_: False)
    monkeypatch.setattr("getpass.getpass", lambda _: "guess")
    outcome = faceauth("add", "alice")
    assert outcome.status == Exit.DENIED
    assert outcome.err.count("wrong password") == password.TRIES
    daemon.enroll.assert_not_called()


def test_ctrl_d_in_place_of_a_password_ends_it(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_of_file(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(password, "has_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", end_of_file)
    outcome = faceauth("add", "alice")
    assert (outcome.status, one_line(outcome)) == (Exit.INTERRUPTED, "interrupted")
    daemon.enroll.assert_not_called()


def test_without_a_terminal_nobody_can_be_asked(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(password, "has_terminal", lambda: False)
    outcome = faceauth("add", "alice")
    assert outcome.status == Exit.DENIED
    assert "terminal" in one_line(outcome)
    daemon.enroll.assert_not_called()


@pytest.mark.parametrize("sudo_user", [None, "", "root"])
def test_root_is_not_enrolled_by_accident(
    sudo_user: str | None,
    daemon: Any,
    faceauth: Run,
    no_password: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    if sudo_user is not None:
        monkeypatch.setenv("SUDO_USER", sudo_user)
    outcome = faceauth("add")
    assert outcome.status == Exit.USAGE
    assert "write root" in one_line(outcome)
    daemon.enroll.assert_not_called()

    daemon.enroll.return_value = "1"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert faceauth("add", "root").status == Exit.DONE


def test_under_sudo_it_is_the_person_at_the_keyboard(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "alice")
    faceauth("list")
    daemon.list_faces.assert_called_once_with("alice")


def test_sudo_user_means_nothing_to_others(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "getuid", lambda: nobody.pw_uid)
    monkeypatch.setenv("SUDO_USER", "alice")
    faceauth("list")
    daemon.list_faces.assert_called_once_with("nobody")


def test_an_empty_name_is_not_the_caller(daemon: Any, faceauth: Run) -> None:
    outcome = faceauth("clear", "", "--yes")
    assert outcome.status == Exit.USAGE
    assert "empty" in one_line(outcome)
    daemon.clear_faces.assert_not_called()


def test_a_narrow_terminal_cuts_nothing_short(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    outcome = faceauth("list", "alice")
    assert outcome.status == Exit.DONE
    assert "…" not in outcome.out
    assert len(outcome.out.splitlines()) > 4


def test_list_for_people_and_for_programs(daemon: Any, faceauth: Run) -> None:
    outcome = faceauth("list", "alice")
    assert outcome.status == Exit.DONE
    header, row = outcome.out.splitlines()
    assert header.split() == ["ID", "LABEL", "ENROLLED", "MODEL", "USABLE"]
    assert row.split()[:2] == ["8d2f0a11", "office"]
    assert json.loads(faceauth("list", "alice", "--json").out) == {"user": "alice", "faces": [FACE]}


@pytest.mark.parametrize(
    "command", [["list", "bob"], ["rename", "office", "home", "-u", "bob"], ["remove", "office"]]
)
def test_polkit_can_ask_before_the_faces_are_told(
    command: list[str], daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking: list[bool] = []

    @contextmanager
    def agent() -> Iterator[None]:
        asking.append(True)
        yield
        asking.clear()

    def list_faces(_user: str) -> list[dict[str, Any]]:
        assert asking
        return [FACE]

    monkeypatch.setattr("cli.faces.polkit_agent", agent)
    daemon.list_faces.side_effect = list_faces
    assert faceauth(*command).status == Exit.DONE


def test_list_of_nobody_is_no_error(daemon: Any, faceauth: Run) -> None:
    daemon.list_faces.return_value = []
    assert faceauth("list", "alice") == (Exit.DONE, "alice has no enrolled face\n", "")
    assert json.loads(faceauth("list", "alice", "--json").out)["faces"] == []


def test_a_label_cannot_command_the_terminal(daemon: Any, faceauth: Run) -> None:
    daemon.list_faces.return_value = [{**FACE, "label": "\x1b[31m[bold]x[/bold]\u202e"}]
    outcome = faceauth("list", "alice")
    assert "\x1b" not in outcome.out
    assert "\u202e" not in outcome.out
    assert "[bold]x[/bold]" in outcome.out


def test_a_face_that_the_engine_cannot_use_says_what_to_do(daemon: Any, faceauth: Run) -> None:
    daemon.list_faces.return_value = [{**FACE, "usable": False}]
    assert "enrol it again" in faceauth("list", "alice").out


@pytest.mark.parametrize("named", ["8d2f0a11", "8d2f", "office"])
def test_a_face_goes_by_id_start_of_id_or_label(named: str, daemon: Any, faceauth: Run) -> None:
    daemon.list_faces.return_value = [FACE, {**FACE, "id": "77aa", "label": "home"}]
    assert faceauth("rename", named, "desk", "-u", "alice").status == Exit.DONE
    daemon.rename_face.assert_called_once_with("alice", "8d2f0a11", "desk")
    assert faceauth("remove", named, "--user", "alice").status == Exit.DONE
    daemon.remove_face.assert_called_once_with("alice", "8d2f0a11")


@pytest.mark.parametrize(
    ("named", "status"),
    [("kitchen", Exit.NO), ("", Exit.NO), ("office", Exit.USAGE), ("8d2f", Exit.USAGE)],
)
def test_no_face_or_several_are_never_guessed(
    named: str, status: Exit, daemon: Any, faceauth: Run
) -> None:
    daemon.list_faces.return_value = [FACE, {**FACE, "id": "8d2fffff"}]
    outcome = faceauth("remove", named, "-u", "alice")
    assert outcome.status == status
    one_line(outcome)
    daemon.remove_face.assert_not_called()


def test_a_face_that_vanished_meanwhile_is_a_no(daemon: Any, faceauth: Run) -> None:
    daemon.remove_face.side_effect = NotEnrolledError("alice has no face 8d2f0a11")
    outcome = faceauth("remove", "office", "-u", "alice")
    assert outcome.status == Exit.NO
    assert one_line(outcome) == "alice has no face 8d2f0a11"


def test_clear_asks_unless_told_not_to(
    daemon: Any, faceauth: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.clear_faces.return_value = 2
    assert faceauth("clear", "alice", "--yes").out == "Removed 2 faces of alice\n"

    daemon.clear_faces.reset_mock()
    monkeypatch.setattr("cli.faces.has_terminal", lambda: False)
    outcome = faceauth("clear", "alice")
    assert outcome.status == Exit.USAGE
    assert "--yes" in one_line(outcome)

    monkeypatch.setattr("cli.faces.has_terminal", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert faceauth("clear", "alice").status == Exit.NO
    daemon.clear_faces.assert_not_called()

    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    assert faceauth("clear", "alice").status == Exit.DONE


def test_a_refusal_of_the_daemon_is_its_line_and_3(daemon: Any, faceauth: Run) -> None:
    daemon.clear_faces.side_effect = PermissionDeniedError("only root may clear others' faces")
    outcome = faceauth("clear", "alice", "--yes", "--json")
    assert outcome.status == Exit.DENIED
    assert one_line(outcome) == "only root may clear others' faces"


@pytest.mark.parametrize(
    ("loaded", "why"),
    [
        ("", "not now: no model is loaded"),
        (FACE["model"], "it is damaged"),
        ("another-v1", "another model is in use; enrol it again"),
    ],
)
def test_a_face_that_cannot_be_compared_and_why(
    loaded: str, why: str, daemon: Any, faceauth: Run
) -> None:
    daemon.list_faces.return_value = [{**FACE, "usable": False}]
    daemon.get_status.return_value = {"model": loaded}
    outcome = faceauth("list", "alice")
    assert outcome.status == Exit.DONE
    assert why in " ".join(outcome.out.split())
