# SPDX-License-Identifier: MIT
"""The camera: is the chosen one there and usable, who has it open, and is there light.

The light is measured: where nobody else uses the camera, and the caller may, one frame is taken.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cli.checks.finding import Finding, ok, problem, unknown, warning
from cli.checks.machine import Machine
from cli.looking import brightness, look
from faceauthd.camera.discovery import find_camera, list_cameras
from faceauthd.camera.stand_in import is_meant_as_file
from faceauthd.camera.terms import CameraError, CameraInfo

LIST = "see: faceauth cameras; faceauth config set camera.device ID"


def check(machine: Machine) -> Iterator[Finding]:
    device = machine.config.camera.device
    if is_meant_as_file(device):
        yield warning(f"the camera is a file, {device}", "faceauth config set camera.device auto")
        yield light(machine)
        return
    cameras = seen(machine)
    try:
        chosen = find_camera(device, cameras)
    except CameraError as error:
        yield from unusable(error, cameras)
        return
    yield ok(f"{chosen.name} ({chosen.node}) gives {', '.join(chosen.formats)}")
    yield ok(infrared(cameras))
    if holders := who_has(chosen.node):
        yield warning(f"{chosen.name} is open in {', '.join(holders)}", "close that program")
    elif os.geteuid() != 0:
        yield unknown(
            "who else may have the camera open: you see only your own programs",
            "sudo faceauth doctor",
        )
    if not holders:
        yield light(machine)


def seen(machine: Machine) -> list[CameraInfo]:
    """The cameras as the daemon sees them, for it is the daemon that uses them; else as we do."""
    if machine.daemon is None:
        return list_cameras(machine.config.camera.allow_virtual)
    return [
        CameraInfo(**{**camera, "formats": tuple(camera["formats"])})
        for camera in machine.daemon.list_cameras()
    ]


def unusable(error: CameraError, cameras: list[CameraInfo]) -> Iterator[Finding]:
    if any("no permission" in camera.reason for camera in cameras):
        yield unknown(f"the camera: {error}", "sudo faceauth doctor")
    else:
        yield problem(str(error), LIST if cameras else "connect a camera")


def infrared(cameras: list[CameraInfo]) -> str:
    names = [camera.name for camera in cameras if camera.infrared]
    return f"infrared: {', '.join(names)}" if names else "none of the cameras is an infrared one"


def who_has(node: str) -> list[str]:
    """The programs that have a device open, as far as the caller may see."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and has_open(process, node):
            with suppress(OSError):  # it has ended
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
    return found


def has_open(process: Path, node: str) -> bool:
    """Whether one of a process's descriptors is the device; they come and go while we look."""
    try:
        links = list((process / "fd").iterdir())
    except OSError:  # it has ended, or is not ours to see
        return False
    for link in links:
        with suppress(OSError):
            if link.readlink() == Path(node):
                return True
    return False


def light(machine: Machine) -> Finding:
    """How bright the camera's picture is."""
    try:
        mean = brightness(look(machine.config.camera))
    except CameraError as error:
        if error.why == "broken":
            return problem(f"the camera gives no picture: {error}", "connect it again")
        return unknown(f"the light: {error}", "sudo faceauth doctor" if os.geteuid() else "")
    if mean < machine.config.verify.dark:
        return warning(f"it is dark: mean brightness {mean:.0f} of 255", "turn on a light")
    return ok(f"there is light: mean brightness {mean:.0f} of 255")
