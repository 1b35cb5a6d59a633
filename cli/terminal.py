# SPDX-License-Identifier: MIT
"""Whether there is a person to ask, and polkit's own questions on a terminal.

A desktop has a polkit agent that opens a dialogue; on a text console or over ssh nobody answers
polkit, so ``pkttyagent`` asks there, as it does for systemctl.
"""

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

REGISTERED_WITHIN = 5  # seconds; without polkit the agent ends at once, this only guards a hang


def has_terminal() -> bool:
    """Whether this process has a controlling terminal that a question can be put on."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


@contextmanager
def polkit_agent() -> Iterator[None]:
    """While the block runs, polkit's questions about this process are asked on the terminal.

    Nothing where nobody needs asking (root), nobody can be (no terminal), or polkit is not
    installed: polkit then says no by itself. A desktop's own agent goes first (``--fallback``).
    """
    agent = shutil.which("pkttyagent")
    if os.geteuid() == 0 or agent is None or not has_terminal():
        yield
        return
    registered, notify = os.pipe()
    # Its stdio is not ours: the agent talks to the terminal itself, and stdout is for answers.
    process = subprocess.Popen(
        [agent, "--process", str(os.getpid()), "--notify-fd", str(notify), "--fallback"],
        pass_fds=[notify],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(notify)
    try:
        select.select([registered], [], [], REGISTERED_WITHIN)  # closed once it is registered
        yield
    finally:
        os.close(registered)
        process.terminate()
        process.wait()
