# SPDX-License-Identifier: MIT
"""The translations: complete, true to their placeholders, and shown to who asks for them."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from tests.harness.data import ROOT

TEMPLATES = [ROOT / "cli/locale/faceauth.pot", ROOT / "pam_module/locale/pam_faceauth.pot"]
TRANSLATIONS = [
    (template, path)
    for template in TEMPLATES
    for path in sorted(template.parent.glob(f"*/LC_MESSAGES/{template.stem}.po"))
]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "packaging" / "make_catalogue.py"))


def catalogue(path: Path) -> dict[str | tuple[str, ...], Message]:
    with path.open("rb") as file:
        return by_text(read_po(file))


def by_text(catalogue: Catalog) -> dict[str | tuple[str, ...], Message]:
    return {
        tuple(one.id) if isinstance(one.id, list | tuple) else one.id: one
        for one in catalogue
        if one.id
    }


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{[^}]*\}", text))


def test_the_templates_have_all_texts(script: dict[str, Any]) -> None:
    """Run ``make translations`` after changing a text, then translate what is new."""
    make: Callable[[], Iterator[tuple[Path, Catalog]]] = script["templates"]
    made = dict(make())
    assert sorted(made) == sorted(TEMPLATES)
    for path, texts in made.items():
        assert catalogue(path).keys() == by_text(texts).keys()


def test_both_speak_the_same_languages() -> None:
    spoken = [{path.parts[-3] for made, path in TRANSLATIONS if made == one} for one in TEMPLATES]
    assert spoken[0] == spoken[1] == {"de"}


@pytest.mark.parametrize(("template", "path"), TRANSLATIONS)
def test_a_language_is_complete_and_keeps_the_placeholders(template: Path, path: Path) -> None:
    translated = catalogue(path)
    assert translated.keys() == catalogue(template).keys()
    for text, message in translated.items():
        originals = (text,) if isinstance(text, str) else text
        string = message.string or ""
        strings = (string,) if isinstance(string, str) else string
        assert all(strings), f"{path.parts[-3]}: not translated: {text!r}"
        wanted = set().union(*map(fields, originals))
        assert all(fields(one) == wanted for one in strings), f"{path.parts[-3]}: {text!r}"


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        ({"LANG": "de_DE.UTF-8"}, "Aufruf: faceauth"),
        ({"LC_ALL": "de_AT.UTF-8", "LANG": "C"}, "Aufruf: faceauth"),
        ({"LANG": "xx_XX.UTF-8"}, "Usage: faceauth"),
        ({}, "Usage: faceauth"),
    ],
)
def test_help_in_the_language_asked_for(
    variable: dict[str, str], shown: str, script: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "cli", tmp_path / "cli")
    compile_below: Callable[[Path], None] = script["compile_below"]
    compile_below(tmp_path / "cli" / "locale")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from cli.main import run; "
    done = subprocess.run(
        [sys.executable, "-c", program + "run(['--help'])"],
        cwd="/",
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **variable},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.startswith(shown), done.stdout + done.stderr
