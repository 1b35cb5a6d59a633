# SPDX-License-Identifier: MIT
"""Folders of people, and lists of pairs: what they say, and one line for each way to be wrong."""

from pathlib import Path

import pytest

from models.evaluation import pairs, people
from models.evaluation.datasets import DatasetError
from tests.harness.data import SHARED, needs


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_images_by_person(tmp_path: Path) -> None:
    touch(
        tmp_path / "bob" / "10.JPG",
        tmp_path / "bob" / "9.jpg",
        tmp_path / "bob" / "notes.txt",
        tmp_path / "ann" / "1.png",
        tmp_path / "readme.txt",
    )
    found = people.read(tmp_path)
    assert not found.recorded
    assert [(one.person, [path.name for path in one.files]) for one in found.sessions] == [
        ("ann", ["1.png"]),
        ("bob", ["9.jpg"]),
        ("bob", ["10.JPG"]),
    ]


def test_recorded_sessions(tmp_path: Path) -> None:
    touch(
        tmp_path / "ann" / "monday" / "2.jpg",
        tmp_path / "ann" / "monday" / "10.jpg",
        tmp_path / "ann" / "tuesday.mp4",
        tmp_path / "ann" / "empty" / "notes.txt",
        tmp_path / "bob" / "monday.webm",
    )
    found = people.read(tmp_path)
    assert found.recorded
    assert [(one.person, [path.name for path in one.files]) for one in found.sessions] == [
        ("ann", ["2.jpg", "10.jpg"]),
        ("ann", ["tuesday.mp4"]),
        ("bob", ["monday.webm"]),
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "does not hold images of two people"),
        (["ann/1.jpg", "2.jpg"], "does not hold images of two people"),
        (["ann/1.jpg", "bob/monday/1.jpg"], "mixes images of people"),
    ],
)
def test_wrong_folders(files: list[str], said: str, tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in files))
    with pytest.raises(DatasetError, match=said) as caught:
        people.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        people.read(tmp_path / "missing")


LISTED = "Al_Pacino\t1\t2\nAJ_Lamas\t1\tZach_Safrin\t12\n"


@pytest.mark.parametrize("header", ["", "10\t300\n", "1\n", "\n"])
def test_pairs_with_and_without_a_header(header: str, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(header + LISTED)
    first, second = pairs.read(file, tmp_path)
    assert first.first.path == tmp_path / "Al_Pacino" / "Al_Pacino_0001.jpg"
    assert (first.first.person, first.second.person) == ("Al_Pacino", "Al_Pacino")
    assert second.second.path == tmp_path / "Zach_Safrin" / "Zach_Safrin_0012.jpg"
    assert len(pairs.pictures([first, second, first])) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lists no pair"),
        ("10 300\n", "lists no pair"),
        (LISTED + "10\t300\n", "line 3: a pair is NAME N N, or NAME N NAME N"),
        ("Al_Pacino 1\n", "line 1: a pair is"),
        ("Al_Pacino 1 two\n", 'line 1: "two" is not the number'),
        ("Al_Pacino 1 -2\n", 'line 1: "-2" is not the number'),
        ("../etc 1 2\n", 'line 1: "../etc" is not a name'),
        (".. 1 2\n", "is not a name"),
        ("\x80", "cannot be read"),
    ],
)
def test_wrong_lists(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(DatasetError) as caught:
        pairs.read(file, tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@needs("people/lfw-dev")
def test_lfws_own_list() -> None:
    folder = SHARED / "people" / "lfw-dev"
    listed = pairs.read(folder / "pairsDevTest.txt", folder)
    same = [pair.first.person == pair.second.person for pair in listed]
    assert (same.count(True), same.count(False)) == (500, 500)
    assert all(picture.path.is_file() for picture in pairs.pictures(listed))
