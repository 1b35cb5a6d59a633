# SPDX-License-Identifier: MIT
"""faceauth test: what is said of a frame, drawn, filmed and put on a terminal."""

import json
import os
import re
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cli.exits import Exit
from cli.live_drawing import blocks, boxed, captioned, facts, is_good, line
from cli.live_film import Film
from cli.live_screen import ENTER, LEAVE
from faceauthd.results import BusyError, PermissionDeniedError
from models.face import Image
from tests.cli.conftest import Run, one_line
from tests.faceauthd.films import number_of, write_clip
from tests.harness.data import needs
from tests.harness.people import VIDEO
from tests.harness.rig import Rig

FRAME: dict[str, Any] = {
    "index": 0,
    "at": 0.5,
    "faces": 1,
    "small": 0,
    "brightness": 120.4,
    "size": [640, 480],
    "hint": "scanning",
    "in_a_row": 3,
    "needed": 10,
    "threshold": 0.412,
    "liveness_needed": {"m": 0.4},
    "box": [200.0, 100.0, 160.0, 200.0],
    "sharpness": 55.0,
    "yaw": 0.12,
    "liveness": {"m": 0.93},
    "score": 0.871,
    "user": "alice",
    "label": "office",
}
EMPTY = {
    key: FRAME[key]
    for key in ("at", "small", "brightness", "size", "in_a_row", "needed", "threshold")
} | {"index": 1, "faces": 0, "hint": "look-at-camera", "liveness_needed": {"m": 0.4}}
ENDED = FRAME | {"index": 2, "in_a_row": 10, "result": "match", "reason": "the face was recognised"}


def grey(level: int = 128, width: int = 640, height: int = 480) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def watching(*frames: dict[str, Any]) -> Callable[..., int]:
    """A client's ``watch`` that shows these frames."""

    def watch(on_frame: Callable[[dict[str, Any]], None], *_: Any, **__: Any) -> int:
        for frame in frames:
            on_frame(frame)
        return len(frames)

    return watch


# In words


def test_a_frame_in_words() -> None:
    said = facts(FRAME)
    assert said["face"] == "alice (office)"
    assert said["score"] == "0.871 against 0.412"
    assert said["liveness m"] == "0.93 against 0.40"
    assert said["quality"] == "sharpness 55, turned +0.12"
    assert said["in a row"] == "3 of 10"
    assert facts(ENDED)["result"] == "match (the face was recognised)"
    assert facts(EMPTY | {"small": 2})["faces"] == "0, 2 too small"
    assert facts(EMPTY).keys() == {"frame", "faces", "light", "in a row", "hint"}


@pytest.mark.parametrize("key", ["user", "label", "reason"])
def test_what_a_terminal_would_obey_is_made_harmless(key: str) -> None:
    said = line(ENDED | {key: "x\x1b[2J\u202e"})
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\x1b" in said


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"score": 0.41}, False),
        ({"liveness": {"m": 0.39}}, False),
        ({"liveness": {}}, False),
    ],
)
def test_a_good_frame_is_the_user_s_and_live(change: dict[str, Any], good: bool) -> None:
    assert is_good(FRAME | change) is good
    assert not is_good(EMPTY)


# In a picture


def test_the_box_is_drawn_in_the_picture_s_own_scale() -> None:
    for picture in (grey(), grey(width=320, height=240)):
        scale = picture.shape[1] / 640
        image = boxed(picture, FRAME)
        changed = np.argwhere((image != picture).any(axis=2)) / scale
        assert np.abs(changed.min(axis=0) - (100, 200)).max() <= 6
        assert np.abs(changed.max(axis=0) - (300, 360)).max() <= 6
        assert (picture == 128).all(), "what came in stays"
    edge = boxed(grey(), FRAME)[100, 280].tolist()
    refused = boxed(grey(), FRAME | {"score": 0.1})[100, 280].tolist()
    assert edge[1] > edge[2] and refused[2] > refused[1], "green and red"


def test_a_caption_is_written_whatever_it_says() -> None:
    assert (captioned(grey(), FRAME | {"user": "日本語"})[:200, :350] > 150).any()
    assert (captioned(grey(), EMPTY) != grey()).any()


def test_a_caption_of_many_models_stays_on_its_strip() -> None:
    models = {f"minifasnet-v{number}": 0.5 for number in range(6)}
    frame = EMPTY | {"liveness": models, "liveness_needed": models}
    assert (captioned(grey(), frame)[:, 360:] == 128).all()


def test_half_blocks_show_the_picture() -> None:
    picture = grey(0)
    picture[:, 320:] = (0, 0, 255)
    lines = blocks(picture, 40, 100)
    assert len(lines) == 15, "as wide as there is room, and as high as it is then"
    for one in lines:
        cells = re.findall(r"\x1b\[38;5;(\d+);48;5;(\d+)m▀", one)
        assert len(cells) == 40
        assert cells[0] == ("16", "16") and cells[-1] == ("196", "196")
    assert len(blocks(picture, 400, 10)) == 10


