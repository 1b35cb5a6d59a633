# SPDX-License-Identifier: MIT
"""What stands in for a camera: opened by the daemon, shown by a worker that may open no files."""

from pathlib import Path

import pytest

from faceauthd.camera import stand_in
from faceauthd.camera.stand_in import is_stand_in, open_stand_in
from faceauthd.camera.terms import CameraError
from tests.faceauthd.films import STEP, encoded, grey, write_clip
from tests.faceauthd.supervised import Bench, run_until


def brightness(bench: Bench, device: Path) -> list[float]:
    """The brightness of the first three frames that the worker sees."""
    record = bench.scan(device=device)
    run_until(lambda: len(record.frames) >= 3 or record.ended)
    assert not record.ended
    record.stop()
    run_until(lambda: record.ended)
    return [seen.brightness for seen in record.frames[:3]]


def test_the_worker_shows_a_file_a_folder_and_where_a_link_leads(
    bench: Bench, tmp_path: Path
) -> None:
    folder, link = tmp_path / "pictures", tmp_path / "link"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(encoded(grey(100 + number * STEP)))
    bench.start()
    assert brightness(bench, folder) == [100, 110, 120]
    for target, first in ((write_clip(tmp_path / "clip.avi", 3), 0), (folder, 100)):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert brightness(bench, link)[0] == pytest.approx(first, abs=2)


def test_what_is_a_camera_and_what_stands_in_for_one(tmp_path: Path) -> None:
    assert [is_stand_in(device) for device in ("auto", "usb-cam", "/dev/null")] == [False] * 3
    assert not is_stand_in(("/dev/video9", "usb-cam"))
    assert is_stand_in(str(tmp_path)) and is_stand_in(str(tmp_path / "none.avi"))


def test_a_folder_that_cannot_be_shown_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CameraError, match="the folder holds no picture"):
        open_stand_in(str(tmp_path))
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    monkeypatch.setattr(stand_in, "LARGEST_ARCHIVE", 2000)
    with pytest.raises(CameraError, match="holds more than 0 MiB"):
        open_stand_in(str(tmp_path))
    monkeypatch.setattr(stand_in, "MOST_PICTURES", 1)
    with pytest.raises(CameraError, match="holds more than 1 pictures"):
        open_stand_in(str(tmp_path))


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CameraError) as raised:
        open_stand_in(str(tmp_path / "none.avi"))
    assert raised.value.why == "missing"
