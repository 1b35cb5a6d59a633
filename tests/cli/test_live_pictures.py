# SPDX-License-Identifier: MIT
"""The pictures of a live view: a file's own, and the camera's, which keep no worker waiting."""

import os
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest

from cli.live_pictures import CameraPictures, FilePictures
from faceauthd.camera.preview import AT_ONCE, LONG_SIDE, Preview
from tests.faceauthd.films import grey, number_of, write_clip


def test_a_file_s_pictures_are_found_by_their_index(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 20)
    with clip.open("rb") as file:
        os.lseek(file.fileno(), 7, os.SEEK_SET)
        pictures = FilePictures(file.fileno())
        found = [pictures.of(index) for index in (0, 1, 5, 19)]
        assert [number_of(one) for one in found if one is not None] == [0, 1, 5, 19]
        assert pictures.of(20) is None
        pictures.close()
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 7, "the daemon's place in it is its own"


def shown(pictures: CameraPictures) -> Preview:
    """A worker's end that shows pictures there."""
    assert pictures.fd is not None
    return Preview(os.dup(pictures.fd))


def test_the_camera_s_pictures_are_found_by_their_index() -> None:
    pictures = CameraPictures()
    preview = shown(pictures)
    for index in (3, 4, 6):
        preview.show(index, grey(index * 10))
    assert pictures.of(2) is None
    found = {index: pictures.of(index) for index in (4, 5, 6)}
    assert [index for index, image in found.items() if image is not None] == [4, 6]
    assert found[6] is not None and round(float(found[6].mean())) == 60
    preview.close()
    pictures.close()


def test_a_reader_who_is_slow_keeps_nobody_waiting() -> None:
    """A worker that waited would keep the camera open for whoever does not read."""
    pictures = CameraPictures()
    preview = shown(pictures)
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    for index in range(50):
        preview.show(index, noise)
    whole = [index for index in range(50) if pictures.of(index) is not None]
    assert 0 < len(whole) < 50
    assert whole == list(range(len(whole))), "the first ones, and these whole"
    preview.close()
    pictures.close()


def test_a_reader_who_left_hinders_nobody() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    preview = Preview(theirs.detach())
    ours.close()
    for index in range(3):
        preview.show(index, grey(128))
    preview.close()


def test_large_pictures_are_made_smaller() -> None:
    pictures = CameraPictures()
    preview = shown(pictures)
    preview.show(0, grey(128, 1920, 1080))
    image = pictures.of(0)
    assert image is not None
    assert image.shape == (LONG_SIDE * 1080 // 1920, LONG_SIDE, 3)
    preview.close()
    pictures.close()


def encoded(suffix: str) -> bytes:
    ok, data = cv2.imencode(suffix, grey(128))
    assert ok
    return data.tobytes()


def huge() -> bytes:
    """A JPEG that says it has 65,000 pixels a side: of its header, OpenCV would make gigabytes."""
    data = bytearray(encoded(".jpg"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = (65_000).to_bytes(2, "big") * 2
    return bytes(data)


@pytest.mark.parametrize("data", [encoded(".png"), encoded(".tiff"), huge(), encoded(".jpg")[:99]])
def test_root_decodes_nothing_but_the_jpeg_that_was_meant(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker, which sends them, may have been taken over by what it decoded."""

    def decoded(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("cv2.imdecode", decoded)
    pictures = CameraPictures()
    assert pictures.fd is not None
    os.write(pictures.fd, (0).to_bytes(8, "little") + data)
    assert pictures.of(0) is None
    pictures.close()


def test_pictures_of_frames_that_never_come_fill_no_memory() -> None:
    pictures = CameraPictures()
    preview = shown(pictures)
    for index in range(10 * AT_ONCE):
        preview.show(1000 + index, grey(128))
        assert pictures.of(0) is None
    assert len(pictures._come) <= AT_ONCE
    preview.show(0, grey(128))
    assert pictures.of(0) is not None
    preview.close()
    pictures.close()
