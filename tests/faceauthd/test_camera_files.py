# SPDX-License-Identifier: MIT
"""Files as cameras, and files to enrol from: what is read, what is refused in one clear line."""

import io
import os
import struct
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from faceauthd.camera import CameraError, Frame, open_source
from faceauthd.camera.picture import decode
from faceauthd.config import CameraConfig
from tests.faceauthd.films import STEP, encoded, grey, number_of, tar_of, write_clip
from tests.harness.data import SHARED, needs


def descriptors() -> dict[str, str]:
    """Our open file descriptors and what they are."""
    links = Path("/proc/self/fd").iterdir()
    return {link.name: str(link.readlink()) for link in links if link.exists()}


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


def configured(path: Path, *, paced: bool = False, rotate: int = 0) -> CameraConfig:
    return CameraConfig(device=str(path), paced=paced, rotate=rotate)


def frames(camera: CameraConfig, count: int) -> list[Frame]:
    with closing(open_source(camera)) as source:
        return list(islice(source.frames(), count))


def passed(path: Path) -> list[Frame]:
    """All frames of a file that a caller passed."""
    with closing(open_source(CameraConfig(), os.open(path, os.O_RDONLY))) as source:
        return list(source.frames())


def refusal(path: Path) -> CameraError:
    """The error, the same whether the file is configured or passed."""
    with pytest.raises(CameraError) as refused_as_camera:
        frames(configured(path), 1)
    with pytest.raises(CameraError) as refused:
        passed(path)
    assert refused.value.text.isprintable()
    assert refused.value.why == refused_as_camera.value.why
    return refused_as_camera.value


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# What is read.


def test_a_passed_clip_gives_every_frame_once_with_its_media_time(tmp_path: Path) -> None:
    seen = passed(write_clip(tmp_path / "clip.avi", 12, fps=25))
    assert [number_of(frame.image) for frame in seen] == list(range(12))
    assert [frame.index for frame in seen] == list(range(12))
    assert [frame.at for frame in seen] == pytest.approx([n / 25 for n in range(12)], abs=1e-3)


def test_a_configured_clip_loops_and_its_time_runs_on(tmp_path: Path) -> None:
    seen = frames(configured(write_clip(tmp_path / "clip.avi", 4)), 10)
    assert [number_of(frame.image) for frame in seen] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert all(a.at < b.at for a, b in pairwise(seen))


def test_a_paced_clip_is_not_ahead_of_its_time(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 8, fps=50)
    with closing(open_source(configured(clip, paced=True))) as source:
        seen = list(islice(source.frames(), 20))
    # Frames may be dropped on a slow machine, so only what holds on every machine is asserted.
    assert all(a.index < b.index and a.at < b.at for a, b in pairwise(seen))
    assert all(number_of(frame.image) == frame.index % 8 for frame in seen)


def test_a_clip_is_turned(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 2, width=64, height=48)
    assert frames(configured(clip, rotate=90), 1)[0].image.shape == (64, 48, 3)
    assert frames(configured(clip, rotate=180), 1)[0].image.shape == (48, 64, 3)


