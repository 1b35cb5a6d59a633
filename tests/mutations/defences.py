# SPDX-License-Identifier: MIT
"""The defences that SECURITY.md claims: each with the change that takes it away, and its test.

They lie in ``*.toml`` beside this file. A change is a text of one source file that occurs there
once, and what stands there with the defence off. It is never applied to this tree (``scratch``).
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.harness.data import ROOT

SECURITY = ROOT / "SECURITY.md"
TABLE_START, TABLE_END = "<!-- defences -->\n", "<!-- /defences -->\n"


@dataclass(frozen=True)
class Defence:
    """One defence.

    name   its name in SECURITY.md
    file   the source file that holds it, seen from the tree's root
    old    its text there
    new    what stands there when it is off
    tests  pytest's names of tests, of which at least one must then fail
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def take_away(self, tree: Path) -> None:
        """Switches it off in a copy of the tree."""
        path = tree / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text occurs {text.count(self.old)} times")
        path.write_text(text.replace(self.old, self.new))


def load(folder: Path = Path(__file__).parent) -> list[Defence]:
    """All defences, in the order of the files and of what is in them."""
    return [
        Defence(**{**table, "tests": tuple(table["tests"])})
        for path in sorted(folder.glob("*.toml"))
        for table in tomllib.loads(path.read_text())["defence"]
    ]


def table(defences: Sequence[Defence]) -> str:
    """The defences as SECURITY.md lists them."""
    rows = [
        f"| `{one.name}` | `{one.file}` | {'<br>'.join(_short(test) for test in one.tests)} |"
        for one in defences
    ]
    head = ["| defence | where it is | fails without it |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows]) + "\n"


def write_table(defences: Sequence[Defence]) -> None:
    """Puts the table into SECURITY.md, between its marks."""
    before, _, rest = SECURITY.read_text().partition(TABLE_START)
    after = rest.partition(TABLE_END)[2]
    SECURITY.write_text(f"{before}{TABLE_START}{table(defences)}{TABLE_END}{after}")


def _short(test: str) -> str:
    file, _, name = test.partition("::")
    return f"`{file.removeprefix('tests/')}::{name}`"
