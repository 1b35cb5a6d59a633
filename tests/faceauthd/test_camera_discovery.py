# SPDX-License-Identifier: MIT
"""Which cameras are found, and which are refused, on machines made of a folder."""

import errno
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from faceauthd.camera import CameraError, CameraInfo, list_cameras
from faceauthd.camera.discovery import find_camera
from faceauthd.camera.ioctls import (
    ENUM_FMT,
    QUERYCAP,
    REQBUFS,
    Capability,
    parse_capability,
    parse_format,
    query,
)

CAPTURE = 0x04200001  # video capture, extended pixel formats, streaming
METADATA = 0x04A00000
WHOLE_DEVICE = 0x84A00001  # what both nodes of a UVC camera say in `capabilities`

Answer = tuple[Capability, tuple[str, ...]] | OSError


def webcam(card: str = "HD Pro Webcam C920", flags: int = CAPTURE) -> Capability:
    return Capability("uvcvideo", card, "usb-0000:00:14.0-1", flags)


class Machine:
    """A /sys and a /dev in a folder, and what each node answers."""

    def __init__(self, root: Path) -> None:
        self.sysfs = root / "sys/class/video4linux"
        self.devices = root / "sys/devices"
        self.dev = root / "dev"
        self.answers: dict[str, Answer] = {}
        self.sysfs.mkdir(parents=True)
        self.dev.mkdir()

    def plug(self, node: str, parent: str | None, answer: Answer) -> None:
        """``parent`` is the physical device's path below /sys/devices; None: there is none."""
        entry = self.sysfs / node
        entry.mkdir()
        (entry / "name").write_text("from sysfs\n")
        if parent is not None:
            (self.devices / parent).mkdir(parents=True, exist_ok=True)
            (entry / "device").symlink_to(self.devices / parent)
        (self.dev / node).touch()
        self.answers[node] = answer

    def link(self, kind: str, name: str, node: str) -> None:
        folder = self.dev / "v4l" / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(self.dev / node)

    def query(self, node: str) -> tuple[Capability, tuple[str, ...]]:
        answer = self.answers[Path(node).name]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def cameras(self, *allow_virtual: str) -> list[CameraInfo]:
        return list_cameras(allow_virtual, sysfs=self.sysfs, dev=self.dev, query=self.query)


USB = "pci0000:00/0000:00:14.0/usb1/1-5/1-5:1.0"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_requests_are_the_kernels() -> None:
    assert (QUERYCAP, ENUM_FMT, REQBUFS) == (0x80685600, 0xC0405602, 0xC0145608)


def test_a_capability_as_the_uvc_driver_answers_it() -> None:
    def answer(node: int) -> bytes:
        return (
            b"uvcvideo".ljust(16, b"\0")
            + b"HD Pro Webcam C920".ljust(32, b"\0")
            + b"usb-0000:00:14.0-1".ljust(32, b"\0")
            + struct.pack("<III", 0x00060C00, WHOLE_DEVICE, node)
            + bytes(12)
        )

    assert parse_capability(answer(CAPTURE)) == webcam()
    assert parse_capability(answer(CAPTURE)).captures
    assert not parse_capability(answer(METADATA)).captures


def test_an_old_driver_speaks_of_the_whole_device_alone() -> None:
    data = bytes(80) + struct.pack("<III", 0x00020600, 0x04000001, 0) + bytes(12)
    assert parse_capability(data).captures


def test_a_name_of_any_bytes_is_read() -> None:
    data = b"\xff" * 16 + b"\xfe" * 32 + b"x" * 32 + bytes(24)
    assert parse_capability(data).bus == "x" * 32


def test_a_format_as_the_kernel_answers_it() -> None:
    data = struct.pack("<III32s4sI12x", 0, 1, 1, b"Motion-JPEG", b"MJPG", 0)
    assert parse_format(data) == "MJPG"
    assert parse_format(data[:44] + b"Y16 " + data[48:]) == "Y16"


def test_what_is_no_camera_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    with pytest.raises(OSError, match="ioctl"):
        query(str(tmp_path / "video0"))