def test_a_link_is_followed_at_each_opening(tmp_path: Path) -> None:
    small, large = tmp_path / "small.avi", tmp_path / "large.avi"
    write_clip(small, 2), write_clip(large, 2, width=128, height=96)
    link = tmp_path / "camera"
    link.symlink_to(small)
    assert frames(configured(link), 1)[0].image.shape == (48, 64, 3)
    link.unlink()
    link.symlink_to(large)
    assert frames(configured(link), 1)[0].image.shape == (96, 128, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_a_folder_shows_its_pictures_by_name(tmp_path: Path, suffix: str) -> None:
    for number in (2, 0, 1):
        written(tmp_path / f"{number}{suffix}", encoded(grey(number * STEP), suffix))
    written(tmp_path / ".hidden.png", b"no picture")
    written(tmp_path / "notes.txt", b"no picture")
    (tmp_path / "folder.png").mkdir()
    seen = frames(configured(tmp_path), 4)
    assert [number_of(frame.image) for frame in seen] == [0, 1, 2, 0]


def test_a_single_picture_is_a_camera(tmp_path: Path) -> None:
    picture = written(tmp_path / "one.png", encoded(grey(70)))
    assert [number_of(frame.image) for frame in frames(configured(picture), 3)] == [7, 7, 7]
    assert [number_of(frame.image) for frame in passed(picture)] == [7]


def test_pictures_of_changing_size_are_shown(tmp_path: Path) -> None:
    written(tmp_path / "a.png", encoded(grey(10, 64, 48)))
    written(tmp_path / "b.png", encoded(grey(20, 200, 100)))
    assert [f.image.shape for f in frames(configured(tmp_path), 2)] == [(48, 64, 3), (100, 200, 3)]


def test_an_archive_shows_its_pictures_by_name(tmp_path: Path) -> None:
    long_name = "ü" * 120 + ".png"  # needs an extended header
    files = {f"{n}.png": encoded(grey(n * STEP)) for n in (1, 0)} | {long_name: encoded(grey(90))}
    seen = passed(written(tmp_path / "pictures.tar", tar_of(files | {"notes.txt": b"no picture"})))
    assert [number_of(frame.image) for frame in seen] == [0, 1, 9]


def test_only_regular_files_of_an_archive_are_read(tmp_path: Path) -> None:
    secret = written(tmp_path / "secret.png", encoded(grey(200)))
    archive = tmp_path / "links.tar"
    with tarfile.open(archive, "w:") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"{int(kind)}.png")
            member.type, member.linkname = kind, str(secret)
            tar.addfile(member)
    assert "holds no picture" in refusal(archive).text


def test_a_file_that_cannot_be_opened_again_is_read_through_its_descriptor(tmp_path: Path) -> None:
    """The daemon has no right to a user's file, but the user lent it."""
    clip = write_clip(tmp_path / "clip.avi", 3)
    fd = os.open(clip, os.O_RDONLY)
    clip.unlink()
    with closing(open_source(CameraConfig(), fd)) as source:
        assert len(list(source.frames())) == 3


@needs("video/talking-head")
@pytest.mark.parametrize("clip", ["talking-head/videoretalking_1.mp4", "pairs/apfol/genuine.webm"])
def test_real_clips_are_read_whole(clip: str) -> None:
    seen = passed(SHARED / "video" / clip)
    assert len(seen) == {"mp4": 135, "webm": 214}[clip.rsplit(".", 1)[1]]
    assert all(a.at < b.at for a, b in pairwise(seen))
    assert all(frame.image.std() > 10 for frame in seen[::40])


# What is refused.


