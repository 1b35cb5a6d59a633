# SPDX-License-Identifier: MIT
"""models: what is installed is known by its hash, and every failure is one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from faceauthd.client import DaemonUnreachableError
from models.registry import models
from tests.cli.conftest import Run, one_line
from tests.harness.data import SHARED, needs

YUNET = SHARED / "models" / "yunet"


def states(faceauth: Run, folder: Path) -> dict[str, str]:
    answer = json.loads(faceauth("models", "--dir", str(folder), "list", "--json").out)
    return {model["name"]: model["state"] for model in answer["models"]}


def test_list_of_an_empty_folder(faceauth: Run, tmp_path: Path) -> None:
    found = states(faceauth, tmp_path / "missing")
    assert found.keys() == models().keys()
    assert found.pop("dlib") == found.pop("points68") == "installed"  # of a Python package
    assert set(found.values()) == {"missing"}


def test_what_one_may_not_look_at_is_not_damaged(
    faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_dir(_path: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_dir", is_dir)
    assert states(faceauth, tmp_path)["yunet"] == "unknown"
    outcome = faceauth("models", "--dir", str(tmp_path), "list")
    assert outcome.status == Exit.DONE
    assert outcome.err.startswith(f"faceauth: you may not look into {tmp_path}")


def test_the_folder_is_the_one_of_the_configuration(faceauth: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'models_dir = "{tmp_path}"\n')
    answer = json.loads(faceauth("models", "-c", str(config), "list", "--json").out)
    assert answer["folder"] == str(tmp_path)
    config.write_text("models_dir = 1\n")
    outcome = faceauth("models", "-c", str(config), "list")
    assert outcome.status == Exit.CONFIG
    one_line(outcome)


@needs("models/yunet")
def test_install_verify_damage_remove(faceauth: Run, daemon: Any, tmp_path: Path) -> None:
    here = ("models", "--dir", str(tmp_path))
    outcome = faceauth(*here, "install", "yunet", "--from", str(YUNET))
    assert outcome == (Exit.DONE, f"Installed yunet in {tmp_path / 'yunet'}\n", "")
    daemon.reload.assert_called_once_with()
    assert states(faceauth, tmp_path)["yunet"] == "installed"
    assert faceauth(*here, "verify", "yunet").status == Exit.DONE

    (file,) = (tmp_path / "yunet").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert states(faceauth, tmp_path)["yunet"] == "damaged"
    outcome = faceauth(*here, "verify", "yunet")
    assert outcome.status == Exit.NO
    assert "SHA-256 differs" in one_line(outcome)

    daemon.reload.side_effect = DaemonUnreachableError("no answer")
    outcome = faceauth(*here, "remove", "yunet")
    assert (outcome.status, outcome.out) == (Exit.DONE, "Removed yunet\n")
    assert "not running" in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were installed, which are empty folders here."""
    names: list[str] = []

    def install(name: str, folder: Path, *_: object) -> Path:
        names.append(name)
        (folder / name).mkdir()
        return folder / name

    monkeypatch.setattr("models.install.install", install)
    return names


def test_an_engine_comes_with_what_finds_its_faces(
    faceauth: Run, daemon: Any, put: list[str], tmp_path: Path
) -> None:
    here = ("models", "--dir", str(tmp_path), "install", "mobilefacenet")
    outcome = faceauth(*here)
    assert outcome.out == f"Installed mobilefacenet in {tmp_path / 'mobilefacenet'}\n"
    assert "yunet alone, which is installed as well" in outcome.err
    assert "not enrolled with mobilefacenet do not count with it" in outcome.err
    assert put == ["yunet", "mobilefacenet"]


def test_what_an_engine_lacks_is_said_where_it_cannot_be_fetched(
    faceauth: Run, daemon: Any, put: list[str], tmp_path: Path
) -> None:
    here = ("models", "--dir", str(tmp_path), "install", "mobilefacenet", "--from", str(tmp_path))
    outcome = faceauth(*here)
    assert outcome.status == Exit.DONE
    assert "yunet alone, which is missing: install it as well" in outcome.err
    assert put == ["mobilefacenet"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["install", "nosuch"], Exit.USAGE),
        (["verify", "../yunet"], Exit.USAGE),
        (["verify", "yunet"], Exit.NO),
        (["remove", "yunet"], Exit.NO),
        (["install", "dlib"], Exit.UNAVAILABLE),
        (["install", "yunet", "--from", "/nonexistent"], Exit.UNAVAILABLE),
        (["install", "minifasnet"], Exit.UNAVAILABLE),  # no address serves it
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], status: Exit, faceauth: Run, daemon: Any, tmp_path: Path
) -> None:
    outcome = faceauth("models", "--dir", str(tmp_path), *arguments)
    assert outcome.status == status
    one_line(outcome)
    assert list(tmp_path.iterdir()) == []
    daemon.reload.assert_not_called()


def test_a_folder_that_is_not_ours(faceauth: Run, daemon: Any, tmp_path: Path) -> None:
    # Not even root makes files there.
    outcome = faceauth("models", "--dir", "/sys", "install", "yunet", "--from", str(tmp_path))
    assert outcome.status == Exit.DENIED
    one_line(outcome)
