# SPDX-License-Identifier: MIT
"""How much a process grows: memory, descriptors, threads."""

import re
import time
from dataclasses import astuple, dataclass
from pathlib import Path

# Of anonymous memory, in KiB, that a warm process may gain however long it runs: allocators keep
# what was freed. Half a kilobyte a scan would be more than this after ten thousand.
SLACK_KIB = 4 * 1024
LOOKS, PAUSE = 10, 0.1  # how often, and seconds between


@dataclass(frozen=True)
class Size:
    """A process at one moment; ``memory`` is anonymous memory in KiB."""

    memory: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Size":
        status = Path(f"/proc/{pid}/status").read_text()
        return cls(
            _number(status, "RssAnon"),
            len([*Path(f"/proc/{pid}/fd").iterdir()]),
            _number(status, "Threads"),
        )

    @classmethod
    def at_rest(cls, pid: int) -> "Size":
        """The smallest of some, between which a thread may end that was about to."""
        sizes = []
        for _ in range(LOOKS):
            sizes.append(cls.of(pid))
            time.sleep(PAUSE)
        return cls(*(min(each) for each in zip(*map(astuple, sizes), strict=True)))

    def faults(self, name: str, later: "Size") -> list[str]:
        """What of it grew as it must not."""
        found = []
        if later.memory > self.memory + SLACK_KIB:
            found.append(f"{name}: memory grew from {self.memory} to {later.memory} KiB")
        if later.descriptors > self.descriptors:
            found.append(f"{name}: descriptors grew from {self.descriptors} to {later.descriptors}")
        if later.threads > self.threads:
            found.append(f"{name}: threads grew from {self.threads} to {later.threads}")
        return found


def _number(status: str, key: str) -> int:
    found = re.search(rf"^{key}:\s*(\d+)", status, re.MULTILINE)
    assert found, status
    return int(found[1])
