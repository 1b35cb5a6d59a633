# SPDX-License-Identifier: MIT
"""Two people where there is no real data, out of pictures that ship inside scikit-image.

Somebody: NASA's portrait of an astronaut. Somebody else: a man of "Labeled Faces in the Wild", of
whom scikit-image has 25×25 pixels; enlarged, both engines find and compare him well enough (cosine
to the astronaut: dlib 0.82, where 0.95 is the threshold; MobileFaceNet 0.03, where it is 0.44).
They are pictures, so liveness must be off with them.
"""

import cv2
import numpy as np
import skimage.data

from models.face import Image

SIDE = 512  # pixels of both pictures
FACE = 190  # pixels of the enlarged face
WHO = 10  # of scikit-image's subset; the first hundred are faces


def somebody() -> Image:
    """The astronaut, (512, 512, 3) BGR."""
    return np.asarray(cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR), np.uint8)


def somebody_else() -> Image:
    """The other face before a grey wall, (512, 512, 3) BGR."""
    small = (skimage.data.lfw_subset()[WHO] * 255).astype(np.float32)
    face = cv2.resize(small, (FACE, FACE), interpolation=cv2.INTER_CUBIC)
    edge = (SIDE - FACE) // 2
    picture = np.full((SIDE, SIDE), 120, np.float32)
    rows, columns = np.mgrid[-1 : 1 : FACE * 1j, -1 : 1 : FACE * 1j]
    within = 1 / (1 + np.exp(25 * (np.hypot(rows, columns * 1.15) - 0.95)))  # a soft oval
    picture[edge : edge + FACE, edge : edge + FACE] *= 1 - within
    picture[edge : edge + FACE, edge : edge + FACE] += face * within
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
