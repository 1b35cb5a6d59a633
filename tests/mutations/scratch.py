# SPDX-License-Identifier: MIT
"""A copy of the tree with a Python of its own, in which tests run against changed sources.

What a test starts is the copy's too: worker and daemon run ``sys.executable``, and that is a
virtual environment that finds our packages in the copy and all others where they are installed.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.harness.data import ROOT
from tests.test_linters import project_files

HANG_GUARD = 600  # seconds for one run of pytest


@dataclass(frozen=True)
class Outcome:
    """How many tests passed, failed, and did neither (errors of fixtures, skipped ones)."""

    passed: int
    failed: int
    neither: int
    output: str

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.neither} neither"


class Scratch:
    """``with Scratch() as scratch: … scratch.run(tests)``; ``tree`` is the copy."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="faceauth-mutations-")
        folder = Path(self._folder.name)
        folder.chmod(0o755)  # some tests play other users
        self.tree = folder / "tree"
        for path in project_files():
            target = self.tree / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)
        (folder / "shared").symlink_to(ROOT.parent / "shared")
        self._make_python(self.tree / ".venv")
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def run(self, tests: Sequence[str], *, first: bool = False) -> Outcome:
        """The outcome of these tests in the copy; with ``first``, of those up to a failure."""
        report = Path(self._folder.name) / "report.xml"
        report.unlink(missing_ok=True)
        command = [
            *(self._python, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(f"--junitxml={report}", *(["--exitfirst"] if first else []), *tests),
        ]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=self.tree,
                env=environment,
                capture_output=True,
                text=True,
                timeout=HANG_GUARD,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(0, 0, 1, "it hung")
        if not report.exists():
            return Outcome(0, 0, 1, done.stdout + done.stderr)
        counts = ET.parse(report).getroot()[0].attrib  # noqa: S314 - pytest wrote it just now
        ran, failed = int(counts["tests"]), int(counts["failures"])
        neither = int(counts["errors"]) + int(counts["skipped"])
        return Outcome(ran - failed - neither, failed, neither, done.stdout)

    def _make_python(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self._python = str(folder / "bin" / "python")
        (site,) = folder.glob("lib/python3*/site-packages")
        (site / "mutations.pth").write_text(f"{self.tree}\n{sysconfig.get_path('purelib')}\n")
        for command in ("faceauth", "faceauthd"):
            script = (Path(sys.executable).with_name(command)).read_text().splitlines()
            (folder / "bin" / command).write_text("\n".join([f"#!{self._python}", *script[1:]]))
            (folder / "bin" / command).chmod(0o755)
