# SPDX-License-Identifier: MIT
"""What a part of the soak found, and the table of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Report:
    """One part's count of what it did and of what must never happen.

    ``faults`` says in one line each what went wrong otherwise; ``notes`` what was measured.
    """

    part: str
    done: int = 0
    wrong_accepts: int = 0
    lost_templates: int = 0
    hangs: int = 0
    faults: list[str] = field(default_factory=list)
    notes: str = ""
    seconds: float = 0.0

    @property
    def bad(self) -> bool:
        return bool(self.wrong_accepts or self.lost_templates or self.hangs or self.faults)


HEAD = "| part | done | wrong accepts | lost templates | hangs | seconds | measured |"
RULE = "| --- | --: | --: | --: | --: | --: | --- |"


def table(reports: Sequence[Report]) -> str:
    """The summary, as Markdown; faults below."""
    rows = [
        f"| {one.part} | {one.done:,} | {one.wrong_accepts} | {one.lost_templates} | {one.hangs}"
        f" | {one.seconds:.0f} | {one.notes} |"
        for one in reports
    ]
    faults = [f"{one.part}: {fault}" for one in reports for fault in one.faults]
    return "\n".join([HEAD, RULE, *rows, *(["", *faults] if faults else [])])
