# SPDX-License-Identifier: MIT
"""Landlock: what of the file system this process may still open; see landlock(7).

It binds the calling thread and whatever that starts, for ever. Files that are open already stay
open. Where the kernel knows them, TCP, abstract sockets and signals to the outside go as well; and
whoever is restricted can trace nobody outside.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1

# linux/landlock.h
_WRITE_FILE, _READ_FILE, _READ_DIR, _IOCTL_DEV = 1 << 1, 1 << 2, 1 << 3, 1 << 15
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights to files a version knows; later ones: 16
_ALL_OF_TCP, _ALL_SCOPES = 0b11, 0b11


class _Ruleset(ctypes.Structure):
    """What is forbidden but for the rules; a kernel takes the beginning that it knows."""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("tcp", ctypes.c_uint64),  # version 4
        ("scopes", ctypes.c_uint64),  # version 6: abstract sockets, signals
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """The kernel's, 0 where it has none or it is switched off."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def restrict(read: Iterable[Path], devices: Iterable[Path]) -> bool:
    """Leaves what is beneath ``read`` to be read, and devices beneath ``devices`` to be used.

    The paths must exist; no_new_privs must be set. False where the kernel has no Landlock, OSError
    where it fails.
    """
    known = version()
    if not known:
        return False
    rights = (1 << _RIGHTS.get(known, 16)) - 1
    scopes = _ALL_SCOPES if known >= 6 else 0
    forbidden = _Ruleset(rights, _ALL_OF_TCP if known >= 4 else 0, scopes)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = _checked(_CREATE_RULESET, ctypes.byref(forbidden), size, 0)
    try:
        for path in read:
            _allow(ruleset, path, rights & (_READ_FILE | _READ_DIR))
        for path in devices:
            _allow(ruleset, path, rights & (_READ_FILE | _READ_DIR | _WRITE_FILE | _IOCTL_DEV))
        _checked(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: Path, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= ~_READ_DIR  # a file has no right of a folder
        rule = _PathBeneath(rights, handle)
        _checked(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(handle)


def _checked(number: int, *arguments: object) -> int:
    result = _call(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "Landlock")
    return result


def _call(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))
