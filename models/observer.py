# SPDX-License-Identifier: MIT
"""A frame in, an observation out: all that the worker says of a frame is made here.

Identity and liveness are judged on the same face of the same frame, and only where it is the only
face of usable size. Identity goes by the landmarks and liveness by the box, so both must be of one
face: landmarks that fill too little of the box are those of a photograph held before a face, and
count as a second face.

A frame is looked at whole, or, where the frame before showed one face, that face is followed, which
is cheaper. A face that was followed has no landmarks to recognise it by, so it is never embedded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models import quality
from models.engine import Engine
from models.errors import ModelError
from models.face import Face, Image
from models.liveness.passive import PassiveModel
from models.observation import Observation
from models.pose import Pose

if TYPE_CHECKING:
    from models.poser import Poser  # with dlib, which few need

# Eyes to mouth, as a share of the box's height. The least in clips, webcam stills and LFW is 0.29
# among 604 faces by YuNet, and 0.26 among 565 by HOG.
LEAST_FILLED = 0.25
# A face that is followed shares at least this with where it was in the frame before.
SAME_PLACE = 0.5


@dataclass(frozen=True, eq=False)
class Look:
    """What a frame shows, without its dear parts, and the one usable face where there is one."""

    observation: Observation
    face: Face | None


class Observer:
    """Judges frames with one engine, the passive liveness models and, for a challenge, poses.

    ``look`` and ``follow``, ``embed``, and ``live`` use different networks: each may run in a
    thread of its own, beside the others.
    """

    def __init__(
        self,
        engine: Engine,
        passive: Sequence[PassiveModel],
        min_face: int,
        poser: "Poser | None" = None,
    ) -> None:
        """Faces narrower than ``min_face`` pixels are counted as small and not used."""
        self._engine = engine
        self._passive = tuple(passive)
        self._min_face = min_face
        self._poser = poser

    def observe(
        self, image: Image, index: int, at: float, *, embed: bool, liveness: bool
    ) -> Observation:
        """What ``image`` (height, width, 3) uint8 BGR shows, with or without its dear parts.

        Raises ModelError where a model does not work; there is then no observation.
        """
        look = self.look(image, index, at)
        if look.face is None:
            return look.observation
        return replace(
            look.observation,
            embedding=self.embed(image, look.face) if embed else None,
            liveness=self.live(image, look.face) if liveness else {},
        )

    def look(self, image: Image, index: int, at: float) -> Look:
        """A thorough look at the whole frame."""
        look = self._seen(self._engine.detect(image), image, index, at)
        if look.face is None:
            return look
        sharpness = quality.sharpness(image, look.face.landmarks)
        return Look(replace(look.observation, sharpness=sharpness), look.face)

    def follow(self, image: Image, index: int, at: float, before: Face) -> Look | None:
        """A cheap look for ``before``, the frame before's one face; None calls for a thorough one.

        So it does where it shows anything but one usable face at the same place.
        """
        look = self._seen(self._engine.follow(image, before), image, index, at)
        if look.face is None or look.face.box.overlap(before.box) < SAME_PLACE:
            return None
        return look

    def embed(self, image: Image, face: Face, once: bool = False) -> NDArray[np.float32]:
        """The embedding of the face that ``look`` found; ``once`` as in Engine.embed."""
        return self._engine.embed(image, face, once)

    def live(self, image: Image, face: Face) -> dict[str, float]:
        """Liveness model id -> probability that the face is live."""
        return {model.id: model.score(image, face) for model in self._passive}

    def pose(self, image: Image, face: Face) -> Pose:
        """How the face that ``look`` found is held; ModelError where that was not loaded."""
        if self._poser is None:
            raise ModelError("the models for a challenge are not loaded")
        return self._poser.measure(image, face)

    def _seen(self, faces: Sequence[Face], image: Image, index: int, at: float) -> Look:
        usable = [face for face in faces if face.box.width >= self._min_face]
        size = (image.shape[1], image.shape[0])
        small = len(faces) - len(usable)
        count = len(usable) if all(map(_fills_its_box, usable)) else len(usable) + 1
        if count != 1:
            light = quality.brightness(image)
            return Look(Observation(index, at, count, small, light, size), None)
        face = usable[0]
        seen = Observation(
            index=index,
            at=at,
            faces=1,
            small=small,
            brightness=quality.brightness(image, face.box),
            size=size,
            box=face.box,
            landmarks=face.landmarks,
            yaw=quality.yaw(face.landmarks),
        )
        return Look(seen, face)


def _fills_its_box(face: Face) -> bool:
    """Whether the landmarks can be those of the face that fills the box."""
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    return bool(np.linalg.norm(mouth - eyes) >= LEAST_FILLED * face.box.height)
