# SPDX-License-Identifier: MIT
"""What the worker saw in one frame, and all that the daemon ever learns of it.

An observation holds no pixels. Sessions judge observations and nothing else, so that they can be
tested without camera, model or bus.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.face import Box
from models.pose import Pose


@dataclass(frozen=True, eq=False)
class Observation:
    """One frame, measured.

    index       number of the frame in this scan, from 0; frames that were dropped count
    at          seconds since the scan's first frame by the source's own clock (capture time of a
                camera, media time of a file)
    faces       how many faces of usable size the frame holds
    small       how many faces were found that are too small to use
    brightness  mean luminance 0-255 of the face, or of the frame where it holds no single face
    size        (width, height) of the frame in pixels
    box         the face's box; None unless faces == 1 (so are all fields below)
    landmarks   (5, 2) float32, pixels, in the order of models.face.Face
    sharpness   variance of the Laplacian over the aligned face; larger is sharper;
                0 where the face was followed
    yaw         rough head turn from the landmarks, about -1 (to the image's left) to 1
    embedding   (d,) float32, as the engine's similarity expects it
    liveness    liveness model id -> probability 0-1 that the face is live; each model may only deny
    pose        how the head is held, and the eyes; None where no challenge asks for it
    once        the embedding is of the face alone, and not averaged with its mirror image's
    """

    index: int
    at: float
    faces: int
    small: int
    brightness: float
    size: tuple[int, int]
    box: Box | None = None
    landmarks: NDArray[np.float32] | None = None
    sharpness: float = 0.0
    yaw: float = 0.0
    embedding: NDArray[np.float32] | None = None
    liveness: dict[str, float] = field(default_factory=dict)
    pose: Pose | None = None
    once: bool = False
