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
from models.scaling import halved

SIZE = 112

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

    Raises ModelError where the source's points are one point, not numbers, or nothing of the kind.
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
    if cosine == sine == 0:  # the nearest is a point
        raise ModelError("the face's landmarks cannot be aligned: they are nothing like a face's")
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([turn, (wanted - turn @ middle)[:, None]])


def aligned(image: Image, landmarks: NDArray[np.float32]) -> Image:
    """The face as (112, 112, 3) uint8, or (112, 112) of a grey image; black beyond its edges."""
    face, matrix = _reduced(image, similarity(landmarks, TEMPLATE))
    return np.asarray(cv2.warpAffine(face, matrix, (SIZE, SIZE)), np.uint8)


def _reduced(image: Image, matrix: NDArray[np.float64]) -> tuple[Image, NDArray[np.float64]]:
    """A face that ``matrix`` shrinks to less than half, halved before, and the matrix from there.

    Skipped pixels would be noise.
    """
    turn, shift = matrix[:, :2], matrix[:, 2]
    if _scale(turn) >= 0.5:
        return image, matrix
    corners = np.array([[0, 0], [0, SIZE], [SIZE, 0], [SIZE, SIZE]]) - shift
    corners = corners @ np.linalg.inv(turn).T
    margin = 2 / _scale(turn)  # of two pixels in what comes out
    limits = image.shape[1], image.shape[0]
    left, top = np.clip(corners.min(axis=0) - margin, 0, limits).astype(int)
    right, bottom = np.clip(corners.max(axis=0) + margin, 0, limits).astype(int)
    if min(right - left, bottom - top) < 2:  # hardly any of it is in the picture
        return image, matrix
    face, shift = image[top:bottom, left:right], shift + turn @ (left, top)
    while _scale(turn) < 0.5 and min(face.shape[:2]) > 1:
        # A pixel's middle is what lies at its whole numbers: of four, between them.
        face, shift, turn = halved(face), shift + turn @ (0.5, 0.5), 2 * turn
    return face, np.column_stack([turn, shift])


def _scale(turn: NDArray[np.float64]) -> float:
    return float(np.hypot(turn[0, 0], turn[1, 0]))


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """``vector`` (d,) scaled to length 1; ModelError where it has no direction."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-6:
        raise ModelError("the network's embedding has no direction")
    return (vector / length).astype(np.float32)