# In a video


def test_a_film_has_each_picture_at_the_rate_of_their_times(tmp_path: Path) -> None:
    film = Film(tmp_path / "out.avi")
    for number in range(25):
        film.add(number / 20, grey(number * 10, 64, 48))
    film.close()
    video = cv2.VideoCapture(str(tmp_path / "out.avi"))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(20)
    seen = []
    while (read := video.read())[0]:
        seen.append(number_of(np.asarray(read[1], np.uint8)))
    assert seen == list(range(25))


@pytest.mark.parametrize("count", [1, 2])
def test_a_film_may_be_short(tmp_path: Path, count: int) -> None:
    film = Film(tmp_path / "out.avi")
    for number in range(count):
        film.add(number / 10, grey(width=64, height=48))
    film.close()
    assert cv2.VideoCapture(str(tmp_path / "out.avi")).read()[0]


def test_pictures_of_other_sizes_fit_into_the_film(tmp_path: Path) -> None:
    film = Film(tmp_path / "out.avi")
    film.add(0, grey(width=64, height=48))
    film.add(1, grey(width=128, height=32))
    film.close()
    video = cv2.VideoCapture(str(tmp_path / "out.avi"))
    assert [video.read()[1].shape for _ in range(2)] == [(48, 64, 3)] * 2


def test_a_film_is_written_where_it_was_begun(tmp_path: Path) -> None:
    film = Film(tmp_path / "out.avi")
    (tmp_path / "out.avi").rename(tmp_path / "begun.avi")
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out.avi").symlink_to("precious")
    film.add(0, grey(width=64, height=48))
    film.close()
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert cv2.VideoCapture(str(tmp_path / "begun.avi")).read()[0]


def test_a_film_that_a_full_disk_cut_short_is_no_success(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.avi"
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    program = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    film = Film(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, program[1]))
    try:
        for number in range(20):
            film.add(number / 10, noise)
        with pytest.raises(SystemExit) as ended:
            film.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, program)
        signal.signal(signal.SIGXFSZ, before)
    assert ended.value.code == Exit.UNAVAILABLE
    assert capfd.readouterr().err == f"faceauth: {path} is cut short: the disk may be full\n"


def test_without_a_picture_there_is_no_film(tmp_path: Path) -> None:
    Film(tmp_path / "out.avi").close()
    assert not (tmp_path / "out.avi").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("out.mp4", "a video is written as .avi"),
        ("there.avi", "is there already"),
        ("none/out.avi", "out.avi cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_looked_at(
    name: str, reason: str, tmp_path: Path, daemon: Any, faceauth: Run
) -> None:
    (tmp_path / "there.avi").write_bytes(b"precious")
    outcome = faceauth("test", "--write", str(tmp_path / name))
    assert outcome.status == Exit.USAGE
    assert reason in one_line(outcome)
    assert (tmp_path / "there.avi").read_bytes() == b"precious"
    daemon.watch.assert_not_called()


# The command


def test_without_a_terminal_each_frame_is_a_line(daemon: Any, faceauth: Run) -> None:
    daemon.watch.side_effect = watching(FRAME, EMPTY, ENDED)
    outcome = faceauth("test")
    assert outcome.status == Exit.DONE
    *frames, summary = outcome.out.splitlines()
    assert [frame.partition("  ")[0] for frame in frames] == [
        "frame 0 at 0.5 s",
        "frame 1 at 0.5 s",
        "frame 2 at 0.5 s",
    ]
    assert summary == "3 frames; scans: 1 match"
    assert daemon.watch.call_args.kwargs["pictures_fd"] is None, "nobody would see them"


def test_for_programs_it_is_one_object(daemon: Any, faceauth: Run) -> None:
    daemon.watch.side_effect = watching(FRAME, ENDED)
    assert json.loads(faceauth("--json", "test").out) == {"frames": [FRAME, ENDED]}


def test_whose_faces_and_by_which_policy(daemon: Any, faceauth: Run) -> None:
    daemon.watch.side_effect = watching()
    assert faceauth("test", "alice", "-s", "sudo").out == "0 frames; scans: none that ended\n"
    assert daemon.watch.call_args.args[1] == "alice"
    assert daemon.watch.call_args.kwargs["service"] == "sudo"
    faceauth("test")
    assert daemon.watch.call_args.args[1] == "", "everybody's"


@pytest.mark.parametrize("time", ["nan", "inf", "1e400", "0", "x"])
def test_a_time_that_never_comes_is_none(daemon: Any, faceauth: Run, time: str) -> None:
    outcome = faceauth("test", "-t", time)
    assert outcome.status == Exit.USAGE
    assert "--seconds" in one_line(outcome)
    daemon.watch.assert_not_called()


