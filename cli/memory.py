# SPDX-License-Identifier: MIT
"""Files in memory: what belongs to the caller goes to the daemon in these, and comes back in them.

The daemon is handed no file of the caller's. AppArmor and SELinux judge a file that is handed over
as they do one that is opened, and their profiles need not know where people keep theirs; and nobody
changes one that is sealed while it is read.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def new_memory() -> int:
    """The descriptor of an empty file in memory, to be sealed or written by whoever gets it."""
    return os.memfd_create("faceauth", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def seal(fd: int) -> None:
    """Let nobody change it any more, and have it read from its beginning."""
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    os.lseek(fd, 0, os.SEEK_SET)


@contextmanager
def memory(content: bytes = b"") -> Iterator[IO[bytes]]:
    """A file in memory, with this in it, at its beginning; gone with the block."""
    with os.fdopen(new_memory(), "w+b", buffering=0) as file:
        left = memoryview(content)
        while left:
            left = left[file.write(left) :]
        file.seek(0)
        yield file