def test_a_machine_without_cameras(tmp_path: Path) -> None:
    assert list_cameras(sysfs=tmp_path / "none", dev=tmp_path) == []
    with pytest.raises(CameraError, match="no camera found") as refused:
        find_camera("auto", [])
    assert refused.value.why == "missing"


def test_a_webcam_is_described_and_its_metadata_node_is_not(machine: Machine) -> None:
    machine.plug("video0", USB, (webcam(), ("YUYV", "MJPG")))
    machine.plug("video1", USB, (webcam(flags=METADATA), ()))
    machine.link("by-id", "usb-046d_C920-video-index0", "video0")
    machine.link("by-path", "pci-0000:00:14.0-usb-0:5:1.0-video-index0", "video0")
    assert machine.cameras() == [
        CameraInfo(
            id="usb-046d_C920-video-index0",
            name="HD Pro Webcam C920",
            node=str(machine.dev / "video0"),
            driver="uvcvideo",
            formats=("YUYV", "MJPG"),
            virtual=False,
            infrared=False,
            usable=True,
            reason="",
        )
    ]


def test_ids_fall_back_to_the_path_and_then_to_what_the_camera_says(machine: Machine) -> None:
    machine.plug("video0", USB, (webcam(), ("MJPG",)))
    machine.plug("video2", USB, (webcam("Other"), ("MJPG",)))
    machine.link("by-path", "pci-0-video-index0", "video0")
    ids = [camera.id for camera in machine.cameras()]
    assert ids == ["pci-0-video-index0", "Other@usb-0000:00:14.0-1"]


