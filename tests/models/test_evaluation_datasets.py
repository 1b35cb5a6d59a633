# SPDX-License-Identifier: MIT
"""Reading labelled images, and what is said of a data set that is wrong."""

import os
from pathlib import Path

import pytest

from models.evaluation import datasets
from models.face import Box
from tests.harness.data import SHARED, needs

HEAD = "path,source,view,label,species,subject,box_x,box_y,box_w,box_h\n"


def manifest(folder: Path, *rows: str) -> Path:
    (folder / "manifest.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return folder


def test_manifest(tmp_path: Path) -> None:
    rows = (
        "a/f10.jpg,cam,fullframe,fake,print,p1,1,2,3,4",
        "a/f9.jpg,cam,fullframe,fake,print,p1,1,2,3,4",
        "a/r.jpg,cam,fullframe,real,,p1,,,,",
    )
    first, second, live = datasets.read(manifest(tmp_path, *rows))
    assert [first.path.name, second.path.name] == ["f9.jpg", "f10.jpg"]  # in the order of filming
    assert (first.species, first.live, first.box) == ("print", False, Box(1, 2, 3, 4))
    assert (live.species, live.live, live.box) == ("", True, None)
    assert first.session == second.session != live.session


def test_plain_folders(tmp_path: Path) -> None:
    for name in ("real/1.png", "fake/2.jpg", "fake/print/3.jpg", "fake/print/notes.txt", "4.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {one.path.name: one for one in datasets.read(tmp_path)}
    assert set(found) == {"1.png", "2.jpg", "3.jpg"}
    assert [found[name].species for name in sorted(found)] == ["", "unknown", "print"]
    assert [found[name].live for name in sorted(found)] == [True, False, False]


def test_recordings_keep_order(tmp_path: Path) -> None:
    rows = [f"{n}.jpg,cam,crop,real,,p,,,," for n in (3, 1, 2)]
    (one,) = datasets.recordings(datasets.read(manifest(tmp_path, *rows))).values()
    assert [sample.path.name for sample in one] == ["1.jpg", "2.jpg", "3.jpg"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.jpg,cam,crop,maybe,,p,,,,", 'line 2: the label is "maybe"'),
        ("../a.jpg,cam,crop,real,,p,,,,", "is not inside the data set"),
        (",cam,crop,real,,p,,,,", "is not inside the data set"),
        ("a.jpg,cam,crop,real,,p,1,2,x,4", "the box is not four numbers"),
        ("a.jpg,cam,crop,real,,p,1,2,0,4", "the box is empty"),
        ("a.jpg,cam,crop,real,,p,1,2,nan,4", "the box is not four numbers"),
        ("a.jpg,cam,crop,real,,p,nan,2,3,4", "the box is not four numbers"),
        ("a.jpg,cam,crop,real,,p,1,2,3,inf", "the box is not four numbers"),
        ("a\0.jpg,cam,crop,real,,p,,,,", "manifest.csv is not text"),
        ("a.jpg", 'the label is ""'),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(datasets.DatasetError) as caught:
        datasets.read(manifest(tmp_path, row))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_column_binary_file_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(datasets.DatasetError, match="holds no labelled images"):
        datasets.read(tmp_path)
    (tmp_path / "manifest.csv").write_text("path,label\n")
    with pytest.raises(datasets.DatasetError, match="the column source is missing"):
        datasets.read(tmp_path)
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(datasets.DatasetError, match="is not UTF-8"):
        datasets.read(tmp_path)


def test_a_list_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    with manifest.open("wb") as file:
        file.truncate(datasets.LARGEST_MANIFEST + 1)  # a hole, which takes no room
    with pytest.raises(datasets.DatasetError, match="cannot be read: Larger than 256 MiB"):
        datasets.read(tmp_path)
    manifest.unlink()
    os.mkfifo(manifest)
    with pytest.raises(datasets.DatasetError, match="cannot be read: Not a regular file"):
        datasets.lines_of(manifest)


def test_an_image_that_is_a_loop_of_links_is_named_when_it_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("a.jpg")
    (one,) = datasets.read(manifest(tmp_path, "a.jpg,cam,crop,real,,p,,,,"))
    assert one.path.name == "a.jpg"


def test_a_folder_of_any_encoding_has_a_name_that_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "fake" / os.fsdecode(b"pap\xe9")
    folder.mkdir(parents=True)
    (folder / "desk-1.jpg").touch()
    (one,) = datasets.read(tmp_path)
    assert (one.species, one.session) == (r"pap\xe9", r"fake/pap\xe9/desk")


def test_both_kinds_are_required(tmp_path: Path) -> None:
    live = datasets.read(manifest(tmp_path, "a.jpg,cam,crop,real,,p,,,,"))
    with pytest.raises(datasets.DatasetError, match="no images of attacks"):
        datasets.require_both_kinds(live)
    attack = datasets.read(manifest(tmp_path, "a.jpg,cam,crop,fake,print,p,,,,"))
    with pytest.raises(datasets.DatasetError, match="no images of live faces"):
        datasets.require_both_kinds(attack)


@needs("liveness/manifest.csv")
def test_the_real_manifest() -> None:
    samples = datasets.read(SHARED / "liveness")
    assert len(samples) == 4283
    assert sum(sample.live for sample in samples) == 2336
    assert len({sample.source for sample in samples}) == 26
    assert all(sample.box for sample in samples)
    assert all(sample.path.is_file() for sample in samples[::50])
