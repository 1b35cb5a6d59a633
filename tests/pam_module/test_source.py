# SPDX-License-Identifier: MIT
"""What anyone may check by reading: the size of the files, what they import, shared constants."""

import ast
import re
import sys
from pathlib import Path

import pytest

from faceauthd import results
from pam_module import account, arguments, attempt, contract, hosts
from tests.harness.data import ROOT

FOLDER = ROOT / "pam_module"
PYTHON = sorted(FOLDER.glob("*.py"))
ALLOWED = {
    *("__future__", "gettext", "posix", "pwd", "_socket", "struct", "sys", "time", "typing"),
    "pam_module",
}


@pytest.mark.parametrize("path", [*PYTHON, *FOLDER.glob("*.[ch]")], ids=lambda path: path.name)
def test_a_file_is_read_in_minutes(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 200
    assert "SPDX-License-Identifier: MIT" in text.splitlines()[0]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_the_standard_library_alone(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).partition(".")[0])
    assert imported <= ALLOWED
    assert ALLOWED - {"pam_module"} <= sys.stdlib_module_names


def test_the_contracts_names() -> None:
    assert results.BUS_NAME == contract.SERVICE
    assert results.OBJECT_PATH == contract.OBJECT_PATH
    assert results.INTERFACE == contract.INTERFACE
    assert results.SYSTEM_BUS == arguments.SYSTEM_BUS


def test_pams_numbers() -> None:
    """As Linux-PAM's header has them."""
    header = Path("/usr/include/security/_pam_types.h").read_text()
    defined = dict(re.findall(r"#define\s+(PAM_\w+)\s+(0x[0-9a-f]+|\d+)", header))
    ours = {name: value for name, value in vars(hosts).items() if name.startswith("PAM_")}
    assert len(ours) == 10
    assert ours == {name: int(defined[name], 0) for name in ours}


def test_loader_and_module_agree_on_time() -> None:
    source = (FOLDER / "phases.c").read_text()
    assert f"ACCOUNT_S = {account.TIMEOUT + 2:.0f} }}" in source
    assert f"TIMEOUT_S = {arguments.TIMEOUT}, TIMEOUT_MAX_S = {arguments.TIMEOUT_MAX}," in source


def test_the_page_lists_every_answer() -> None:
    page = (ROOT / "docs" / "pam.md").read_text()
    for word, (code, message) in attempt.RESULTS.items():
        name = {0: "SUCCESS", 7: "AUTH_ERR", 9: "AUTHINFO_UNAVAIL", 11: "MAXTRIES"}[code]
        if message:
            assert f"| `{word}` | `PAM_{name}` | {message} |" in page
        elif word != "password-typed":
            assert f"`{word}`" in page
