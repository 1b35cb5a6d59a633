# SPDX-License-Identifier: MIT
"""Wrong input of every kind: one clear line, the documented exit status, and nothing lost."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceauthd.results import Result
from tests.harness import clips, pictured
from tests.harness.bus import HANG_GUARD, PrivateBus
from tests.harness.daemon import daemon_command
from tests.harness.data import ROOT
from tests.harness.rig import Rig

PICTURES = "[verify]\nliveness = []\n[enroll]\ntimeout = 5\n"
# Who is not root is asked for a password before anything else.
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who is not asked")
NO, USAGE, UNAVAILABLE, CONFIG, STORE = 1, 2, 4, 6, 7  # docs/cli.md

WRONG_CONFIGURATIONS = {
    "an unknown key": ("[verify]\nframez = 3\n", "verify.framez: unknown key"),
    "a wrong type": ('[verify]\nframes = "ten"\n', "verify.frames"),
    "a threshold out of range": ("[verify]\nfmr = 0.5\n", "verify.fmr"),
    "a cue that does not exist": ('[verify]\nliveness = ["smell"]\n', "verify.liveness"),
    "no TOML": ("[verify\n", "not TOML"),
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A machine on which alice is enrolled, and sits before the camera."""
    clip = tmp_path_factory.mktemp("scenes") / "face.avi"
    clips.from_picture(clip, pictured.somebody(), count=45)
    with Rig(clip, config=PICTURES, models=None) as rig:
        rig.enrol("alice", clip)
        yield rig


def one_line(done: subprocess.CompletedProcess[str], status: int) -> str:
    """The only line on stderr, of a command that ended as it must and gave no answer."""
    assert done.returncode == status, done
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    assert len(line) < 600
    return line


# ---- the daemon


@pytest.fixture(scope="module")
def bus() -> Iterator[PrivateBus]:
    with PrivateBus() as bus:
        yield bus


def start_daemon(bus: PrivateBus, config: Path, state: Path) -> subprocess.CompletedProcess[str]:
    """faceauthd, which is expected to end at once."""
    return subprocess.run(
        daemon_command(bus, config, state),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_GUARD,
        check=False,
    )


@pytest.mark.parametrize("wrong", WRONG_CONFIGURATIONS)
def test_wrong_configuration(wrong: str, bus: PrivateBus, rig: Rig, tmp_path: Path) -> None:
    """To the daemon when it starts, and to the command that checks a file."""
    text, named = WRONG_CONFIGURATIONS[wrong]
    config = tmp_path / "config.toml"
    config.write_text(text)
    assert named in one_line(start_daemon(bus, config, tmp_path / "state"), CONFIG)
    assert named in one_line(rig.run(["faceauth", "config", "check", str(config)]), CONFIG)


@pytest.fixture
def closed(tmp_path: Path) -> Callable[[], tuple[Path, Path]]:
    """Makes a configuration, and the state folder of a daemon that has ended, with alice in it."""

    def make() -> tuple[Path, Path]:
        clip = clips.from_picture(tmp_path / "face.avi", pictured.somebody(), count=45)
        config, state = tmp_path / "config.toml", tmp_path / "kept"
        with Rig(clip, config=PICTURES, models=None) as rig:
            rig.enrol("alice", clip)
            rig.daemon.stop()
            rig.state.rename(state)
        config.write_text(PICTURES)
        return config, state

    return make


def test_damaged_database(closed: Callable[[], tuple[Path, Path]], bus: PrivateBus) -> None:
    config, state = closed()
    database = state / "faceauth.db"
    damaged = b"\xff" * 4096 + database.read_bytes()[4096:]
    database.write_bytes(damaged)
    one_line(start_daemon(bus, config, state), STORE)
    assert database.read_bytes() == damaged, "what may still be saved is left as it is"


def test_wrong_key(closed: Callable[[], tuple[Path, Path]], bus: PrivateBus) -> None:
    config, state = closed()
    (key,) = (path for path in state.iterdir() if path.stat().st_size == 32)
    before = {path.name: path.read_bytes() for path in state.iterdir() if path != key}
    key.write_bytes(os.urandom(32))
    one_line(start_daemon(bus, config, state), STORE)
    after = {path.name: path.read_bytes() for path in state.iterdir() if path != key}
    assert after["faceauth.db"] == before["faceauth.db"]


