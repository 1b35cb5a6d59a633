# SPDX-License-Identifier: MIT
"""Two people where there is no real data: the astronaut that ships with scikit-image, and somebody
made from her.

The second one has another skull, smaller eyes and a wider nose and mouth. dlib's network
measures a distance of 0.74 between the two; it calls 0.6 another person, and faceauth is stricter
than that. What the camera shows stays a picture, so liveness must be off with these.
"""

import cv2
import numpy as np
import skimage.data

from models.face import Image

# Where the face is in the picture: the centre and the width of the box that dlib finds, in pixels.
CENTRE, FACE = (220.0, 121.0), 90.0
# What is scaled within the face: centre, reach and factor, all in widths of the face.
FEATURES = (
    (-0.18, -0.12, 0.16, 0.6),  # her right eye
    (0.18, -0.12, 0.16, 0.6),
    (0.0, 0.12, 0.16, 1.6),  # the nose
    (0.0, 0.32, 0.20, 1.6),  # the mouth
)
WIDER, LOWER = 1.3, 0.85  # the skull


def astronaut() -> Image:
    """The picture, (512, 512, 3) BGR."""
    return np.asarray(cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR), np.uint8)


def somebody_else() -> Image:
    """The same picture with another face in it."""
    picture = astronaut()
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    x, y = (columns - CENTRE[0]) / FACE, (rows - CENTRE[1]) / FACE
    source_x, source_y = x / WIDER, y / LOWER
    for feature_x, feature_y, reach, factor in FEATURES:
        near = np.exp(-(((x - feature_x) / reach) ** 2 + ((y - feature_y) / reach) ** 2))
        source_x += (x - feature_x) * (1 / factor - 1) * near
        source_y += (y - feature_y) * (1 / factor - 1) * near
    head = np.exp(-((x / 0.75) ** 4 + (y / 0.95) ** 4))  # 1 within the face, 0 outside
    return np.asarray(
        cv2.remap(
            picture,
            ((x + (source_x - x) * head) * FACE + CENTRE[0]).astype(np.float32),
            ((y + (source_y - y) * head) * FACE + CENTRE[1]).astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )
