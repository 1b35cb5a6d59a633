# SPDX-License-Identifier: MIT
"""A data set whose live faces are bright and whose attacks are dark, and a network to learn it.

The network's features are the mean of each colour, so that a head on it is learnt in no time.
"""

from pathlib import Path

import cv2
import numpy as np

from tests.models.tiny import affine

SIDE = 96
START = affine(np.zeros((3, 3)), np.zeros(3), size=80)
HEAD = "path,source,view,label,species,subject,session,box_x,box_y,box_w,box_h"


def picture(path: Path, light: int, rng: np.random.Generator) -> None:
    """Noise of this mean light."""
    image = rng.normal(light, 12, (SIDE, SIDE, 3)).clip(1, 255).astype(np.uint8)
    assert cv2.imwrite(str(path), image)


def recorded(folder: Path, per_kind: int, seed: int = 0, source: str = "cam") -> Path:
    """A data set: bright live faces, dark attacks, a recording for each image."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [HEAD]
    for species, light in (("", 170), ("print", 90), ("phone", 70)):
        for number in range(per_kind):
            name = f"{species or 'live'}-{number:03}.png"
            picture(folder / name, light, rng)
            label = "fake" if species else "real"
            rows.append(f"{name},{source},fullframe,{label},{species},,{name},24,24,40,40")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder
