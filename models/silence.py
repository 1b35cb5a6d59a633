# SPDX-License-Identifier: MIT
"""Libraries that write to the descriptor of stderr, and cannot be told not to, kept quiet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silence(mode: int = os.O_WRONLY) -> Iterator[None]:
    """Nothing on stderr, whoever of this process writes there meanwhile.

    With os.O_RDONLY what is written there fails, for those who may open nothing to write.
    """
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, mode)
    except OSError:  # it is closed, or there is no descriptor left
        yield
        return
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
