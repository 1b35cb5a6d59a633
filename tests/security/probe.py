# SPDX-License-Identifier: MIT
"""Confines itself as the worker does, then tries what a worker that was taken over would try.

    probe.py WITHOUT FOLDER SOCKET VICTIM

WITHOUT names the layer that is left out ("landlock", "seccomp", "mdwe", "all"; "-" none), FOLDER
holds a file "secret", SOCKET is a listening Unix socket, VICTIM a process of the same user. Prints
one JSON object: attempt -> the errno that stopped it, or "" where nothing did.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import socket
import sys
import termios
from collections.abc import Callable
from pathlib import Path

from faceauthd import confinement, landlock, seccomp

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE = 0x4206
CLONE_NEWUSER = 0x10000000
IO_URING_SETUP = 425  # the same on every architecture
NO_SUCH_OPTION = 0x7FFFFFFF  # of prctl: as on a kernel that is older
READ_WRITE_EXECUTE = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC


def called(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def open_as(path: Path, flags: int) -> None:
    os.close(os.open(path, flags, 0o600))


def peek(victim: int) -> None:
    """Reads a byte of the victim's memory, where its program begins."""
    start = int(Path(f"/proc/{victim}/maps").read_text().split("-")[0], 16)
    with Path(f"/proc/{victim}/mem").open("rb", buffering=0) as memory:
        memory.seek(start)
        memory.read(1)


def start_program() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def use_io_uring() -> None:
    called(LIBC.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(120)))


def ask_a_pipe() -> None:
    read_end, _ = os.pipe()
    fcntl.ioctl(read_end, termios.FIONREAD, b"\0" * 4)


def make_executable() -> None:
    LIBC.mmap.restype = ctypes.c_void_p
    size, flags = mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    start = LIBC.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    called(LIBC.mprotect(ctypes.c_void_p(start), size, READ_WRITE_EXECUTE))


def connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def attempts(folder: Path, address: str, victim: int) -> dict[str, Callable[[], object]]:
    secret = folder / "secret"
    return {
        "read a file": secret.read_bytes,
        "list a folder": lambda: os.listdir(folder),  # noqa: PTH208
        "open a file to change it": lambda: open_as(secret, os.O_RDWR),
        "write a file": lambda: open_as(secret, os.O_WRONLY),
        "make a file": lambda: open_as(folder / "new", os.O_RDWR | os.O_CREAT),
        "truncate a file": lambda: os.truncate(secret, 3),
        "make a folder": (folder / "made").mkdir,
        "make a link": lambda: (folder / "link").symlink_to(secret),
        "rename a file": lambda: secret.rename(folder / "renamed"),
        "remove a file": (folder / "spare").unlink,
        "change a mode": lambda: folder.chmod(0o777),
        "connect to the bus": lambda: connect(address),
        "open a network socket": lambda: socket.socket(socket.AF_INET).close(),
        "start a program": start_program,
        "fork": fork,
        "signal another process": lambda: os.kill(victim, 0),
        "limit another process": lambda: resource.prlimit(victim, resource.RLIMIT_CORE, (0, 0)),
        "trace another process": lambda: called(LIBC.ptrace(PTRACE_SEIZE, victim, 0, 0)),
        "read another's memory": lambda: peek(victim),
        "make memory executable": make_executable,
        "map executable memory": lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=READ_WRITE_EXECUTE),
        "have a file in memory": lambda: os.close(os.memfd_create("x")),
        "enter a namespace": lambda: called(LIBC.unshare(CLONE_NEWUSER)),
        "use io_uring": use_io_uring,
        "ask a device what is not V4L2": ask_a_pipe,
    }


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


def main(without: str, folder: str, address: str, victim: str) -> None:
    tried = attempts(Path(folder), address, int(victim))
    if without == "landlock":
        landlock.version = lambda: 0
    elif without == "seccomp":
        seccomp.restrict = lambda: None
    elif without == "mdwe":
        confinement._PR_SET_MDWE = NO_SUCH_OPTION
    if without != "all":
        confinement.confine(os.getppid(), [])
    json.dump({name: outcome(attempt) for name, attempt in tried.items()}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
