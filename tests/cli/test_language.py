# SPDX-License-Identifier: MIT
"""The translations: complete, true to their placeholders, and shown to who asks for them."""

import ast
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


# What measures or diagnoses is English everywhere (docs/decisions/0006-languages.md).
ENGLISH = {"doctor.py", "evaluate.py", "liveness_evaluate.py"}
SHOWN = {"say": [0], "prompt": [0], "confirm": [0], "answer": [1], "table": [0]}


def words(node: ast.expr) -> bool:
    """Whether an expression has words of ours in it that no catalogue is asked for."""
    if isinstance(node, ast.Call):  # of a function, or "…".format(…)
        return isinstance(node.func, ast.Attribute) and words(node.func.value)
    parts = ast.iter_child_nodes(node)
    if isinstance(node, ast.FormattedValue):
        return words(node.value)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and any(map(str.isalpha, node.value))
    inner = (ast.JoinedStr, ast.BinOp, ast.IfExp, ast.Tuple, ast.List)
    return isinstance(node, inner) and any(words(p) for p in parts if isinstance(p, ast.expr))


def unmarked(path: Path) -> Iterator[str]:
    """Where a file of the command shows words that are not marked, or are marked in vain."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            inner = (call for call in ast.walk(node) if isinstance(call, ast.Call))
            if any(isinstance(c.func, ast.Name) and c.func.id in ("_", "plural") for c in inner):
                yield f"{path.name}:{node.lineno}: babel does not look into f-strings"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            shown = [node.args[n] for n in SHOWN.get(node.func.attr, []) if n < len(node.args)]
            if any(map(words, shown)):
                yield f"{path.name}:{node.lineno}: {ast.unparse(node)}"


def test_no_answer_is_in_english_alone() -> None:
    files = [path for path in (ROOT / "cli").glob("*.py") if path.name not in ENGLISH]
    assert not [place for path in files for place in unmarked(path)]


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
