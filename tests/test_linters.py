# SPDX-License-Identifier: MIT
"""The linters, and the rules of docs/style.md that a program can check, run as tests."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.data import ROOT

LINES_ARE_MANY = 400  # docs/style.md: a file is under about this long
LINES_ARE_TOO_MANY = 500

# A path of somebody's machine has no place in a project that runs on any.
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|root)/|/home/(?!alice\b|bob\b)\w+/")
COMMENTED = {".py", ".c", ".h", ".sh", ".toml", ".conf", ".service", ".policy", ".xml"}
THIS_FILE = Path(__file__).resolve()


def project_files() -> list[Path]:
    """What git tracks or would track: no build output, no ignored file."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    """The file's text; None where it is binary."""
    data = path.read_bytes()
    return None if b"\0" in data else data.decode()


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--quiet"],
        ["ruff", "format", "--check", "--quiet"],
        ["mypy", "--strict", "--no-error-summary"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_linter_has_nothing_to_say(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_source_opens_with_its_licence() -> None:
    missing = []
    for path in project_files():
        text = text_of(path)
        script = text is not None and text.startswith("#!")
        if text is None or not (path.suffix in COMMENTED or script):
            continue
        if "SPDX-License-Identifier: MIT" not in "\n".join(text.splitlines()[:3]):
            missing.append(str(path.relative_to(ROOT)))
    assert not missing


def test_no_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in project_files()
        if path != THIS_FILE and (text := text_of(path)) is not None
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


def test_files_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in project_files()
        if path.suffix in {".py", ".c"}
    }
    for name, lines in lengths.items():
        if LINES_ARE_MANY < lines <= LINES_ARE_TOO_MANY:
            print(f"{name} is {lines} lines long: is it still one idea?")
    assert not {name: lines for name, lines in lengths.items() if lines > LINES_ARE_TOO_MANY}
