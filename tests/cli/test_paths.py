# SPDX-License-Identifier: MIT
"""Files and folders that a command line names, and that nobody can look at: one line each."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import config_file, liveness_collect
from cli.exits import Exit
from tests.cli.conftest import Run, one_line

NOBODY = 65534
TAKE_A_PATH = [
    ["add", "alice", "--from-video", "PATH"],
    ["add", "alice", "--from-images", "PATH"],
    ["test", "--write", "PATH"],
    ["evaluate", "recognition", "PATH"],
    ["evaluate", "recognition", "--pairs", "PATH"],
    ["liveness", "collect", "PATH", "--real"],
    ["liveness", "collect", "data", "PATH", "--real"],
    ["liveness", "train", "PATH", "out"],
    ["liveness", "train", "data", "PATH"],
    ["liveness", "evaluate", "PATH"],
    ["liveness", "evaluate", "data", "-m", "PATH"],
    ["liveness", "install", "PATH", "data"],
    ["liveness", "list", "-d", "PATH"],
    ["models", "-d", "PATH", "list"],
    ["models", "install", "sface", "--from", "PATH"],
    ["pam", "--root", "PATH", "status"],
    ["store", "restore", "PATH"],
]


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that this process may not enter, root's or not; the one above it all may read."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "locked"
        folder.mkdir(mode=0)
        folder.parent.chmod(0o755)
        config = folder.with_name("config.toml")
        config.write_text(f'models_dir = "{folder / "models"}"\n')
        config.chmod(0o644)
        (folder.parent / "etc").symlink_to(folder)
        (folder.parent / "clips").mkdir(mode=0o755)
        (folder.parent / "clips" / "secret.mp4").touch(mode=0)
        if root:
            os.seteuid(NOBODY)
        yield folder
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.fixture
def people() -> Iterator[Path]:
    """Two people with an image each, which all may read."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        for name in ("ada", "bob"):
            (folder / name).mkdir(mode=0o755)
            (folder / name / "1.jpg").touch()
        yield folder


@pytest.mark.parametrize("command", TAKE_A_PATH, ids=" ".join)
def test_a_name_that_leads_nowhere(
    command: list[str], faceauth: Run, daemon: Any, tmp_path: Path
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path, why in (("x" * 300, "File name too long"), (str(loop), "Too many levels"), ("", "")):
        outcome = faceauth(*(path if word == "PATH" else word for word in command))
        assert outcome.status == Exit.USAGE
        assert why in one_line(outcome)


@pytest.mark.parametrize("command", TAKE_A_PATH, ids=" ".join)
def test_what_lies_in_a_folder_that_one_may_not_enter(
    command: list[str], faceauth: Run, daemon: Any, locked: Path
) -> None:
    outcome = faceauth(*(str(locked / "x") if word == "PATH" else word for word in command))
    assert outcome.status == Exit.USAGE
    assert "Permission denied" in one_line(outcome)


def test_the_configuration_in_such_a_folder(faceauth: Run, locked: Path) -> None:
    for rest in (["show"], ["get", "verify.fmr"], ["set", "verify.fmr", "0.001"]):
        outcome = faceauth("config", "-c", str(locked / "x"), *rest)
        assert outcome.status == Exit.DENIED
        assert one_line(outcome) == f"{locked / 'x'}: Permission denied"


@pytest.mark.parametrize("verb", [["disable"], ["config", "set", "verify.fmr", "0.001"]])
def test_a_configuration_that_is_a_loop_of_links(
    verb: list[str], faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    monkeypatch.setenv("FACEAUTH_CONFIG", str(loop))
    outcome = faceauth(*verb)
    assert outcome.status == Exit.CONFIG
    assert "Too many levels" in one_line(outcome)


def test_a_folder_that_cannot_be_locked_does_not_keep_faces_on(
    faceauth: Run, daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError(9, "Bad file descriptor")  # as on NFS, for a folder

    monkeypatch.setattr(config_file, "PATIENCE", 0)
    monkeypatch.setattr("cli.config_file.fcntl.flock", refuse)
    file = tmp_path / "config.toml"
    file.touch()
    assert faceauth("disable", "-c", str(file)).status == Exit.DONE
    assert file.read_text() == "disabled = true\n"


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (["liveness", "collect", "data", "--real"], True),
        (["liveness", "evaluate", "data"], True),
        (["evaluate", "recognition", "PEOPLE", "--no-cache"], True),
        (["liveness", "rollback"], False),
        (["liveness", "list"], False),
    ],
    ids=str,
)
def test_the_daemons_models_are_not_for_everybody_to_look_at(
    command: list[str], advice: bool, faceauth: Run, daemon: Any, people: Path, locked: Path
) -> None:
    named = [str(people) if word == "PEOPLE" else word for word in command]
    outcome = faceauth(*named, "-c", str(locked.with_name("config.toml")))
    assert outcome.status == Exit.DENIED
    line = one_line(outcome)
    assert line.startswith(str(locked / "models"))
    assert ("Permission denied; run this with sudo" in line) == advice


def test_a_model_that_one_may_not_look_at_is_not_a_no(faceauth: Run, locked: Path) -> None:
    config = locked.with_name("config.toml")
    outcome = faceauth("models", "-c", str(config), "verify", "yunet")
    assert outcome.status == Exit.DENIED
    assert "Permission denied" in one_line(outcome)


def test_pam_files_that_one_may_not_look_at(faceauth: Run, locked: Path) -> None:
    outcome = faceauth("pam", "--root", str(locked.parent), "status", "sudo")
    assert (outcome.status, outcome.err) == (Exit.NO, "")


def test_a_clip_that_one_may_not_read_is_named(
    faceauth: Run, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_collect, "finder", lambda *_: None)
    clip = locked.with_name("clips") / "secret.mp4"
    given = (str(locked.with_name("data")), str(clip.parent), "--real")
    outcome = faceauth("liveness", "collect", *given)
    assert outcome.status == Exit.NO
    assert outcome.err == f"faceauth: {clip}: Permission denied; nothing of it was added\n"
    assert outcome.out == "nothing was added\n"


def test_who_has_no_home_names_a_place_for_embeddings(
    faceauth: Run, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    outcome = faceauth("evaluate", "recognition", str(people))
    assert outcome.status == Exit.USAGE
    assert "use --cache or --no-cache" in one_line(outcome)
