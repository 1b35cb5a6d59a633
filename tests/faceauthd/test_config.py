# SPDX-License-Identifier: MIT
"""The configuration file: every mistake is one line that names file, key and what is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from faceauthd import config
from faceauthd.config import Config, ConfigError, ServiceConfig, load, parse
from tests.harness.data import ROOT

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to another user")


def written(folder: Path, text: str, mode: int = 0o644) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def error_of(text: str | bytes) -> str:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        parse(content, "x.toml")
    message = str(caught.value)
    assert message.startswith("x.toml: ")
    assert message.isprintable(), "a line break would let a key write lines of its own"
    return message.removeprefix("x.toml: ")


def test_an_empty_file_is_the_defaults() -> None:
    assert parse(b"", "x.toml") == Config()


def test_what_is_said_is_read() -> None:
    text = b"""
    engine = "dlib"
    disabled = true
    models_dir = "/srv/models"
    [camera]
    device = "/dev/v4l/by-id/usb-cam"
    rotate = 180
    allow_virtual = ["OBS", "loop"]
    paced = false
    [verify]
    frames = 5
    timeout = 3
    fmr = 1e-5
    liveness = []
    [enroll]
    frames = 3
    [lockout]
    attempts = 3
    [service.swaylock]
    confirm = "enter"
    timeout = 2.5
    """
    read = parse(text, "x.toml")
    assert (read.engine, read.disabled, read.models_dir) == ("dlib", True, Path("/srv/models"))
    assert (read.camera.device, read.camera.rotate) == ("/dev/v4l/by-id/usb-cam", 180)
    assert (read.camera.allow_virtual, read.camera.paced) == (("OBS", "loop"), False)
    assert (read.verify.frames, read.verify.timeout, read.verify.fmr) == (5, 3.0, 1e-5)
    assert isinstance(read.verify.timeout, float)
    assert read.verify.liveness == ()
    assert (read.enroll.frames, read.lockout.attempts) == (3, 3)
    assert read.services["swaylock"] == ServiceConfig(confirm="enter", timeout=2.5)


def test_a_service_keeps_what_is_built_in_unless_the_file_says_otherwise() -> None:
    assert parse(b"[service.sudo]\nfmr = 1e-5", "x").services["sudo"].confirm == "enter"
    assert parse(b"[service.sudo]\nconfirm = 'none'", "x").services["sudo"].confirm == "none"
    assert parse(b"[service.other]", "x").services["su-l"].confirm == "enter"


HUGE = f"0x{'f' * 5000}"
FRAMES = "allowed: a whole number from 1 to 100"
TIMEOUT = "allowed: a number from 1 to 60"
FMR = "allowed: a number above 0, up to 0.01"
CUES = 'allowed: a list, without repetition, of "passive"'


def test_several_cameras_keep_their_order() -> None:
    read = parse(b'[camera]\ndevice = ["usb-dock", "/dev/video2", "auto"]', "x.toml")
    assert read.camera.device == ("usb-dock", "/dev/video2", "auto")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # unknown keys
        ("[verify]\nfrmes = 1", 'verify.frmes: unknown key; did you mean "frames"?'),
        ("[verfy]\n", 'verfy: unknown key; did you mean "verify"?'),
        ("[services.sudo]\n", 'services: unknown key; did you mean "service"?'),
        ("[service.sudo]\nframes = 1", "service.sudo.frames: unknown key; known here: after_"),
        ("fmr = 1e-4", "fmr: unknown key; known here: camera, disabled, engine, enroll,"),
        ('"a\\nb" = 1', "a\\nb: unknown key"),
        # wrong types
        ("[verify]\nframes = true", f"verify.frames: true is wrong; {FRAMES}"),
        ("[verify]\nframes = 1.5", f"verify.frames: 1.5 is wrong; {FRAMES}"),
        ("[verify]\nframes = '10'", f'verify.frames: "10" is wrong; {FRAMES}'),
        ("[verify]\ntimeout = true", f"verify.timeout: true is wrong; {TIMEOUT}"),
        ("[verify]\nfmr = 1979-05-27", f"verify.fmr: 1979-05-27 is wrong; {FMR}"),
        ("[verify]\nliveness = 'passive'", f'verify.liveness: "passive" is wrong; {CUES}'),
        ("[verify.frames]\na = 1", f"verify.frames: a section is wrong; {FRAMES}"),
        ("disabled = 1", "disabled: 1 is wrong; allowed: true or false"),
        ("verify = 1", "verify: this must be a section, [verify]"),
        ("[[verify]]", "verify: this must be a section, [verify]"),
        ("service = 1", "service: this must be a section, [service]"),
        ("[service]\nsudo = 1", "service.sudo: this must be a section, [service.sudo]"),
        (f"[verify]\nframes = {HUGE}", "verify.frames: a number of thousands of digits is wrong"),
        (f"disabled = [{{a = {HUGE}}}]", "disabled: a number of thousands of digits is wrong"),
        # out of range
        ("[verify]\nframes = 0", f"verify.frames: 0 is wrong; {FRAMES}"),
        ("[verify]\nframes = 101", f"verify.frames: 101 is wrong; {FRAMES}"),
        ("[verify]\ntimeout = 0.5", f"verify.timeout: 0.5 is wrong; {TIMEOUT}"),
        ("[verify]\ntimeout = 61", f"verify.timeout: 61 is wrong; {TIMEOUT}"),
        ("[verify]\ntimeout = nan", f"verify.timeout: nan is wrong; {TIMEOUT}"),
        ("[verify]\ntimeout = inf", f"verify.timeout: inf is wrong; {TIMEOUT}"),
        ("[verify]\nfmr = 0.0", f"verify.fmr: 0.0 is wrong; {FMR}"),
        ("[verify]\nfmr = 0.011", f"verify.fmr: 0.011 is wrong; {FMR}"),
        ("[verify]\nfmr = -1e-5", f"verify.fmr: -1e-05 is wrong; {FMR}"),
        ("[verify]\nfmr = nan", f"verify.fmr: nan is wrong; {FMR}"),
        ("[service.su]\nfmr = 1", f"service.su.fmr: 1 is wrong; {FMR}"),
        ("[verify]\nliveness = ['blink']", f'verify.liveness: ["blink"] is wrong; {CUES}'),
        ("[verify]\nliveness = ['passive', 'passive']", "verify.liveness: "),
        ("[verify]\nconfirm = 'maybe'", 'verify.confirm: "maybe" is wrong; allowed: "none" or'),
        ("[camera]\nrotate = 45", "camera.rotate: 45 is wrong; allowed: 0 or 90 or 180 or 270"),
        ("[camera]\nrotate = false", "camera.rotate: false is wrong; allowed: 0 or 90"),
        ("[camera]\ndevice = ''", 'camera.device: "" is wrong; allowed: "auto", '),
        ("[camera]\ndevice = 'a\tb'", "camera.device: "),
        ("[camera]\ndevice = []", "camera.device: [] is wrong; allowed: "),
        ("[camera]\ndevice = ['a', 'a']", "camera.device: "),
        ("[camera]\ndevice = ['a', '']", "camera.device: "),
        ("[camera]\ndevice = ['a', '/home/clip.mp4']", "camera.device: "),
        ("models_dir = 'models'", 'models_dir: "models" is wrong; allowed: an absolute path'),
        ("[lockout]\nattempts = 9\nfinal = 8", "lockout.final: it may not be smaller than"),
        ("[service.Sudo]\n", "service.Sudo: not the name of a PAM service; allowed: up to 64 of"),
        ("[service.'../x']\n", "service.../x: not the name of a PAM service"),
        # not TOML
        ("[verify]\nframes =", "this is not TOML: Invalid value (at end of document)"),
        ("a = 1\na = 2\nb = 3", "this is not TOML: Cannot overwrite a value (at line 2, "),
        (b"a = 1\nb = '\xff'", "line 2 is not UTF-8"),
        ("a = " + "[" * 5000, "this is not TOML: "),
        ("a = " + "9" * 5000, "this is not TOML: "),
    ],
)
def test_a_mistake_is_one_clear_line(text: str | bytes, message: str) -> None:
    assert error_of(text).startswith(message)


def test_a_long_value_does_not_flood_the_log() -> None:
    assert len(error_of(f"engine = '{'x' * 100_000}'")) < 200
    assert len(error_of(f"{'x' * 100_000} = 1")) <= 500


def test_a_missing_file_is_an_error_where_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path / "config.toml")


def test_the_default_file_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "config.toml"
    monkeypatch.setattr(config, "DEFAULT_PATH", missing)
    assert load(missing) == Config()


def test_a_file_is_loaded(tmp_path: Path) -> None:
    assert load(written(tmp_path, "[verify]\nframes = 7")).verify.frames == 7


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "x = 1")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: x: unknown key")


def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="others may write it"):
        load(written(tmp_path, "", 0o666))


@as_root
def test_a_file_that_a_strange_group_can_write_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "", 0o664)
    os.chown(path, 0, 65534)
    with pytest.raises(ConfigError, match="others may write it"):
        load(path)


@as_root
def test_a_stranger_s_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    os.chown(path, 65534, 0)
    with pytest.raises(ConfigError, match="owned by uid 65534; it must be root's or yours"):
        load(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)
    os.mkfifo(fifo := tmp_path / "fifo")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(fifo)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="larger than 256 KiB"):
        load(written(tmp_path, "#" * (config.LARGEST_FILE + 1)))


def test_page_and_default_file_are_what_the_dataclasses_say() -> None:
    """Run docs/make_configuration.py after changing a setting."""
    script = ROOT / "docs" / "make_configuration.py"
    printed = "import runpy, sys; m = runpy.run_path(sys.argv[1]); print(m['{}'](), end='')"
    for function, path in (
        ("page", "docs/configuration.md"),
        ("default_file", "packaging/config.toml"),
    ):
        made = subprocess.run(
            [sys.executable, "-c", printed.format(function), script],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert (ROOT / path).read_text() == made


def test_every_line_of_the_default_file_is_the_default(tmp_path: Path) -> None:
    text = (ROOT / "packaging" / "config.toml").read_text()
    lines = [
        line.removeprefix("#") if " = " in line and line[1] != " " else line
        for line in text.splitlines()
    ]
    assert sum(" = " in line and not line.startswith("#") for line in lines) >= 25
    assert parse("\n".join(lines).encode(), "x.toml") == Config()
