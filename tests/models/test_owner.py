# SPDX-License-Identifier: MIT
"""Root in a folder of somebody else's: with that user's rights, and with its own afterwards."""

import os
from pathlib import Path

import pytest

from models.owner import as_owner
from tests.models.foreign import NOBODY, foreign_folder, needs_root

Rights = tuple[int, int, list[int]]


def rights() -> Rights:
    return os.geteuid(), os.getegid(), os.getgroups()


@needs_root
@pytest.mark.parametrize("below", [".", "models", "models/deeper"])
def test_root_has_the_rights_of_who_could_lead_it_elsewhere(below: str) -> None:
    before = rights()
    with foreign_folder() as theirs:
        (theirs / "models").mkdir()  # root's, in a folder whose owner may give it another name
        with as_owner(theirs / below):
            assert rights() == (NOBODY, NOBODY, [])
    assert rights() == before


@needs_root
def test_a_link_of_roots_is_followed(tmp_path: Path) -> None:
    with foreign_folder() as theirs:
        (tmp_path / "link").symlink_to(theirs)
        with as_owner(tmp_path / "link" / "models"):
            assert os.geteuid() == NOBODY


def test_in_folders_of_roots_or_for_anybody_else_nothing_changes(tmp_path: Path) -> None:
    before = rights()
    with as_owner(tmp_path / "new"):
        assert rights() == before


@needs_root
def test_whatever_happens_root_is_root_again() -> None:
    before = rights()
    with foreign_folder() as theirs, pytest.raises(ZeroDivisionError), as_owner(theirs):
        _ = 1 / 0
    assert rights() == before
