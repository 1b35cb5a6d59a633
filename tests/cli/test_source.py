# SPDX-License-Identifier: MIT
"""What enrolment may look at instead of the camera, and what is refused before it leaves us."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cli import source
from cli.exits import Exit
from faceauthd.results import EnrollFailedError
from tests.cli.conftest import Run, one_line


@pytest.fixture
def sent(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What reached the daemon through the descriptor of each enrolment."""
    contents: list[bytes] = []

    def enroll(*_: object, source_fd: int, **__: object) -> str:
        contents.append(os.fdopen(os.dup(source_fd), "rb").read())
        return "1"

    daemon.enroll.side_effect = enroll
    monkeypatch.setattr("cli.faces.reauthenticate", lambda _: None)
    return contents


def test_a_video_is_handed_over_open(sent: list[bytes], faceauth: Run, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    assert faceauth("add", "alice", "--from-video", str(clip)).status == Exit.DONE
    assert sent == [b"frames"]


def test_images_are_packed_in_order_without_their_names(
    sent: list[bytes], faceauth: Run, tmp_path: Path
) -> None:
    for name in ("secret-b.JPG", "a.png", "notes.txt", "c.webp"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "link.bmp").symlink_to(tmp_path / "a.png")
    assert faceauth("add", "alice", "--from-images", str(tmp_path)).status == Exit.DONE
    with tarfile.open(fileobj=io.BytesIO(sent[0])) as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        contents = {name: file.read() for name, file in members.items() if file}
    assert contents == {
        "0000.png": b"a.png",
        "0001.webp": b"c.webp",
        "0002.bmp": b"a.png",
        "0003.jpg": b"secret-b.JPG",
    }


@pytest.mark.parametrize("what", ["video", "images"])
def test_what_is_handed_over_cannot_be_changed_any_more(what: str, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"a")
    fd = source.open_source(*((image, None) if what == "video" else (None, tmp_path))).fd
    assert fd is not None
    assert str(Path(f"/proc/self/fd/{fd}").readlink()).startswith(
        "/memfd:"
    )  # no profile's business
    try:
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0)
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0
    finally:
        os.close(fd)


def test_an_image_that_fails_goes_by_its_own_name(
    daemon: Any, faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.faces.reauthenticate", lambda _: None)
    (tmp_path / "holiday.JPG").write_bytes(b"x")
    daemon.enroll.side_effect = EnrollFailedError("0000.jpg is cut short, 0001.jpg is not")
    outcome = faceauth("add", "alice", "--from-images", str(tmp_path))
    assert outcome.status == Exit.NO
    assert one_line(outcome) == f"{tmp_path / 'holiday.JPG'} is cut short, 0001.jpg is not"


def refused(outcome: Any, *, saying: str) -> None:
    assert outcome.status == Exit.USAGE
    assert saying in one_line(outcome)


def test_bad_videos(sent: list[bytes], faceauth: Run, tmp_path: Path) -> None:
    empty, fifo = tmp_path / "empty.mp4", tmp_path / "fifo"
    empty.touch()
    os.mkfifo(fifo)
    cases = {
        tmp_path / "missing.mp4": "No such file",
        tmp_path: "is a folder",
        empty: "is empty",
        fifo: "not a regular file",
        Path("/dev/zero"): "not a regular file",
    }
    for path, saying in cases.items():
        refused(faceauth("add", "alice", "--from-video", str(path)), saying=saying)
    assert sent == []


def test_bad_folders(sent: list[bytes], faceauth: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    cases = {
        tmp_path / "missing": "No such file",
        tmp_path / "notes.txt": "Not a directory",
        tmp_path: "no images (.bmp, .jpeg, .jpg, .png, .webp)",
    }
    for path, saying in cases.items():
        refused(faceauth("add", "alice", "--from-images", str(path)), saying=saying)

    (tmp_path / "empty.png").touch()
    refused(faceauth("add", "alice", "--from-images", str(tmp_path)), saying="is empty")
    assert sent == []


def test_too_much_is_refused(
    sent: list[bytes], faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(source.MOST_BYTES + 1)  # a hole: it takes no room on the disk
    refused(faceauth("add", "alice", "--from-images", str(tmp_path)), saying="too large together")

    video = ("--from-video", str(tmp_path / "large.png"))
    refused(faceauth("add", "alice", *video), saying="is too large; at most 512 MB")

    monkeypatch.setattr(source, "MOST_IMAGES", 1)
    (tmp_path / "second.png").write_bytes(b"x")
    refused(faceauth("add", "alice", "--from-images", str(tmp_path)), saying="holds 2 images")
    assert sent == []


def test_one_source_at_a_time(faceauth: Run, daemon: Any, tmp_path: Path) -> None:
    both = ("--from-video", str(tmp_path), "--from-images", str(tmp_path))
    refused(faceauth("add", "alice", *both), saying="exclude each other")
