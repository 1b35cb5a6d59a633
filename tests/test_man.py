# SPDX-License-Identifier: MIT
"""The man pages: they are made without a warning, and name all there is."""

import runpy
from collections.abc import Iterator
from dataclasses import fields

import pytest

from cli.exits import Exit
from cli.main import VERBS
from faceauthd.config import SECTIONS
from faceauthd.results import Result
from tests.harness.data import ROOT


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Each page's words, by its file name; roff's escapes for hyphens are taken out."""
    module = runpy.run_path(str(ROOT / "docs" / "make_man.py"))
    made: Iterator[tuple[str, str]] = module["pages"]()
    return {name: roff.replace("\\-", "-").replace("\\", "") for name, roff in made}


def test_all_four_are_made(pages: dict[str, str]) -> None:
    assert sorted(pages) == ["faceauth.1", "faceauth.toml.5", "faceauthd.8", "pam_faceauth.8"]
    assert not [name for name, roff in pages.items() if "@" in roff]


def test_they_name_all_there_is(pages: dict[str, str]) -> None:
    for verb in VERBS:
        assert f"faceauth {verb}" in pages["faceauth.1"]
    for status in Exit:
        assert str(int(status)) in pages["faceauth.1"]
    for section in SECTIONS.values():
        assert all(one.name in pages["faceauth.toml.5"] for one in fields(section))
    assert all(result.value in pages["pam_faceauth.8"] for result in Result)
