# SPDX-License-Identifier: MIT
"""The list of defences fits the sources and SECURITY.md; `make mutations` tries each."""

import ast
import re
from collections import Counter

import pytest

from tests.harness.data import ROOT
from tests.mutations.defences import SECURITY, TABLE_END, TABLE_START, Defence, load, table

DEFENCES = load()


def named(defence: Defence) -> str:
    return defence.name


@pytest.mark.parametrize("defence", DEFENCES, ids=named)
def test_a_defence_is_where_it_is_said_to_be(defence: Defence) -> None:
    assert (ROOT / defence.file).read_text().count(defence.old) == 1
    assert defence.old != defence.new
    assert not defence.file.startswith("tests/")


@pytest.mark.parametrize("defence", DEFENCES, ids=named)
def test_its_tests_exist(defence: Defence) -> None:
    assert defence.tests
    for test in defence.tests:
        file, _, name = test.partition("::")
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text()))
            if isinstance(node, ast.FunctionDef)
        }
        assert name.partition("[")[0] in functions, test


def test_no_name_is_used_twice() -> None:
    assert [name for name, count in Counter(map(named, DEFENCES)).items() if count > 1] == []


def test_security_md_lists_them_all_and_names_no_other() -> None:
    text = SECURITY.read_text()
    before, _, rest = text.partition(TABLE_START)
    listed, _, after = rest.partition(TABLE_END)
    assert listed == table(DEFENCES), "python -m tests.mutations --write-table writes it anew"
    rows = [line for line in (before + after).splitlines() if line.startswith("| ")]
    claimed = {name for line in rows for name in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", line)}
    assert claimed == set(map(named, DEFENCES))
