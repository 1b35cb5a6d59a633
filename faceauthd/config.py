# SPDX-License-Identifier: MIT
"""The configuration file: TOML in, frozen dataclasses out.

Every wrong key or value is a ``ConfigError`` of one line: file, key, what is wrong, what is
allowed. Nothing is guessed and nothing is ignored: a misspelt ``liveness`` must not run without
it. The file decides who is let in, so one that strangers can write is refused.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from faceauthd.results import InvalidArgumentError
from faceauthd.setting import (
    Kind,
    absolute_path,
    flag,
    in_toml,
    kind_of,
    listing,
    number,
    one_of,
    one_or_several,
    rate,
    setting,
    text,
    whole,
)

DEFAULT_PATH = Path("/etc/faceauth/config.toml")
MODELS_DIR = Path("/var/lib/faceauth/models")
LARGEST_FILE = 256 * 1024  # bytes; a real one has a few hundred lines at most

FMR = rate(0.01)
AGE = number(0, 8760)
AFTER_BOOT = (
    "Whether a face lets in only once the user has given their password since the machine was "
    "started. It takes the account line of docs/pam.md."
)
MAX_AGE = (
    "Hours after the user's last password from which on it is due again, at a restart as well; "
    "0 is never."
)
TIMEOUT = number(1, 60)
BPCER = number(0, 0.5)
PASSIVE, CHALLENGE = "passive", "challenge"
CUES = listing(one_of(PASSIVE, CHALLENGE))
CONFIRM = one_of("none", "enter")


def _camera(value: object) -> object:
    """A camera in a list, where no file may stand: it would always be there."""
    name = text("").read(value)
    if str(name).startswith("/") and not str(name).startswith("/dev/"):
        raise ValueError
    return name


class ConfigError(InvalidArgumentError):
    """The configuration is wrong; the text is one line: where, what, and what is allowed."""


@dataclass(frozen=True)
class CameraConfig:
    """Which camera is used, and how."""

    device: str | tuple[str, ...] = setting(
        "auto",
        one_or_several(
            text('"auto", a camera\'s id or node, a video file or a folder of images'),
            Kind('cameras ("auto", ids, nodes)', _camera),
        ),
        "The camera: auto (the first usable colour camera), an id as `faceauth cameras` shows it, "
        "a device node, or the path of a video file or of a folder of images. Of a list of cameras "
        "the first is used that is there; enrol with each of them.",
    )
    width: int = setting(640, whole(160, 4096), "Width of the image asked of the camera, pixels.")
    height: int = setting(480, whole(120, 4096), "Height of the image asked of the camera, pixels.")
    fps: int = setting(30, whole(1, 120), "Frames a second asked of the camera.")
    rotate: int = setting(
        0, one_of(0, 90, 180, 270), "Turns the image clockwise by so many degrees."
    )
    allow_virtual: tuple[str, ...] = setting(
        (),
        listing(text("names of cameras")),
        "Virtual cameras that may be used, by name. Whoever can feed a virtual camera can show it "
        "any face.",
    )
    paced: bool = setting(
        True,
        flag(),
        "Whether a video file or a folder plays in real time. false is for benchmarks: every "
        "frame, as fast as it can be read.",
    )


@dataclass(frozen=True)
class VerifyConfig:
    """What it takes to be let in; `[service.NAME]` can say otherwise for one PAM service."""

    frames: int = setting(
        10, whole(1, 100), "Good frames in a row, of one person, that it takes to be let in."
    )
    timeout: float = setting(5.0, TIMEOUT, "Seconds after which a scan ends at the latest.")
    no_face_timeout: float = setting(
        2.0, number(0.5, 60), "Seconds without anybody after which a scan ends."
    )
    # A real webcam's clip in a dim room has faces of 39 to 41, which are recognised as well as any.
    dark: int = setting(
        30, whole(0, 200), "A face is too dark below this mean brightness, 0 to 255."
    )
    min_face: int = setting(
        60, whole(20, 1000), "Faces that are narrower, in pixels, are not used."
    )
    fmr: float = setting(
        1e-4,
        FMR,
        "The share of strangers' single frames that may be taken for the user (false match "
        "rate); smaller is stricter. 0.0001 is what NIST SP 800-63B asks for.",
    )
    liveness: tuple[str, ...] = setting(
        ("passive",),
        CUES,
        "The liveness cues that must all agree: passive (models look at each frame), challenge "
        "(the user does what is asked). An empty list lets in a photograph of the user.",
    )
    bpcer: float = setting(
        0.0,
        BPCER,
        "The share of live people's tries that each liveness model may refuse (BPCER), so as to "
        "refuse more attacks: its threshold is raised as far as its calibration vouches for that, "
        "and never lowered. 0 leaves every model its own threshold (docs/liveness.md).",
    )
    challenge_steps: int = setting(
        1, whole(1, 2), "Movements that a challenge asks for, one after the other, drawn by lot."
    )
    challenge_timeout: float = setting(
        5.0, number(2, 15), "Seconds for each movement of a challenge, on top of the timeout."
    )
    confirm: str = setting(
        "none",
        CONFIRM,
        "Whether the user is asked to press Enter before the camera looks. Someone who passes by "
        "must not approve what another program asks for.",
    )
    after_boot: bool = setting(False, flag(), AFTER_BOOT)
    max_age: float = setting(0.0, AGE, MAX_AGE)
    any_camera: bool = setting(
        False,
        flag(),
        "Whether a face may be verified with another camera than the one it was enrolled with.",
    )


@dataclass(frozen=True)
class EnrollConfig:
    """What it takes to enrol a face."""

    frames: int = setting(20, whole(1, 100), "Good frames that a template is made of.")
    timeout: float = setting(30.0, number(1, 300), "Seconds after which enrolling gives up.")


@dataclass(frozen=True)
class LockoutConfig:
    """What happens after faces were refused. A match, an enrolment or a password starts afresh."""

    attempts: int = setting(5, whole(1, 20), "Refusals in a row after which one has to wait.")
    first_wait: float = setting(
        30.0, number(1, 3600), "Seconds of the first wait; each further refusal doubles it."
    )
    longest_wait: float = setting(3600.0, number(1, 86400), "The wait does not grow beyond this.")
    final: int = setting(
        50,
        whole(1, 100),
        "Refusals in a row after which the face is off until the user gives their password, or "
        "enrols again. NIST SP 800-63B allows 50, and 100 with liveness.",
    )


@dataclass(frozen=True)
class ServiceConfig:
    """What one PAM service asks for; None is as in `[verify]`."""

    fmr: float | None = setting(None, FMR, "As in `[verify]`.")
    liveness: tuple[str, ...] | None = setting(None, CUES, "As in `[verify]`.")
    bpcer: float | None = setting(None, BPCER, "As in `[verify]`.")
    confirm: str | None = setting(None, CONFIRM, "As in `[verify]`.")
    timeout: float | None = setting(None, TIMEOUT, "As in `[verify]`.")
    after_boot: bool | None = setting(None, flag(), "As in `[verify]`.")
    max_age: float | None = setting(None, AGE, "As in `[verify]`.")


# Privilege elevation asks first: any program of the user's can call sudo while they sit there.
# A login after a start of the machine asks for the password once, which unlocks the keyring too.
BUILT_IN_SERVICES: Mapping[str, ServiceConfig] = MappingProxyType(
    dict.fromkeys(
        ("sudo", "sudo-i", "su", "su-l", "doas", "polkit-1"), ServiceConfig(confirm="enter")
    )
    | dict.fromkeys(
        ("login", "gdm-password", "sddm", "lightdm", "greetd"), ServiceConfig(after_boot=True)
    )
)


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    engine: str = setting(
        "auto",
        one_of("auto", "mobilefacenet", "sface", "dlib"),
        "The recognition engine; auto is the best installed one.",
    )
    disabled: bool = setting(False, flag(), "true turns face authentication off for everybody.")
    worker_idle: float = setting(
        0.0,
        number(0, 86400),
        "Seconds without a scan after which the worker is let go, with the memory of its models; "
        "0 keeps it. The next scan brings it back, and takes as long as the models take to load.",
    )
    worker_fresh: bool = setting(
        False,
        flag(),
        "true starts a new worker behind each scan. One that a picture before the camera took over "
        "then ends with that scan, and never saw a face that it could show again in another. It "
        "costs the loading of the models each time, and the next scan waits for it.",
    )
    models_dir: Path = setting(  # noqa: RUF009 (a field, as the others)
        MODELS_DIR, absolute_path(), "The folder that installed models are in."
    )
    camera: CameraConfig = field(default_factory=CameraConfig)
    verify: VerifyConfig = field(default_factory=VerifyConfig)
    enroll: EnrollConfig = field(default_factory=EnrollConfig)
    lockout: LockoutConfig = field(default_factory=LockoutConfig)
    services: Mapping[str, ServiceConfig] = field(default_factory=lambda: BUILT_IN_SERVICES)


SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "camera": CameraConfig,
        "verify": VerifyConfig,
        "enroll": EnrollConfig,
        "lockout": LockoutConfig,
    }
)


def load(path: Path = DEFAULT_PATH) -> Config:
    """The configuration in the file. The default file may be missing; a named one may not."""
    try:
        content = _read_guarded(path)
    except FileNotFoundError:
        if path == DEFAULT_PATH:
            return Config()
        raise ConfigError(_one_line(f"{path}: there is no such file")) from None
    except OSError as error:
        raise ConfigError(_one_line(f"{path}: {error.strerror}")) from error
    return parse(content, str(path))


def parse(content: bytes, source: str) -> Config:
    """The configuration in the content of a file; ``source`` names it in errors."""
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(_one_line(f"{source}: line {line} is not UTF-8")) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(_one_line(f"{source}: this is not TOML: {error}")) from None
    try:
        return _config(table)
    except ConfigError as error:
        raise ConfigError(_one_line(f"{source}: {error}")) from None


def _read_guarded(path: Path) -> bytes:
    """The file's content, once its owner and mode show that no stranger wrote it."""
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(_one_line(f"{path}: this is not a regular file"))
        if status.st_uid not in (0, os.geteuid()):
            raise ConfigError(
                _one_line(f"{path}: owned by uid {status.st_uid}; it must be root's or yours")
            )
        others_group = status.st_gid not in (0, os.getegid())
        if status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and others_group):
            raise ConfigError(_one_line(f"{path}: others may write it; mend it by chmod go-w"))
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ConfigError(_one_line(f"{path}: larger than {LARGEST_FILE // 1024} KiB"))
    return content


