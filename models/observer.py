# SPDX-License-Identifier: MIT
"""A frame in, an observation out: all that the worker says of a frame is made here.

Identity and liveness are judged on the same face of the same frame, and only where it is the only
face of usable size. Identity goes by the landmarks and liveness by the box, so both must be of one
face: landmarks that fill too little of the box are those of a photograph held before a face, and
count as a second face.
"""

from collections.abc import Sequence

import numpy as np

from models import quality
from models.engine import Engine
from models.face import Face, Image
from models.liveness.passive import PassiveModel
from models.observation import Observation

# Eyes to mouth, as a share of the box's height. The least in clips, webcam stills and LFW is 0.29
# among 604 faces by YuNet, and 0.26 among 565 by HOG.
LEAST_FILLED = 0.25


class Observer:
    """Judges frames with one engine and the passive liveness models."""

    def __init__(self, engine: Engine, passive: Sequence[PassiveModel], min_face: int) -> None:
        """Faces narrower than ``min_face`` pixels are counted as small and not used."""
        self._engine = engine
        self._passive = tuple(passive)
        self._min_face = min_face

    def observe(
        self, image: Image, index: int, at: float, *, embed: bool, liveness: bool
    ) -> Observation:
        """What ``image`` (height, width, 3) uint8 BGR shows, with or without its dear parts.

        Raises ModelError where a model does not work; there is then no observation.
        """
        faces = self._engine.detect(image)
        usable = [face for face in faces if face.box.width >= self._min_face]
        size = (image.shape[1], image.shape[0])
        small = len(faces) - len(usable)
        count = len(usable) if all(map(_fills_its_box, usable)) else len(usable) + 1
        if count != 1:
            light = quality.brightness(image)
            return Observation(index, at, count, small, light, size)
        face = usable[0]
        return Observation(
            index=index,
            at=at,
            faces=1,
            small=small,
            brightness=quality.brightness(image, face.box),
            size=size,
            box=face.box,
            landmarks=face.landmarks,
            sharpness=quality.sharpness(image, face.landmarks),
            yaw=quality.yaw(face.landmarks),
            embedding=self._engine.embed(image, face) if embed else None,
            liveness=self._live(image, face) if liveness else {},
        )

    def _live(self, image: Image, face: Face) -> dict[str, float]:
        return {model.id: model.score(image, face) for model in self._passive}


def _fills_its_box(face: Face) -> bool:
    """Whether the landmarks can be those of the face that fills the box."""
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    return bool(np.linalg.norm(mouth - eyes) >= LEAST_FILLED * face.box.height)
