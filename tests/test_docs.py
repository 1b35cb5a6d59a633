# SPDX-License-Identifier: MIT
"""The documentation: the site builds without a warning, and its example does what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.scripted import scripted_service
from tests.harness.bus import PrivateBus
from tests.harness.data import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "verify.py"


def test_the_site_builds(tmp_path: Path) -> None:
    """``make docs``: no link leads nowhere, no page that the menu names is missing."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "-q",
            "-f",
            ".mkdocs.yml",
            "-d",
            tmp_path,
        ],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "index.html").exists()


@pytest.mark.parametrize(("result", "status"), [("match", 0), ("no-match", 1)])
def test_the_example_client(result: str, status: int) -> None:
    with PrivateBus() as bus, scripted_service(bus) as start:
        start(Verify={"reply": [result, {"reason": "because"}]})
        done = subprocess.run(
            [sys.executable, EXAMPLE], env=bus.environment(), capture_output=True, text=True
        )
    assert (done.returncode, done.stdout) == (status, f"{result} because\n"), done.stderr


def test_a_client_in_ten_lines() -> None:
    shown = EXAMPLE.read_text().split("# --8<-- ")[1].splitlines()[1:]
    assert len([line for line in shown if line]) <= 10


@pytest.mark.parametrize(
    ("package", "title"),
    [
        ("faceauthd", "The daemon's modules"),
        ("pam_module", "The PAM module"),
        ("cli", "The command's modules"),
        ("models", "The models"),
    ],
)
def test_the_way_into_the_code_names_each_module_and_none_that_is_gone(
    package: str, title: str
) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.split(f"## {title}\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", section))
    folder = ROOT / package
    there = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
    assert there - named == set()
    assert [name for name in named if not (folder / name).exists()] == []