@pytest.mark.parametrize("going", ["video4linux", "by-id"])
def test_cameras_may_go_while_they_are_listed(
    going: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.plug("video0", USB, (webcam(), ("MJPG",)))
    machine.link("by-id", "usb-046d_C920-index0", "video0")
    listed = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder.name == going:
            raise FileNotFoundError(folder)
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    ids = [camera.id for camera in machine.cameras()]
    assert ids == ([] if going == "video4linux" else ["HD Pro Webcam C920@usb-0000:00:14.0-1"])


def test_nodes_are_in_the_order_of_their_numbers(machine: Machine) -> None:
    for number in (10, 9, 2):
        machine.plug(f"video{number}", USB, (webcam(f"cam{number}"), ("MJPG",)))
    assert [camera.name for camera in machine.cameras()] == ["cam2", "cam9", "cam10"]


@pytest.mark.parametrize(
    "parent",
    [
        None,  # v4l2loopback has no parent at all
        "virtual/video4linux/video0",
        "platform/vivid.0",
        "platform/dummy_hcd.0/usb3/3-1/3-1:1.0",  # a USB camera that is a program on this machine
        "platform/vhci_hcd.0/usb5/5-1/5-1:1.0",  # one that comes over the network
    ],
)
def test_a_virtual_camera_is_refused_unless_named(machine: Machine, parent: str | None) -> None:
    machine.plug("video0", parent, (webcam("OBS Virtual Camera"), ("YUYV",)))
    [camera] = machine.cameras("Another Camera")
    assert camera.virtual
    assert not camera.usable
    assert "virtual" in camera.reason
    with pytest.raises(CameraError) as refused:
        find_camera(camera.node, [camera])
    assert refused.value.why == "refused"
    [allowed] = machine.cameras("OBS Virtual Camera")
    assert allowed.virtual
    assert allowed.usable


@pytest.mark.parametrize(
    ("card", "formats", "infrared"),
    [
        ("Integrated Camera", ("GREY",), True),
        ("Integrated Camera", ("GREY", "Y16", "Y8I"), True),
        ("Integrated IR Camera", ("YUYV",), True),
        ("Integrated Camera", ("YUYV", "GREY"), False),
        ("FIRST Camera", ("YUYV",), False),
    ],
)
def test_infrared(machine: Machine, card: str, formats: tuple[str, ...], infrared: bool) -> None:
    machine.plug("video0", USB, (webcam(card), formats))
    assert machine.cameras()[0].infrared is infrared


def test_formats_that_cannot_be_read_are_named(machine: Machine) -> None:
    machine.plug("video0", USB, (webcam(), ("BA10", "NV12")))
    [camera] = machine.cameras()
    assert not camera.usable
    assert camera.reason == "it offers BA10, NV12; faceauth reads MJPG, YUYV, GREY"


def test_a_node_that_may_not_be_opened_says_so(machine: Machine) -> None:
    machine.plug("video0", USB, PermissionError(errno.EACCES, "Permission denied"))
    [camera] = machine.cameras()
    assert camera.name == "from sysfs"
    assert not camera.usable
    assert "group video" in camera.reason


def test_a_camera_cannot_write_to_the_terminal(machine: Machine) -> None:
    machine.plug("video0", USB, (webcam("evil\x1b[2J\n\tcamera"), ("MJPG",)))
    assert machine.cameras()[0].name == "evil [2J camera"


def test_auto_is_the_first_that_sees_colours_and_may_be_used(machine: Machine) -> None:
    machine.plug("video0", None, (webcam("loop"), ("YUYV",)))
    machine.plug("video1", USB, (webcam("infrared"), ("GREY",)))
    machine.plug("video2", USB, (webcam("raw"), ("BA10",)))
    machine.plug("video3", USB, (webcam("good"), ("YUYV",)))
    machine.plug("video4", USB, (webcam("later"), ("MJPG",)))
    assert find_camera("auto", machine.cameras()).name == "good"


@pytest.mark.parametrize(
    ("parent", "formats", "reason"),
    [(None, ("YUYV",), "virtual"), (USB, ("GREY",), "infrared"), (USB, ("BA10",), "BA10")],
)
def test_auto_says_why_there_is_none(
    machine: Machine, parent: str | None, formats: tuple[str, ...], reason: str
) -> None:
    machine.plug("video0", parent, (webcam(), formats))
    with pytest.raises(CameraError, match=reason) as refused:
        find_camera("auto", machine.cameras())
    assert refused.value.why == "missing"


FIND: Mapping[str, Callable[[Machine], str]] = {
    "id": lambda _: "usb-C920",
    "node": lambda machine: str(machine.dev / "video0"),
    "link": lambda machine: str(machine.dev / "v4l/by-id/usb-C920"),
}


@pytest.mark.parametrize("how", FIND)
def test_a_camera_is_found_by_id_node_and_link(machine: Machine, how: str) -> None:
    machine.plug("video0", USB, (webcam(), ("MJPG",)))
    machine.link("by-id", "usb-C920", "video0")
    assert find_camera(FIND[how](machine), machine.cameras()).name == "HD Pro Webcam C920"


@pytest.mark.parametrize(
    ("device", "found"),
    [
        (("usb-dock", "usb-lid"), "dock"),
        (("usb-lid", "usb-dock"), "lid"),
        (("usb-gone", "usb-lid"), "lid"),
        (("/dev/v4l/by-id/usb-gone", "usb-loop", "usb-dock"), "dock"),
        (("usb-gone", "auto"), "lid"),
    ],
)
def test_of_several_the_first_that_is_there_and_may_be_used(
    machine: Machine, device: tuple[str, ...], found: str
) -> None:
    for node, (name, parent) in enumerate({"lid": USB, "dock": USB, "loop": None}.items()):
        machine.plug(f"video{node}", parent, (webcam(name), ("MJPG",)))
        machine.link("by-id", f"usb-{name}", f"video{node}")
    assert find_camera(device, machine.cameras()).name == found


def test_of_several_none_is_there_or_may_be_used(machine: Machine) -> None:
    with pytest.raises(CameraError, match="no camera 'usb-a'; there is no camera 'usb-b'") as none:
        find_camera(("usb-a", "usb-b"), machine.cameras())
    assert none.value.why == "missing"
    machine.plug("video0", None, (webcam("loop"), ("MJPG",)))
    machine.link("by-id", "usb-loop", "video0")
    with pytest.raises(CameraError, match="a virtual camera") as refused:
        find_camera(("usb-loop", "usb-b"), machine.cameras())
    assert refused.value.why == "refused"


def test_a_camera_that_is_not_there_is_missing(machine: Machine) -> None:
    with pytest.raises(CameraError, match="there is no camera 'usb-gone'") as refused:
        find_camera("usb-gone", machine.cameras())
    assert refused.value.why == "missing"
