# SPDX-License-Identifier: MIT
"""YuNet: a small detector that also finds small and turned faces, with real landmarks.

It looks twice. In the whole frame, reduced to ``LONG_SIDE``, it finds the faces (5 ms); in a small
crop around each face it finds the landmarks (1.4 ms). How well YuNet places landmarks depends on
the size of the face it sees: between about 110 and 130 pixels they are worse, and MobileFaceNet
then refuses 5.3 % of genuine pairs in place of 3.5 % (docs/accuracy.md). With the second look every
face is seen at one size, so neither the camera nor the distance matters.

A face that was found so can be followed by one look at the whole frame, reduced to ``GLANCE``, in a
quarter of the time. In 605 frames of 22 clips it saw as many usable faces as the full look in 603,
each box sharing at least 0.77 with the full look's. Its landmarks are too coarse to recognise by.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detection.scaling import scaled
from models.errors import ModelError
from models.face import Box, Face, Image
from models.registry import Model
from models.runtime import prepare

LONG_SIDE = 320
GLANCE = 160  # pixels: there a face of 60 in a frame of 640 is 15 wide
CROP = 160  # pixels of the second look,
MARGIN = 1.6  # which shows so many times the face's longer side
SMALLEST = 8  # pixels; with less of it in the frame there is nothing to see again
SURE = 0.7  # YuNet's score, 0-1
OVERLAP = 0.3  # boxes that share more than this are one face
# Of one face the two looks' boxes share at least this; in 739 faces of clips and LFW, 0.67 or more.
AGREED = 0.5

Rows = NDArray[np.float32]  # (n, 15): x, y, width, height, five points, score


class YuNetDetector:
    """Faces by YuNet."""

    def __init__(self, model: Model, models_dir: Path) -> None:
        """Load it; ModelError where it is missing, changed or unusable."""
        prepare()
        buffer = np.frombuffer(model.only_file(models_dir), np.uint8)
        nothing = np.zeros(0, np.uint8)
        try:
            self._net = cv2.FaceDetectorYN.create("onnx", buffer, nothing, (1, 1), SURE, OVERLAP)
        except cv2.error as error:
            raise ModelError(f"{model.name}: the runtime cannot read this network") from error

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
        small, scale = scaled(image, long_side)
        faces = []
        for row in self._rows(small):
            box = Box(*(float(value) for value in row[:4] / scale))
            landmarks = (row[4:14] / scale).reshape(5, 2).astype(np.float32)
            faces.append(Face(box, landmarks, float(row[14])))
        return faces

    def _rows(self, image: NDArray[np.uint8]) -> Rows:
        self._net.setInputSize((image.shape[1], image.shape[0]))
        rows = self._net.detect(image)[1]
        return np.zeros((0, 15), np.float32) if rows is None else rows

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
        size = max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        rows = self._rows(cv2.resize(image[top:bottom, left:right], size, interpolation=way))
        if len(rows) == 0:
            return None
        boxes = [Box(*(row[:4] / scale + (left, top, 0, 0)).tolist()) for row in rows]
        overlaps = [box.overlap(seen) for seen in boxes]
        best = int(np.argmax(overlaps))
        if overlaps[best] < AGREED:
            return None
        points: NDArray[np.float32] = rows[best, 4:14].reshape(5, 2) / scale + (left, top)
        return points
