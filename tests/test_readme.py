# SPDX-License-Identifier: MIT
"""What README and docs tell people to type, and where they send them, is there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.harness.data import ROOT

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert not [link for link in local if not (page.parent / link).exists()]


def test_make_has_the_targets_that_are_named() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)\b", README))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"deps", "demo", "test", "bench"} <= named <= targets


def test_the_command_has_the_verbs_that_are_named() -> None:
    typed = "\n".join(re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
    named = set(re.findall(r"^(?:sudo )?faceauth ([a-z]+)", typed, re.MULTILINE))
    faceauth = Path(sys.executable).with_name("faceauth")
    text = subprocess.run([faceauth, "--help"], capture_output=True, text=True, check=True).stdout
    verbs = set(re.findall(r"^  ([a-z]+) ", text.partition("Commands:")[2], re.MULTILINE))
    assert {"add", "verify"} <= named <= verbs


def test_the_figures_are_those_that_the_bench_gives() -> None:
    """Not their values, which are of one machine, but each line and its number of runs."""
    bench = "".join(path.read_text() for path in (ROOT / "tests" / "bench").glob("*.py"))
    rows = re.findall(r"^\| ([a-z][^|]*?) \| \d+ \| \d+ \| \d+ \| \d+ \|$", README, re.MULTILINE)
    assert {"floor", "howdy's way", "faceauth --help"} <= set(rows)
    assert all(f'"{row}"' in bench for row in rows)
    runs = re.search(r"(\d+) runs", README)
    assert runs and int(runs[1]) >= 30


def test_changelog_opens_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (first, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first == version
