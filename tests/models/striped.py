# SPDX-License-Identifier: MIT
"""Recordings of noise, each with a colour of its own; attacks have stripes, or nothing at all."""

from pathlib import Path

import cv2
import numpy as np

from models.evaluation.datasets import Sample
from models.face import Box

BOX = Box(12, 12, 24, 24)


def recordings(
    folder: Path, per_kind: int, frames: int, *, signal: bool, seed: int = 0
) -> list[Sample]:
    """Noise with a colour of its own for each recording, and stripes on attacks if ``signal``."""
    rng = np.random.default_rng(seed)
    found = []
    for live in (True, False):
        for number in range(per_kind):
            colour = rng.uniform(40, 215, 3)
            for frame in range(frames):
                image = colour + rng.normal(0, 6, (48, 48, 3))
                if signal and not live:
                    image[np.arange(48) % 8 < 4] -= 60  # wide enough for any camera's blur
                path = folder / f"{live}-{number}-{frame:03}.png"
                cv2.imwrite(str(path), image.clip(0, 255).astype(np.uint8))
                session = f"{live}-{number}"
                species = "" if live else "print"
                found.append(Sample(path, live, species, "cam", "p", session, "fullframe", BOX))
    return found
