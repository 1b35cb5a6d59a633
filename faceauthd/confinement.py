# SPDX-License-Identifier: MIT
"""What a process gives up before it reads a byte of anybody's data.

``keep_memory_private`` is for the daemon: nobody else's process, the worker's included, can look
into its memory or trace it, and no core dump leaves it. ``confine`` is for the worker, which
decodes what cameras and strangers send: in three layers, so that each stands where another is
missing. docs/sandbox.md says what holds on which kernel, SECURITY.md what each is good against.

  prctl      dies with the daemon, gains no rights by running programs, makes no memory executable
  Landlock   reads programs, libraries and models, opens devices; sees no other file (Linux 5.13)
  seccomp    no sockets, processes, programs, signals to others or new files; V4L2's ioctls alone

A kernel without Landlock is said in the log, and the others still hold; all else that fails is a
ConfinementError, and who gets that does not begin to work.
"""

import ctypes
import logging
import os
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import models
from faceauthd import landlock, seccomp

log = logging.getLogger("faceauth-worker")

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_MDWE = 65

_MOST_DESCRIPTORS = 256  # loading dlib's engine and a scan closed none above 6

# What a Python program reads beside its own packages; /usr holds the C library and the interpreter.
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/sys"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys"),
)


class ConfinementError(Exception):
    """The process cannot give up what it must not have; the text says what, in one line."""


def keep_memory_private() -> None:
    """No core dump, no tracing and no /proc/PID/mem for anybody but root.

    A core limit of 0 does not keep the kernel from handing a dump to a program, systemd-coredump
    say. Raises ConfinementError.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl("dumpable", _PR_SET_DUMPABLE, 0)


def confine(parent: int, readable: Iterable[Path]) -> None:
    """For the worker of the daemon ``parent``; ``readable`` are the folders that hold its models.

    Raises ConfinementError. Ends the process where the daemon is gone already.
    """
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - Landlock binds one thread
        raise ConfinementError("threads were started before it was confined")
    keep_memory_private()
    most = min(_MOST_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _prctl("death signal", _PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # the daemon died before it could be said that we die with it
        os._exit(0)
    _prctl("no new privileges", _PR_SET_NO_NEW_PRIVS, 1)
    try:
        if not landlock.restrict(read=(*_program_files(), *readable), devices=[Path("/dev")]):
            log.warning("this kernel has no Landlock: the worker can read the daemon's files")
        _libc().prctl(_PR_SET_MDWE, 1, 0, 0, 0)  # Linux 6.3; before, the unit's own has to do
        seccomp.restrict()
    except OSError as error:
        raise ConfinementError(f"{error.filename or 'the kernel'}: {error.strerror}") from None


def _program_files() -> list[Path]:
    """Where the interpreter, the libraries, and our own packages lie."""
    ours = (str(Path(__file__).parent), *models.__path__)
    entries: tuple[str, ...] = (*_SYSTEM, *sys.path, sys.prefix, sys.base_prefix, *ours)
    return [path for entry in entries if entry and (path := Path(entry)).exists()]


def _prctl(what: str, option: int, value: int) -> None:
    if _libc().prctl(option, value, 0, 0, 0) != 0:
        raise ConfinementError(f"{what}: {os.strerror(ctypes.get_errno())}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
