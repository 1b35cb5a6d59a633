# SPDX-License-Identifier: MIT
"""Reading a file that a person named: a regular one, and no more of it than any real one has."""

import errno
import os
import stat
from pathlib import Path

MOST = 64 << 20  # bytes; the largest known network has 2 million


def read(path: Path, most: int = MOST) -> bytes:
    """The file's bytes.

    OSError, whose ``strerror`` says it in words, also for a FIFO, which nobody may ever write to,
    for a device, which may have no end, and for what is larger than ``most`` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"Larger than {most >> 20} MiB", str(path))
    return data
