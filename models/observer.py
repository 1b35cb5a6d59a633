# SPDX-License-Identifier: MIT
"""A frame in, an observation out: all that the worker says of a frame is made here.

Identity and liveness are judged on the same face of the same frame, and only where it is the only
face of usable size.
"""

from collections.abc import Sequence

from models import quality
from models.engine import Engine
from models.face import Face, Image
from models.liveness.passive import PassiveModel
from models.observation import Observation


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
        if len(usable) != 1:
            light = quality.brightness(image)
            return Observation(index, at, len(usable), small, light, size)
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
