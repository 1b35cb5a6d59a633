# SPDX-License-Identifier: MIT
"""Who may import whom: the rules of docs/architecture.md, read off the sources.

Imports inside functions count too: a rule that a late import can break is no rule.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.data import ROOT

OURS = {"faceauthd", "pam_module", "cli", "models", "tests"}

# What of the client side the command may use; never the daemon's inside.
CLI_MAY_USE = {
    "faceauthd.client",
    "faceauthd.results",
    "faceauthd.config",
    "faceauthd.camera",
}


def sources(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("*.py")


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, at the top or anywhere inside."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def offenders(folder: str, forbidden: set[str]) -> list[str]:
    """The imports in ``folder`` whose top level is forbidden there."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(folder)
        for name in imports(path)
        if name.split(".")[0] in forbidden
    ]


def test_models_imports_nothing_of_the_others() -> None:
    assert not offenders("models", OURS - {"models"})


def test_daemon_imports_of_ours_only_models() -> None:
    assert not offenders("faceauthd", OURS - {"faceauthd", "models"})


def test_command_imports_only_the_client_side() -> None:
    inside = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("cli")
        for name in imports(path)
        if name.startswith("faceauthd.")
        and not any(name == allowed or name.startswith(f"{allowed}.") for allowed in CLI_MAY_USE)
    ]
    assert not inside
    assert not offenders("cli", {"tests", "pam_module"})


def test_pam_module_imports_the_standard_library_alone() -> None:
    foreign = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("pam_module")
        for name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names | {"pam_module"}
    ]
    assert not foreign


def test_only_the_tests_import_the_tests() -> None:
    assert not [
        offender for folder in OURS - {"tests"} for offender in offenders(folder, {"tests"})
    ]


@pytest.mark.parametrize("library", ["tensorflow", "keras"])
def test_daemon_never_imports_what_trains(library: str) -> None:
    assert not offenders("faceauthd", {library})


def test_training_is_imported_inside_functions_of_models_alone() -> None:
    """So that no module of models drags TensorFlow into a process that only imports it."""
    at_the_top = [
        str(path.relative_to(ROOT))
        for path in sources("models")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and {"tensorflow", "keras"} & {name.split(".")[0] for name in names_of(node)}
    ]
    assert not at_the_top


def names_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""]


def test_pydbus_is_known_to_two_files() -> None:
    users = {
        str(path.relative_to(ROOT))
        for folder in OURS - {"tests"}
        for path in sources(folder)
        if any(name.split(".")[0] == "pydbus" for name in imports(path))
    }
    assert users <= {"faceauthd/bus.py", "faceauthd/calls.py"}
