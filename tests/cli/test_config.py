# SPDX-License-Identifier: MIT
"""config: what is in effect, and changes that are checked, atomic and keep the comments."""

import fcntl
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cli import config_file
from cli.exits import Exit
from faceauthd.client import DaemonUnreachableError
from faceauthd.config import LARGEST_FILE, load
from faceauthd.results import InvalidArgumentError, PermissionDeniedError
from tests.cli.conftest import Run, one_line

TEXT = """# who is let in
[verify]
fmr = 1e-4  # as NIST asks
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faceauth: Run) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    monkeypatch.setenv("FACEAUTH_CONFIG", str(path))
    return path


def test_path_names_the_file(file: Path, faceauth: Run) -> None:
    assert faceauth("config", "path").out == f"{file}\n"
    assert faceauth("config", "--file", "/x/y", "path").out == "/x/y\n"


def test_show_gives_a_configuration_with_the_same_meaning(
    file: Path, faceauth: Run, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text(faceauth("config", "show").out)
    assert load(copy) == load(file)
    assert json.loads(faceauth("config", "show", "--json").out)["verify"]["frames"] == 10


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("verify.frames", "10"),
        ("verify.liveness", '["passive"]'),
        ("disabled", "false"),
        ("engine", "auto"),
        ("service.sudo.confirm", "enter"),
        ('service."sudo"', 'confirm = "enter"'),
    ],
)
def test_get(key: str, shown: str, file: Path, faceauth: Run) -> None:
    assert faceauth("config", "get", key) == (Exit.DONE, f"{shown}\n", "")


@pytest.mark.parametrize("key", ["x", "verify.x", "engine.x", "", "a b", "a=1", "a\nb", "a.#", "."])
def test_get_of_no_such_setting(key: str, file: Path, faceauth: Run) -> None:
    outcome = faceauth("config", "get", key)
    assert outcome.status == Exit.USAGE
    one_line(outcome)


def test_set_changes_one_thing_and_tells_the_daemon(file: Path, faceauth: Run, daemon: Any) -> None:
    file.chmod(0o640)
    assert faceauth("config", "set", "verify.fmr", "1e-5").status == Exit.DONE
    assert file.read_text() == TEXT.replace("1e-4", "1e-5")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]
    daemon.reload.assert_called_once_with()


@pytest.mark.parametrize(
    ("key", "value", "effect"),
    [
        ("engine", "dlib", "dlib"),
        ("engine", '"dlib"', "dlib"),
        ("disabled", "true", True),
        ("service.swaylock.liveness", "[]", []),
        ('service."org.example.locker".timeout', "3", 3.0),
        ("camera.device", "/dev/v4l/by-id/usb-Camera", "/dev/v4l/by-id/usb-Camera"),
        ("camera.allow_virtual", '["Integrated", "OBS"]', ["Integrated", "OBS"]),
    ],
)
def test_set_takes_toml_and_forgives_missing_quotes(
    key: str, value: str, effect: object, file: Path, faceauth: Run, daemon: Any
) -> None:
    answer = json.loads(faceauth("config", "set", key, value, "--json").out)
    assert answer == {"file": str(file), "key": key, "value": effect}
    assert set(TEXT.splitlines()) < set(file.read_text().splitlines())
    assert json.loads(faceauth("config", "get", key, "--json").out) == effect


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("verify.fmr", "2"),
        ("verify.fmr", "nan"),
        ("verify.frames", "ten"),
        ("verify.frames", "10\nliveness = []"),
        ("verify.liveness", '["passive", "psychic"]'),
        ("verfy.fmr", "1e-5"),
        ("service.SUDO.fmr", "1e-5"),
        ("camera.device", "a\x1b[31m"),
        ("lockout.final", "1"),
    ],
)
def test_set_never_writes_what_the_daemon_would_refuse(
    key: str, value: str, file: Path, faceauth: Run, daemon: Any
) -> None:
    outcome = faceauth("config", "set", key, value)
    assert outcome.status == Exit.CONFIG
    assert str(file) in one_line(outcome)
    assert file.read_text() == TEXT
    daemon.reload.assert_not_called()


def test_set_through_a_value_is_refused(file: Path, faceauth: Run, daemon: Any) -> None:
    outcome = faceauth("config", "set", "verify.fmr.x", "1")
    assert outcome.status == Exit.USAGE
    assert one_line(outcome) == "verify.fmr.x: fmr is a value and not a section"


def test_set_makes_a_missing_file_and_follows_links(
    file: Path, faceauth: Run, daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = file.with_name("link.toml")
    link.symlink_to(file)
    assert faceauth("config", "--file", str(link), "set", "disabled", "true").status == Exit.DONE
    assert link.is_symlink()
    assert "disabled = true" in file.read_text()

    new = file.with_name("new.toml")
    assert faceauth("config", "--file", str(new), "set", "disabled", "true").status == Exit.DONE
    assert new.read_text() == "disabled = true\n"
    assert stat.S_IMODE(new.stat().st_mode) == 0o644


def test_set_without_a_daemon_is_done_and_says_so(file: Path, faceauth: Run, daemon: Any) -> None:
    daemon.reload.side_effect = DaemonUnreachableError("no answer")
    outcome = faceauth("config", "set", "disabled", "true")
    assert outcome.status == Exit.DONE
    assert "not running and takes it when it starts" in outcome.err


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidArgumentError("x"), Exit.USAGE), (PermissionDeniedError("x"), Exit.DENIED)],
)
def test_a_daemon_that_does_not_reload_is_no_success(
    error: Exception, status: Exit, file: Path, faceauth: Run, daemon: Any
) -> None:
    daemon.reload.side_effect = error
    outcome = faceauth("config", "set", "disabled", "true")
    assert outcome.status == status
    assert "faceauthd goes on as before: x" in one_line(outcome)


@pytest.mark.parametrize(
    "content", [b"[verify", b"\xff", b"unknown = 1", b"[verify]\nfmr = 'x'", b"[[[" * 9999]
)
def test_a_wrong_file_is_one_line_everywhere(content: bytes, file: Path, faceauth: Run) -> None:
    file.write_bytes(content)
    for verb in (["show"], ["check"], ["get", "engine"], ["set", "disabled", "true"]):
        outcome = faceauth("config", *verb)
        assert outcome.status == Exit.CONFIG
        one_line(outcome)
    assert file.read_bytes() == content


def test_no_change_is_lost_to_another(
    file: Path, faceauth: Run, daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else reads the file while it is changed, and so would write over that."""
    replace, alone = config_file.replace, []

    def watched(path: Path, text: str) -> None:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone.append(text)
        finally:
            os.close(folder)
        replace(path, text)

    monkeypatch.setattr(config_file, "replace", watched)
    assert faceauth("config", "set", "verify.fmr", "1e-5").status == Exit.DONE
    assert alone == [file.read_text()]


