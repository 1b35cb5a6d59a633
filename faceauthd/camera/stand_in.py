# SPDX-License-Identifier: MIT
"""A file or a folder of pictures in place of a camera, as an open descriptor.

The daemon opens it at each scan and hands it to the worker, which may open no files. A folder
becomes an archive in memory. Links are followed, so what a link shows can be switched. Nothing
here decodes, or needs OpenCV.
"""

import os
import stat
import tarfile
from pathlib import Path
from typing import TypeGuard

from faceauthd.camera.terms import CameraError, Device, printable

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
MOST_PICTURES = 2000
LARGEST_ARCHIVE = 544 << 20  # bytes: 512 MiB of pictures and their headers


def is_stand_in(device: Device) -> TypeGuard[str]:
    """Whether the configuration's ``camera.device`` names a file or folder, if it is there.

    A list of cameras never does.
    """
    return isinstance(device, str) and Path(device).is_absolute() and not _is_device(Path(device))


def is_meant_as_file(device: Device) -> TypeGuard[str]:
    """Whether it is the path of anything but a device node, there or not."""
    return isinstance(device, str) and device.startswith("/") and not device.startswith("/dev/")


def open_stand_in(device: str) -> int:
    """The file, or an archive of the folder's pictures, open for reading; raises CameraError."""
    path = Path(device)
    return _pack(path) if path.is_dir() else _open(path)


def _pack(folder: Path) -> int:
    """The pictures directly in ``folder``, by suffix; hidden files are left out."""
    try:
        pictures = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ]
    except OSError as error:
        raise CameraError("broken", f"cannot read the folder: {error.strerror}") from None
    if not pictures:
        raise CameraError("broken", f"the folder holds no picture ({', '.join(SUFFIXES)})")
    if len(pictures) > MOST_PICTURES:
        raise CameraError("broken", f"the folder holds more than {MOST_PICTURES} pictures")
    fd = os.memfd_create("faceauth-pictures", os.MFD_CLOEXEC)
    try:
        with open(fd, "wb", closefd=False) as file, tarfile.open(fileobj=file, mode="w") as archive:
            for picture in pictures:
                _add(archive, picture)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _add(archive: tarfile.TarFile, picture: Path) -> None:
    name = printable(picture.name)
    try:
        with open(_open(picture), "rb") as file:
            member = tarfile.TarInfo(name)
            member.size = os.fstat(file.fileno()).st_size
            if archive.offset + member.size > LARGEST_ARCHIVE:
                most = LARGEST_ARCHIVE >> 20
                raise CameraError("broken", f"the folder holds more than {most} MiB")
            archive.addfile(member, file)
    except OSError as error:
        raise CameraError("broken", f"{name}: {error.strerror or error}") from None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold us
    except FileNotFoundError:
        raise CameraError("missing", f"there is no {path}") from None
    except OSError as error:
        raise CameraError("refused", f"{path}: {error.strerror}") from None


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False