def test_it_ends_after_the_time_that_was_asked_for(daemon: Any, faceauth: Run) -> None:
    daemon.watch.side_effect = watching(*[FRAME | {"index": n, "at": n / 10} for n in range(20)])
    outcome = faceauth("test", "-t", "0.5")
    assert len(outcome.out.splitlines()) == 6
    assert daemon.cancel.called


def test_the_time_runs_from_the_first_frame(daemon: Any, faceauth: Run) -> None:
    # Which may be seen late, as the camera is opened while the models load.
    late = [FRAME | {"index": n, "at": 2 + n / 10} for n in range(20)]
    daemon.watch.side_effect = watching(*late)
    assert len(faceauth("test", "-t", "0.5").out.splitlines()) == 6


def test_a_refusal_leaves_no_film_and_the_terminal_as_it_was(
    daemon: Any, faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.watch.side_effect = PermissionDeniedError("Watch is for root alone")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    outcome = faceauth("test", "--write", str(tmp_path / "out.avi"))
    assert outcome.status == Exit.DENIED
    assert outcome.out == ENTER + LEAVE
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_is_the_way_to_end_it(daemon: Any, faceauth: Run) -> None:
    def interrupted(on_frame: Callable[[dict[str, Any]], None], *_: Any, **__: Any) -> int:
        on_frame(FRAME)
        raise KeyboardInterrupt

    daemon.watch.side_effect = interrupted
    outcome = faceauth("test")
    assert (outcome.status, outcome.out.splitlines()[-1]) == (
        Exit.DONE,
        "1 frame; scans: none that ended",
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PermissionDeniedError("Watch is for root alone"), Exit.DENIED),
        (BusyError("another scan is running"), Exit.UNAVAILABLE),
    ],
)
def test_an_error_is_one_line(error: Exception, status: Exit, daemon: Any, faceauth: Run) -> None:
    daemon.watch.side_effect = error
    outcome = faceauth("test")
    assert (outcome.status, one_line(outcome)) == (status, str(error))


def test_two_sources_exclude_each_other(daemon: Any, faceauth: Run, tmp_path: Path) -> None:
    outcome = faceauth("test", "--from-video", "a", "--from-images", "b")
    assert outcome.status == Exit.USAGE
    outcome = faceauth("test", "--from-video", str(tmp_path / "none"))
    assert outcome.status == Exit.USAGE
    assert "none" in one_line(outcome)


def test_a_file_is_filmed_with_what_is_said_of_it(
    daemon: Any, faceauth: Run, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.avi", 12, width=640, height=480)
    daemon.watch.side_effect = watching(*[FRAME | {"index": n, "at": n / 30} for n in range(12)])
    film = tmp_path / "out.avi"
    faceauth("test", "--from-video", str(clip), "--write", str(film))
    video = cv2.VideoCapture(str(film))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 12
    edge = np.asarray(video.read()[1])[300, 280]
    assert edge[1] > 120 > edge[2], "the box's lower edge is green"


# On a terminal


def test_a_terminal_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, faceauth: Run, daemon: Any
) -> None:
    def failing(on_frame: Callable[[dict[str, Any]], None], *_: Any, **__: Any) -> int:
        on_frame(ENDED)
        on_frame(EMPTY | {"index": 3})
        raise BusyError("in two minds")

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    daemon.watch.side_effect = failing
    outcome = faceauth("test")
    assert outcome.out.startswith(ENTER) and outcome.out.endswith(LEAVE)
    assert "last result  match" in outcome.out.rpartition("frame  3")[2], "it stays a while"
    assert outcome.status == Exit.UNAVAILABLE
    assert daemon.watch.call_args.kwargs["pictures_fd"] is not None


def test_a_dumb_terminal_gets_lines(
    monkeypatch: pytest.MonkeyPatch, faceauth: Run, daemon: Any
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    daemon.watch.side_effect = watching(FRAME)
    assert ENTER not in faceauth("test").out


# With everything that ships


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone may watch")
@needs("video/pairs")
@needs("models")
def test_root_watches_a_camera_and_a_file(tmp_path: Path) -> None:
    clip = VIDEO / "pairs" / "wolf-huo" / "genuine.mp4"
    with Rig(clip, config="[camera]\npaced = false\n") as rig:
        rig.enrol("alice", clip)
        done = rig.run(["faceauth", "--json", "test", "-t", "1"])
        frames = json.loads(done.stdout)["frames"]
        assert {frame["user"] for frame in frames} == {"alice"}
        assert [frame["result"] for frame in frames if "result" in frame][:1] == ["match"]
        assert min(frame["score"] - frame["threshold"] for frame in frames) > 0
        film = tmp_path / "out.avi"
        done = rig.run(["faceauth", "test", "bob", "--write", str(film), "-t", "2"])
        assert done.returncode == Exit.DONE, done.stderr
        assert "score" not in done.stdout, "bob has no face to compare with"
        assert cv2.VideoCapture(str(film)).read()[0], "the camera's own pictures came"
        assert "locked" not in rig.daemon.log()
        assert 'event="watch"' in rig.daemon.log()
