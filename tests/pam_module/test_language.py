# SPDX-License-Identifier: MIT
"""The PAM module's language: root's choice, and English where anything is wrong with it."""

import runpy
import shutil
from pathlib import Path

import pytest

from pam_module import language
from pam_module.attempt import PROMPT
from tests.harness.data import ROOT


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the system that says its language; it is not there yet."""
    path = tmp_path / "locale.conf"
    monkeypatch.setattr(language, "SETTINGS", (str(tmp_path / "none"), str(path)))
    return path


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The German catalogue, made as an installation makes it."""
    shutil.copytree(ROOT / "pam_module" / "locale", tmp_path / "locale")
    runpy.run_path(str(ROOT / "packaging/make_catalogue.py"))["compile_below"](tmp_path / "locale")
    monkeypatch.setattr(language, "FOLDER", str(tmp_path / "locale"))
    return tmp_path / "locale/de/LC_MESSAGES/pam_faceauth.mo"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LANG=de_DE.UTF-8\n", "de"),
        ('# set by localectl\nLC_TIME=C\n LANG = "de_AT"\n', "de"),
        ("LANG='fr'\nLANG=de\n", "fr"),
        ("LANG=C.UTF-8\n", "C"),
        ("LANG=../../etc/de\n", ""),
        ("LANG=\u00e4\u00f6\n", ""),
        ("LANGUAGE=de\n", ""),
        ("LANG", ""),
        ("", ""),
    ],
)
def test_what_root_has_set(settings: Path, text: str, expected: str) -> None:
    settings.write_text(text)
    assert language.system_language() == expected


def test_without_a_setting_it_is_english(settings: Path) -> None:
    assert language.translated(PROMPT) == PROMPT


def test_german(settings: Path, catalogue: Path) -> None:
    settings.write_text("LANG=de_DE.UTF-8\n")
    assert language.translated(PROMPT).startswith("Passwort")
    assert language.translated("no message of ours") == "no message of ours"


@pytest.mark.parametrize("content", [b"", b"\xde\x12\x04\x95" + b"\xff" * 40, None])
def test_a_damaged_catalogue_costs_words_alone(
    settings: Path, catalogue: Path, content: bytes | None
) -> None:
    settings.write_text("LANG=de_DE.UTF-8\n")
    catalogue.unlink() if content is None else catalogue.write_bytes(content)
    assert language.translated(PROMPT) == PROMPT


def test_the_callers_environment_has_no_say(
    settings: Path, catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    assert language.translated(PROMPT) == PROMPT