# ---- the command


def zero_bytes(folder: Path) -> list[str]:
    (folder / "clip.mp4").touch()
    return ["--from-video", str(folder / "clip.mp4")]


def noise_called_video(folder: Path) -> list[str]:
    (folder / "clip.mp4").write_bytes(os.urandom(100_000))
    return ["--from-video", str(folder / "clip.mp4")]


def torn_video(folder: Path) -> list[str]:
    """The head of a video, and noise behind it."""
    clip = clips.from_picture(folder / "clip.avi", pictured.somebody(), count=3)
    clip.write_bytes(clip.read_bytes()[:300] + os.urandom(50_000))
    return ["--from-video", str(clip)]


def missing_video(folder: Path) -> list[str]:
    return ["--from-video", str(folder / "nothing.mp4")]


def empty_folder(folder: Path) -> list[str]:
    return ["--from-images", str(folder)]


def zero_byte_image(folder: Path) -> list[str]:
    (folder / "a.png").touch()
    return ["--from-images", str(folder)]


def image_of_one_pixel(folder: Path) -> list[str]:
    cv2.imwrite(str(folder / "a.png"), np.zeros((1, 1, 3), np.uint8))
    return ["--from-images", str(folder)]


def huge_image(folder: Path) -> list[str]:
    cv2.imwrite(str(folder / "a.png"), np.zeros((8000, 8000, 3), np.uint8))
    return ["--from-images", str(folder)]


def nobody_in_it(folder: Path) -> list[str]:
    return ["--from-video", str(clips.empty_scene(folder / "clip.avi", count=30))]


@as_root
@pytest.mark.parametrize(
    ("make", "status"),
    [
        (zero_bytes, USAGE),
        (noise_called_video, NO),
        (torn_video, NO),
        (missing_video, USAGE),
        (empty_folder, USAGE),
        (zero_byte_image, USAGE),
        (image_of_one_pixel, NO),
        (huge_image, NO),
        (nobody_in_it, NO),
    ],
)
def test_nothing_to_enrol_from(
    make: Callable[[Path], list[str]], status: int, rig: Rig, tmp_path: Path
) -> None:
    """USAGE where the command cannot read it, NO where the daemon finds no face to enrol in it."""
    one_line(rig.run(["faceauth", "add", "alice", *make(tmp_path)]), status)
    nothing_is_lost(rig)


@as_root
@pytest.mark.parametrize("label", ["x" * 10_240, "two\nlines", "\x1b[31mred"])
def test_label_that_is_none(rig: Rig, label: str) -> None:
    one_line(rig.run(["faceauth", "add", "alice", "--label", label]), USAGE)
    nothing_is_lost(rig)


@pytest.mark.parametrize("verb", [pytest.param("add", marks=as_root), "list", "verify", "clear"])
@pytest.mark.parametrize("user", ["\udcff\udcfe", "a" * 10_240, "alice\nbob"])
def test_user_name_that_is_none(rig: Rig, verb: str, user: str) -> None:
    """The first is what Python makes of a name that is not UTF-8."""
    sure = ["--yes"] if verb == "clear" else []
    one_line(rig.run(["faceauth", verb, user, *sure]), USAGE)
    nothing_is_lost(rig)


@as_root
def test_missing_camera(rig: Rig) -> None:
    scene = rig.camera_link.resolve()
    rig.camera_link.unlink()
    try:
        one_line(rig.run(["faceauth", "add", "alice"]), UNAVAILABLE)
        done = rig.run(["faceauth", "verify", "alice"])
        assert done.returncode == UNAVAILABLE, done
    finally:
        rig.show(scene)
    nothing_is_lost(rig)


def nothing_is_lost(rig: Rig) -> None:
    """The daemon lives, and what was enrolled is there and works."""
    with rig.client() as daemon:
        assert len(daemon.list_faces("alice")) == 1
        assert daemon.verify("alice", service="face")[0] == Result.MATCH
