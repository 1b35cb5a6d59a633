# SPDX-License-Identifier: MIT
"""Which cameras this machine has, and which of them may be used.

A virtual camera shows what a program gives it, so it is refused unless the configuration names
it. Virtual is what has no physical device behind it in sysfs: a program can choose its camera's
name and pixel formats, but not where the kernel puts it.
"""

import errno
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from faceauthd.camera import ioctls
from faceauthd.camera.terms import CameraError, CameraInfo, Device, printable

SYSFS = Path("/sys/class/video4linux")
DEV = Path("/dev")

# In the order in which they are preferred: MJPG is what gives a USB camera its full rate.
READABLE_FORMATS = ("MJPG", "YUYV", "GREY")

_NODE = re.compile(r"video(\d+)")
_GREY_FORMATS = re.compile(r"GREY|Y8I?|Y1[0-6].?|Y16")
_INFRARED_NAME = re.compile(r"\bIR\b|infrared", re.IGNORECASE)
# Drivers that put a device into sysfs although no hardware is there: test drivers, USB over
# the network, a USB device that is a program on this machine.
_PRETENDERS = re.compile(r"(vivid|vimc|visl|vhci_hcd|dummy_hcd|dummy_udc)(\.\d+)?")

Query = Callable[[str], tuple[ioctls.Capability, tuple[str, ...]]]


def list_cameras(
    allow_virtual: Sequence[str] = (),
    *,
    sysfs: Path = SYSFS,
    dev: Path = DEV,
    query: Query = ioctls.query,
) -> list[CameraInfo]:
    """All nodes that send pictures, in the kernel's order; never raises.

    ``allow_virtual`` holds the names of virtual cameras that may be used. The other arguments say
    where to look, and how to ask a node.
    """
    nodes = (_NODE.fullmatch(entry.name) for entry in _entries(sysfs))
    numbers = sorted(int(node[1]) for node in nodes if node)
    cameras = (_describe(f"video{n}", allow_virtual, sysfs, dev, query) for n in numbers)
    return [camera for camera in cameras if camera is not None]


def find_camera(device: Device, cameras: Sequence[CameraInfo]) -> CameraInfo:
    """The camera that the configuration means by ``device``: "auto", an id, or a device node.

    A node may be a symbolic link. Of several the first is taken that is there and may be used.
    Raises CameraError where there is none, or it may not be used.
    """
    if not isinstance(device, str):
        return _first_found(device, cameras)
    if device == "auto":
        return _first_usable(cameras)
    node = os.path.realpath(device) if device.startswith("/") else ""
    for camera in cameras:
        if camera.id == device or (node and os.path.realpath(camera.node) == node):
            if not camera.usable:
                raise CameraError("refused", f"camera {camera.name!r}: {camera.reason}")
            return camera
    raise CameraError("missing", f"there is no camera {printable(device, 128)!r}")


def _first_found(devices: Sequence[str], cameras: Sequence[CameraInfo]) -> CameraInfo:
    reasons = []
    for device in devices:
        try:
            return find_camera(device, cameras)
        except CameraError as error:
            reasons.append(error)
    refused = any(error.why == "refused" for error in reasons)
    text = "; ".join(error.text for error in reasons)
    raise CameraError("refused" if refused else "missing", text)


def _first_usable(cameras: Sequence[CameraInfo]) -> CameraInfo:
    for camera in cameras:
        if camera.usable and not camera.infrared:
            return camera
    for camera in cameras:
        reason = camera.reason or "it sees only infrared light, so it must be chosen by its id"
        raise CameraError("missing", f"no usable camera; {camera.name!r}: {reason}")
    raise CameraError("missing", "no camera found")


def _describe(
    name: str, allow_virtual: Sequence[str], sysfs: Path, dev: Path, query: Query
) -> CameraInfo | None:
    """One node; None where it sends no pictures."""
    node = dev / name
    virtual = _is_virtual(sysfs / name)
    try:
        capability, formats = query(str(node))
    except OSError as error:
        card = printable(_read(sysfs / name / "name")) or name
        return CameraInfo(
            _stable_id(node, card, name), card, str(node), "", (), virtual, False, False,
            _why_not_asked(error, node),
        )  # fmt: skip
    if not capability.captures:
        return None
    card = printable(capability.card) or name
    reason = _objection(card, formats, virtual, allow_virtual)
    return CameraInfo(
        id=_stable_id(node, card, printable(capability.bus)),
        name=card,
        node=str(node),
        driver=printable(capability.driver),
        formats=tuple(printable(code, 4) for code in formats),
        virtual=virtual,
        infrared=_is_infrared(card, formats),
        usable=not reason,
        reason=reason,
    )


def _objection(
    card: str, formats: Sequence[str], virtual: bool, allow_virtual: Sequence[str]
) -> str:
    if virtual and card not in allow_virtual:
        return "a virtual camera shows what a program gives it; allow_virtual may name it"
    if not set(formats) & set(READABLE_FORMATS):
        offered = ", ".join(printable(code, 4) for code in formats[:8]) or "nothing"
        return f"it offers {offered}; faceauth reads {', '.join(READABLE_FORMATS)}"
    return ""


def _is_virtual(entry: Path) -> bool:
    """Whether the node ``/sys/class/video4linux/videoN`` has no physical device behind it."""
    device = entry / "device"
    if not device.exists():
        return True
    parts = device.resolve().parts
    return "virtual" in parts or any(_PRETENDERS.fullmatch(part) for part in parts)


def _is_infrared(card: str, formats: Sequence[str]) -> bool:
    grey = bool(formats) and all(_GREY_FORMATS.fullmatch(code) for code in formats)
    return grey or _INFRARED_NAME.search(card) is not None


def _stable_id(node: Path, card: str, bus: str) -> str:
    """udev's name by serial number, else by the place it is plugged in, else what it says."""
    for links in (node.parent / "v4l" / "by-id", node.parent / "v4l" / "by-path"):
        for link in _entries(links):
            if link.resolve() == node.resolve():
                return printable(link.name, 128)
    return f"{card}@{bus}"


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, in order; nothing where it is gone, as with the last camera's links."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _why_not_asked(error: OSError, node: Path) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission for {node}: the user must be in the group video"
    return f"{node}: {error.strerror}"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