def png_header(width: int, height: int) -> bytes:
    """A PNG file that is all header: it asks for width × height pixels and holds none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc + b"\0\0\0\0IEND\xaeB`\x82"


def jpeg_with_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(grey(50), ".jpg"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_with_size(width: int, height: int) -> bytes:
    data = bytearray(cv2.imencode(".webp", grey(50), [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes())
    data[26:30] = struct.pack("<HH", width, height)
    return bytes(data)


def bmp_with_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(grey(50), ".bmp"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


PICTURE, JPEG = encoded(grey(100)), encoded(np.eye(64, dtype=np.uint8) * 255, ".jpg")

BAD_PICTURES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "text": (b"this is no picture", "is no"),
    "cut png": (PICTURE[:-20], "cut short"),
    "cut png header": (PICTURE[:18], "cut short"),
    "cut jpeg": (JPEG[:-30], "cut short"),
    "cut jpeg header": (JPEG[:20], "cut short"),
    "cut webp": (encoded(grey(100), ".webp")[:-8], "cut short"),
    "cut bmp": (encoded(grey(100), ".bmp")[:-8], "cut short"),
    "bmp bomb": (bmp_with_size(60000, -60000), "60000×60000"),
    "damaged png": (PICTURE[:50] + bytes(20) + PICTURE[70:], "damaged"),
    "1x1": (encoded(grey(0, 1, 1)), "1×1"),
    "31x31": (encoded(grey(0, 31, 31)), "31×31"),
    "8000x8000": (png_header(8000, 8000), "8000×8000"),
    "png bomb": (png_header(2**31 - 1, 2**31 - 1), "2147483647×2147483647"),
    "jpeg bomb": (jpeg_with_size(65535, 65535), "65535×65535"),
    "webp bomb": (webp_with_size(16383, 16383), "16383×16383"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
@pytest.mark.parametrize("within", ["alone", "folder", "archive"])
def test_a_bad_picture_is_named_and_refused(tmp_path: Path, name: str, within: str) -> None:
    data, reason = BAD_PICTURES[name]
    if within == "folder":
        written(tmp_path / "bad.png", data)
        with pytest.raises(CameraError) as refused:
            frames(configured(tmp_path), 1)
        error = refused.value
    elif within == "archive":
        error = refusal(written(tmp_path / "pictures.tar", tar_of({"bad.png": data})))
    else:
        error = refusal(written(tmp_path / "bad.png", data))
    assert (error.why, "\n" in error.text) == ("broken", False)
    assert reason in error.text
    assert within == "alone" or "bad.png" in error.text


def test_a_real_8000x8000_picture_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "huge.jpg", encoded(np.zeros((8000, 8000), np.uint8), ".jpg"))
    assert "8000×8000" in refusal(path).text


def test_a_picture_in_the_middle_that_is_bad_ends_the_film(tmp_path: Path) -> None:
    archive = tar_of({"a.png": PICTURE, "b.png": PICTURE[:-20], "c.png": PICTURE})
    with pytest.raises(CameraError, match=r"b\.png is cut short"):
        passed(written(tmp_path / "pictures.tar", archive))


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: JPEG[:100] + tail))
@example(b"\xff\xd8\xff" + b"\xff" * 40)
@example(b"RIFF\0\0\0\0WEBPVP8X")
@settings(max_examples=150)
def test_no_bytes_do_more_to_a_picture_than_refuse_it(data: bytes) -> None:
    try:
        image = decode(data, "it")
    except CameraError as error:
        assert error.why == "broken"
    else:
        assert image.ndim == 3


BAD_FILES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda _: b"", "empty"),
    "text": (lambda _: b"not a film at all\n" * 50, "no video"),
    "cut mp4": (lambda _: b"\0\0\0\x20ftypisom" + bytes(2000), "no video"),
    "cut webm": (lambda _: b"\x1aE\xdf\xa3" + b"\x01" * 2000, "no video"),
    "cut avi": (lambda tmp: write_clip(tmp / "c.avi", 9).read_bytes()[:1000], "c"),
    "tiny film": (lambda tmp: write_clip(tmp / "t.avi", 3, width=16, height=16).read_bytes(), "16"),
    "wide film": (lambda tmp: wide_film(tmp).read_bytes(), "4200"),
    "empty archive": (lambda _: tar_of({"a.txt": b"x"}), "holds no picture"),
    "cut archive": (lambda _: tar_of({"a.png": PICTURE})[:600], "no archive"),
    "damaged archive": (lambda _: tar_of({"a.png": PICTURE}).replace(b"0000644", b"zzzzzzz"), ""),
}


def wide_film(tmp: Path) -> Path:
    return write_clip(tmp / "wide.avi", 2, width=4200, height=64)


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_film_is_refused(tmp_path: Path, name: str) -> None:
    make, reason = BAD_FILES[name]
    error = refusal(written(tmp_path / "film", make(tmp_path)))
    assert error.why == "broken"
    assert reason in error.text


def test_a_film_that_breaks_off_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "clip.avi", 20)
    broken = written(tmp_path / "broken.avi", whole.read_bytes()[: whole.stat().st_size * 4 // 5])
    assert 1 <= len(passed(broken)) < 20


@given(st.data())
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_archive_does_more_than_be_refused(tmp_path: Path, data: st.DataObject) -> None:
    archive = bytearray(tar_of({"a.png": PICTURE, "ü" * 120 + ".png": PICTURE}))
    for _ in range(data.draw(st.integers(1, 8))):
        archive[data.draw(st.integers(0, 511))] = data.draw(st.integers(0, 255))
    try:
        passed(written(tmp_path / "fuzzed.tar", bytes(archive)))
    except CameraError as error:
        assert error.why == "broken"


def test_an_archive_that_asks_for_more_memory_than_it_has_is_refused(tmp_path: Path) -> None:
    """A long name of 900 GiB in a file with a hole: tarfile would read all of it."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 900 << 30
    path = written(tmp_path / "hole.tar", member.tobuf(tarfile.GNU_FORMAT))
    os.truncate(path, 1 << 40)
    assert "larger than" in refusal(path).text


