# SPDX-License-Identifier: MIT
"""Recordings as a test needs them: names without files."""

from pathlib import Path

from models.evaluation.datasets import Sample
from models.face import Box

BOX = Box(70, 60, 60, 80)


def sample(source: str, session: str, frame: int, *, live: bool, species: str = "print") -> Sample:
    path = Path(f"{source}-{session}-{frame:03}.png")
    species = "" if live else species
    return Sample(path, live, species, source, "p", session, "fullframe", BOX)


def recording(
    source: str, session: str, frames: int, *, live: bool, species: str = "print"
) -> list[Sample]:
    return [sample(source, session, frame, live=live, species=species) for frame in range(frames)]
