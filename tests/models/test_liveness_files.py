# SPDX-License-Identifier: MIT
"""A folder of files is there as a whole, or not at all."""

import os
from pathlib import Path

import pytest

from models.liveness.files import write_folder


def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "a", {"x": b"1"})
    with pytest.raises(FileExistsError):
        write_folder(tmp_path / "a", {"x": b"2"})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_folder(tmp_path / "b", {"x": b"3"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "x").read_bytes() == b"1"


def test_another_user_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_folder(tmp_path / "a", {"model.onnx": b"1", "report/index.html": b"2"})
    finally:
        os.umask(before)
    for folder in ("a", "a/report"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "model.onnx").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "a" / "report" / "index.html").read_bytes() == b"2"