def test_an_archive_of_too_many_pictures_is_refused(tmp_path: Path) -> None:
    archive = tar_of({f"{n}.png": b"" for n in range(2001)})
    assert "more than 2000 pictures" in refusal(written(tmp_path / "many.tar", archive)).text
    archive = tar_of({f"{n}.txt": b"" for n in range(4002)})
    assert "more than 4000 files" in refusal(written(tmp_path / "many.tar", archive)).text


@pytest.mark.parametrize("name", ["pipe", "zero", "folder"])
def test_a_passed_file_must_be_a_file(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    path = "/dev/zero" if name == "zero" else tmp_path / name
    with pytest.raises(CameraError, match="no regular file") as refused:
        open_source(CameraConfig(), os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    assert refused.value.why == "refused"


def test_a_pipe_as_the_camera_does_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CameraError, match="no regular file"):
        open_source(configured(tmp_path / "pipe"))


def test_a_camera_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CameraError) as refused:
        open_source(configured(tmp_path / "none.mp4"))
    assert refused.value.why == "missing"


# A film that points elsewhere.


class Visitors(BaseHTTPRequestHandler):
    """Counts who comes."""

    count = 0

    def do_GET(self) -> None:
        Visitors.count += 1
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output stays clean."""


@pytest.fixture
def server() -> Iterator[str]:
    Visitors.count = 0
    with HTTPServer(("127.0.0.1", 0), Visitors) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/film.mp4"
        http.shutdown()
        thread.join()


PLAYLISTS: dict[str, str] = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n#{}\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_reaches_no_network_and_no_other_file(
    tmp_path: Path, server: str, kind: str
) -> None:
    other = write_clip(tmp_path / "other.avi", 3)
    for target in (server, str(other), other.as_uri()):
        playlist = tmp_path / f"film.{kind}"
        playlist.write_text(PLAYLISTS[kind].format(target))
        assert refusal(playlist).why == "broken"
    assert Visitors.count == 0


def test_a_playlist_dressed_as_a_film_reaches_nothing(tmp_path: Path, server: str) -> None:
    """Past our own look at the first bytes: FFmpeg itself must not follow it."""
    playlist = PLAYLISTS["m3u8"].format(server).encode()
    dressed = io.BytesIO()
    dressed.write(b"\0\0\0\x10ftypisom\0\0\0\0" + playlist)
    assert refusal(written(tmp_path / "film.mp4", dressed.getvalue())).why == "broken"
    assert Visitors.count == 0


def test_an_address_as_the_camera_is_no_file(server: str) -> None:
    with pytest.raises(CameraError) as refused:
        open_source(CameraConfig(device=server))
    assert refused.value.why == "missing"
    assert Visitors.count == 0
