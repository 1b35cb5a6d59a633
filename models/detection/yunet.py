# SPDX-License-Identifier: MIT
"""YuNet: a small detector that also finds small and turned faces, with real landmarks.

It looks twice. In the whole frame, reduced to ``LONG_SIDE``, it finds the faces (3 ms); in a small
crop around each face it finds the landmarks (1 ms). How well YuNet places landmarks depends on
the size of the face it sees: between about 110 and 130 pixels they are worse, and MobileFaceNet
then refuses 5.3 % of genuine pairs in place of 3.5 % (docs/accuracy.md). With the second look every
face is seen at one size, so neither the camera nor the distance matters.

A face that was found so can be followed by one look at the whole frame, reduced to ``GLANCE``, in a
quarter of the time. In 605 frames of 22 clips it saw as many usable faces as the full look in 603,
each box sharing at least 0.77 with the full look's. Its landmarks are too coarse to recognise by.

What the network answers is decoded as OpenCV's FaceDetectorYN does, which runs the same network in
twice the time; a test compares the two.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import Box, Face, Image
from models.registry import Model
from models.runtime import SizedNetwork
from models.scaling import halved, scaled_by_halves

LONG_SIDE = 320
GLANCE = 160  # pixels: there a face of 60 in a frame of 640 is 15 wide
CROP = 160  # pixels of the second look,
MARGIN = 1.6  # which shows so many times the face's longer side
SMALLEST = 8  # pixels; with less of it in the frame there is nothing to see again
MOST_HALVINGS = 3  # which leave a pixel of these
SURE = 0.7  # YuNet's score, 0-1
OVERLAP = 0.3  # boxes that share more than this are one face
# Of one face the two looks' boxes share at least this; in 739 faces of clips and LFW, 0.67 or more.
AGREED = 0.5

STRIDES = (8, 16, 32)  # pixels between the places that each of the network's levels looks at
# Heights and widths of the two glances at a camera of 640 x 480, with which a first login begins.
USUAL = ((256, 320), (128, 160))

Rows = NDArray[np.float32]  # (n, 15): x, y, width, height, five points, score


class YuNetDetector:
    """Faces by YuNet."""

    def __init__(self, model: Model, models_dir: Path) -> None:
        """Load it; ModelError where it is missing, changed or unusable."""
        self._network = SizedNetwork(model.only_file(models_dir), model.name)
        for height, width in USUAL:
            self._network.prepare((height, width))

    def detect(self, image: Image) -> list[Face]:
        """All faces in ``image``; score is YuNet's, 0.7 to 1."""
        faces = self._glance(image, LONG_SIDE)
        looks = (self._look_again(image, face.box) for face in faces)
        return [
            face if landmarks is None else replace(face, landmarks=landmarks.astype(np.float32))
            for face, landmarks in zip(faces, looks, strict=True)
        ]

    def follow(self, image: Image, _before: Face) -> list[Face]:
        """All faces that a glance at ``image`` shows, with coarse landmarks."""
        return self._glance(image, GLANCE)

    def _glance(self, image: Image, long_side: int) -> list[Face]:
        small, scale = scaled_by_halves(image, long_side)
        faces = []
        for row in decoded(self._network.run(small), small.shape[:2]):
            box = Box(*(float(value) for value in row[:4] / scale))
            landmarks = (row[4:14] / scale).reshape(5, 2).astype(np.float32)
            faces.append(Face(box, landmarks, float(row[14])))
        return faces

    def _look_again(self, image: Image, box: Box) -> NDArray[np.float32] | None:
        """The landmarks of the face in ``box``, seen at one size; None where it is not seen there.

        A small photograph before a face is seen there too, and nearer to the centre. By its
        landmarks it would be the photograph that is recognised, and the face behind it that is
        live: so what counts is the same box.
        """
        centre = np.array(box.centre)
        reach = MARGIN / 2 * max(box.width, box.height)
        limits = image.shape[1], image.shape[0]
        left, top = np.clip(np.floor(centre - reach), 0, limits).astype(int)
        right, bottom = np.clip(np.ceil(centre + reach), 0, limits).astype(int)
        if right - left < SMALLEST or bottom - top < SMALLEST:
            return None
        scale = CROP / (2 * reach)
        halvings = min(max(int(-np.log2(scale)), 0), MOST_HALVINGS)
        size = max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        crop = image[top:bottom, left:right]
        for _ in range(halvings):  # an odd column that falls away moves less than rounding does
            crop = halved(crop)
        crop = np.asarray(cv2.resize(crop, size, interpolation=way), np.uint8)
        rows = decoded(self._network.run(crop), crop.shape[:2])
        if len(rows) == 0:
            return None
        boxes = [Box(*(row[:4] / scale + (left, top, 0, 0)).tolist()) for row in rows]
        overlaps = [box.overlap(seen) for seen in boxes]
        best = int(np.argmax(overlaps))
        if overlaps[best] < AGREED:
            return None
        points: NDArray[np.float32] = rows[best, 4:14].reshape(5, 2) / scale + (left, top)
        return points


def decoded(outputs: Sequence[NDArray[np.float32]], size: tuple[int, ...]) -> Rows:
    """The faces in the network's answer to an image of this (height, width), the surest first.

    The answer has, for each level, at each place: how sure it is that a face is there, twice; the
    face's centre, from there, and the logarithms of its width and height; and the five points.
    All but the first two are in strides.
    """
    rows = np.concatenate(
        [_level(outputs[level::3], stride, size) for level, stride in enumerate(STRIDES)]
    )
    if len(rows) == 0:
        return rows
    corners = rows[:, :4].astype(int).tolist()  # FaceDetectorYN compares boxes in whole pixels
    kept = cv2.dnn.NMSBoxes(corners, rows[:, 14].tolist(), SURE, OVERLAP)
    surest: Rows = rows[np.asarray(kept, int).reshape(-1)]
    return surest


def _level(outputs: Sequence[NDArray[np.float32]], stride: int, size: tuple[int, ...]) -> Rows:
    faces, objects, boxes, points = (output[0] for output in outputs)
    # Both are 1 at most, and nearly all places fall by the first alone.
    found = np.flatnonzero(faces[:, 0] >= SURE**2 * 0.99)
    scores = np.sqrt(np.clip(faces[found, 0], 0, 1) * np.clip(objects[found, 0], 0, 1))
    found, scores = found[scores >= SURE], scores[scores >= SURE]
    columns = -(-size[1] // SizedNetwork.STEP) * SizedNetwork.STEP // stride
    place = np.column_stack([found % columns, found // columns]).astype(np.float32)
    lengths = np.exp(boxes[found, 2:]) * stride
    corner = (place + boxes[found, :2]) * stride - lengths / 2
    landmarks = (points[found].reshape(-1, 5, 2) + place[:, None]) * stride
    return np.column_stack([corner, lengths, landmarks.reshape(-1, 10), scores])
