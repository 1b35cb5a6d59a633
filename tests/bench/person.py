# SPDX-License-Identifier: MIT
"""Who logs in: somebody of ../shared/data where that is, else scikit-image's astronaut."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness import clips, pictured
from tests.harness.data import SHARED
from tests.harness.rig import Rig

NAME = "alice"
# What README.md tells people to install; liveness is what ships.
INSTALLED = ("yunet", "mobilefacenet")


@dataclass(frozen=True)
class Person:
    """A clip to enrol from, one of a later moment, and words for who it is."""

    enrol: Path
    later: Path
    words: str
    live: bool  # whether the clips are of a live person


def person(folder: Path) -> Person:
    real = SHARED / "video" / "pairs" / "apfol" / "genuine.webm"
    if real.exists():
        words = "../shared/data/video/pairs/apfol/genuine.webm"
        return Person(*clips.halves(real, folder), words, live=True)
    picture = pictured.somebody()
    enrol = clips.from_picture(folder / "enrol.avi", picture)
    later = clips.from_picture(folder / "later.avi", picture, start=45)
    words = "scikit-image's astronaut (a picture, so without liveness)"
    return Person(enrol, later, words, live=False)


@contextmanager
def rigged(
    somebody: Person, *, paced: bool, engine: str = "auto", config: str = ""
) -> Iterator[Rig]:
    """A rig in which the person is enrolled and sits before the camera."""
    config += f"[camera]\npaced = {str(paced).lower()}\n"
    if not somebody.live:
        config += "[verify]\nliveness = []\n"
    with Rig(somebody.enrol, users=[NAME], config=config, install=INSTALLED, engine=engine) as rig:
        with rig.client() as daemon:
            daemon.enroll(NAME, "bench")
        rig.show(somebody.later)
        yield rig


def accepted(rig: Rig) -> bool:
    return rig.pam("face", NAME).code == "SUCCESS"