def _config(table: dict[str, object]) -> Config:
    settings = dict(table)
    services = _services(_table(settings.pop("service", {}), "service"))
    sections = {
        name: _filled(kind(), _table(settings.pop(name, {}), name), name)
        for name, kind in SECTIONS.items()
    }
    config = _filled(
        Config(services=services, **sections), settings, "", also=[*SECTIONS, "service"]
    )
    if config.lockout.final < config.lockout.attempts:
        raise ConfigError("lockout.final: it may not be smaller than lockout.attempts")
    return config


def _services(table: dict[str, object]) -> Mapping[str, ServiceConfig]:
    services = dict(BUILT_IN_SERVICES)
    for name, value in table.items():
        where = f"service.{name}"
        # libpam turns service names into lower case, so that another would never apply.
        if not re.fullmatch(r"[a-z0-9._+@-]{1,64}", name):
            raise ConfigError(
                f"{where}: not the name of a PAM service; allowed: up to 64 of a-z 0-9 . _ + @ -"
            )
        base = services.get(name, ServiceConfig())
        services[name] = _filled(base, _table(value, where), where)
    return MappingProxyType(services)


_Settings = TypeVar(
    "_Settings", Config, CameraConfig, VerifyConfig, EnrollConfig, LockoutConfig, ServiceConfig
)


def _filled(
    base: _Settings, table: dict[str, object], where: str, also: Iterable[str] = ()
) -> _Settings:
    """``base`` with the table's values in place of its own; ``also`` names further known keys."""
    known: dict[str, Kind] = {one.name: kind_of(one) for one in fields(base) if one.metadata}
    values: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{where}.{key}".lstrip(".")
        if key not in known:
            raise ConfigError(f"{path}: unknown key; {_nearest(key, [*known, *also])}")
        try:
            values[key] = known[key].read(value)
        except ValueError:
            raise ConfigError(
                f"{path}: {_shown(value)} is wrong; allowed: {known[key].allowed}"
            ) from None
    return replace(base, **values)


def _shown(value: object) -> str:
    """A wrong value, or the beginning of it."""
    if isinstance(value, dict):
        return "a section"
    try:
        return in_toml(value)[:60]
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number of thousands of digits"


def _table(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: this must be a section, [{where}]")
    return value


def _nearest(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f'did you mean "{near[0]}"?' if near else "known here: " + ", ".join(sorted(known))


def _one_line(message: str) -> str:
    """The message without what could break a line or a terminal; keys and paths are not ours."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)[:500]
