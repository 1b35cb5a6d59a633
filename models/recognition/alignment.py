# SPDX-License-Identifier: MIT
"""Turn, scale and shift a face so that its five landmarks come to lie where networks expect them.

A similarity keeps the face's proportions; it is the least-squares one (Umeyama 1991, without
reflection), which is closed-form and the same on every machine.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.face import Image

SIZE = 112
FINEST = 16  # times SIZE: 1792 pixels, for faces of 3,600

# Where ArcFace's training put the landmarks in 112 x 112 pixels (insightface, MIT); MobileFaceNet
# and SFace were trained on the same. Order of models.face.Face.
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    np.float32,
)


def similarity(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """The (2, 3) matrix that brings ``source`` nearest to ``target``, both (n, 2).

    Raises ModelError where the source's points are one point, or not numbers.
    """
    if not np.isfinite(source).all():
        raise ModelError("the face's landmarks cannot be aligned: they are not numbers")
    source64, target64 = source.astype(np.float64), target.astype(np.float64)
    middle, wanted = source64.mean(axis=0), target64.mean(axis=0)
    a, b = source64 - middle, target64 - wanted
    size = float((a**2).sum())
    if size < 1e-6:
        raise ModelError("the face's landmarks cannot be aligned: they lie on one point")
    cosine = (a * b).sum() / size
    sine = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([turn, (wanted - turn @ middle)[:, None]])


def aligned(image: Image, landmarks: NDArray[np.float32]) -> Image:
    """The face as (112, 112, 3) uint8, or (112, 112) of a grey image; black beyond its edges."""
    matrix = similarity(landmarks, TEMPLATE)
    finer = _finer(float(np.hypot(matrix[0, 0], matrix[1, 0])))
    # Pixels are at their centres, so the finer face's first one lies before the coarser's.
    matrix = matrix * finer + np.array([[0, 0, (finer - 1) / 2]] * 2)
    face: Image = cv2.warpAffine(image, matrix, (SIZE * finer, SIZE * finer))
    if finer > 1:
        face = cv2.resize(face, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return face


def _finer(scale: float) -> int:
    """How many times larger to draw a face that shrinks to ``scale``, to be averaged down then.

    Skipped pixels would be noise. (To average the image first costs ten times as much.)
    """
    finer = 1
    while scale * finer < 0.5 and finer < FINEST:
        finer *= 2
    return finer


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """``vector`` (d,) scaled to length 1; ModelError where it has no direction."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-6:
        raise ModelError("the network's embedding has no direction")
    return (vector / length).astype(np.float32)