def test_nobody_who_may_read_the_folder_holds_up_a_change(
    file: Path, faceauth: Run, daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_file, "PATIENCE", 0.0)
    folder = os.open(file.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        assert faceauth("disable").status == Exit.DONE
    finally:
        os.close(folder)
    assert load(file).disabled


@pytest.mark.parametrize("odd", ["folder", "fifo", "/dev/zero", "large", "no TOML"])
def test_what_is_no_configuration_is_said_to_be_none(
    odd: str, file: Path, faceauth: Run, daemon: Any, tmp_path: Path
) -> None:
    path = Path(odd) if odd.startswith("/") else tmp_path / odd
    if odd == "folder":
        path.mkdir()
    elif odd == "fifo":
        os.mkfifo(path)
    elif odd == "large":
        path.write_bytes(b"#" * (LARGEST_FILE + 1))
    elif odd == "no TOML":
        path.write_text("[verify")
    outcome = faceauth("config", "--file", str(path), "set", "verify.frames", "3")
    assert outcome.status == Exit.CONFIG
    assert str(path) in one_line(outcome)


def test_check(file: Path, faceauth: Run, tmp_path: Path) -> None:
    assert faceauth("config", "check") == (Exit.DONE, f"{file} is in order\n", "")
    missing = tmp_path / "missing.toml"
    outcome = faceauth("config", "check", str(missing))
    assert outcome.status == Exit.CONFIG
    assert "no such file" in one_line(outcome)
    for odd in (str(tmp_path), "/dev/zero"):
        assert faceauth("config", "check", odd).status == Exit.CONFIG


def test_a_file_that_is_not_ours_to_write(faceauth: Run, daemon: Any) -> None:
    # Not even root makes files there.
    outcome = faceauth("config", "--file", "/sys/faceauth.toml", "set", "disabled", "true")
    assert outcome.status == Exit.DENIED
    one_line(outcome)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``editor("sed -i …")``: what the person's editor does to the draft."""
    monkeypatch.setattr("cli.config.has_terminal", lambda: True)
    folder = tmp_path / "bin"
    folder.mkdir()

    def use(command: str) -> None:
        program = folder / "my editor"
        program.write_text(f'#!/bin/sh -e\n{command} "$1"\n')
        program.chmod(0o755)
        monkeypatch.setenv("VISUAL", f"'{program}'")

    return use


def test_edit_installs_what_was_edited(file: Path, faceauth: Run, daemon: Any, editor: Any) -> None:
    editor("sed -i s/1e-4/1e-5/")
    assert faceauth("config", "edit") == (Exit.DONE, f"{file} is changed\n", "")
    assert "1e-5" in file.read_text()
    daemon.reload.assert_called_once_with()


def test_nobody_edits_what_they_could_not_keep(
    file: Path, faceauth: Run, editor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(f"touch {tmp_path}/opened")
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)
    outcome = faceauth("config", "edit")
    assert outcome.status == Exit.DENIED
    assert f"you may not write in {file.parent}" in one_line(outcome)
    assert not (tmp_path / "opened").exists()


def test_edit_writes_over_nobody_unasked(
    file: Path, faceauth: Run, daemon: Any, editor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])

    def confirm(*_: object, **__: object) -> bool:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody waits for the answer
        finally:
            os.close(folder)
        return next(answers)

    monkeypatch.setattr("click.confirm", confirm)
    editor(f"echo 'disabled = true' > '{file}'\nsed -i s/1e-4/1e-5/")
    outcome = faceauth("config", "edit")
    assert outcome.status == Exit.CONFIG
    assert "changed by somebody else meanwhile" in outcome.err
    assert load(file).disabled
    file.write_text(TEXT)
    assert faceauth("config", "edit").status == Exit.DONE
    assert load(file).verify.fmr == 1e-5


def test_edit_without_a_change_does_nothing(
    file: Path, faceauth: Run, daemon: Any, editor: Any
) -> None:
    editor("true")
    assert faceauth("config", "edit") == (Exit.DONE, f"{file} is unchanged\n", "")
    daemon.reload.assert_not_called()


def test_edit_never_installs_a_wrong_configuration(
    file: Path, faceauth: Run, daemon: Any, editor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    editor("sed -i s/1e-4/9/")
    outcome = faceauth("config", "edit")
    assert outcome.status == Exit.CONFIG
    assert "verify.fmr: 9 is wrong" in outcome.err
    assert "nothing was changed" in outcome.err
    assert file.read_text() == TEXT

    editor("false")
    assert faceauth("config", "edit").status == Exit.UNAVAILABLE
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    assert faceauth("config", "edit").status == Exit.UNAVAILABLE
    monkeypatch.setenv("VISUAL", "'unbalanced")
    assert faceauth("config", "edit").status == Exit.UNAVAILABLE
