# SPDX-License-Identifier: MIT
"""From pictures of live faces to a set to train on: live crops, and simulated attacks with them.

Both kinds go through the same camera chain, sizes and box jitter, so that nothing but the attack
tells them apart. Each crop is made from its own number alone (seed and index), so a set can be
made in parts, in any order, and comes out the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import Box, Image
from models.liveness.attacks import simulate
from models.liveness.augment import flip, webcam
from models.liveness.crop import context_crop

LIVE = "live"
# What is drawn, how often: as many live faces as attacks, the commonest attacks most.
SHARES = {LIVE: 0.5, "print": 0.15, "phone": 0.15, "tablet": 0.08, "monitor": 0.12}
SIZES = ((320, 240), (240, 320), (280, 280))  # of the simulated camera, (width, height)


@dataclass(frozen=True)
class Picture:
    """One image with one live face; ``person`` is what a split must not divide."""

    person: str
    image: Image
    box: Box


@dataclass(frozen=True)
class Crops:
    """What a network learns from: images (n, size, size, 3) uint8 BGR, and each one's species."""

    images: NDArray[np.uint8]
    species: list[str]

    @property
    def live(self) -> NDArray[np.bool_]:
        return np.array([name == LIVE for name in self.species])


def draw(pictures: Sequence[Picture], count: int, seed: int, scale: float, size: int) -> Crops:
    """``count`` crops of these pictures, with the box enlarged ``scale`` times."""
    images = np.empty((count, size, size, 3), np.uint8)
    species = []
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        name = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        image, box = _scene(pictures, name, rng)
        images[index] = flip(context_crop(webcam(image, rng), _jitter(box, rng), scale, size), rng)
        species.append(name)
    return Crops(images, species)


def _scene(pictures: Sequence[Picture], name: str, rng: np.random.Generator) -> tuple[Image, Box]:
    picture = _pick(pictures, rng)
    if name == LIVE:
        return _live(picture, rng)
    size = SIZES[rng.integers(len(SIZES))]
    return simulate(name, picture.image, picture.box, _pick(pictures, rng).image, size, rng)


def _pick(pictures: Sequence[Picture], rng: np.random.Generator) -> Picture:
    """A picture of a person, each person as likely as any other."""
    people = sorted({picture.person for picture in pictures})
    person = people[rng.integers(len(people))]
    own = [picture for picture in pictures if picture.person == person]
    return own[rng.integers(len(own))]


def _live(picture: Picture, rng: np.random.Generator) -> tuple[Image, Box]:
    """The face nearer or farther, a little turned, with more or less around it."""
    image, box = _around(picture, rng)
    factor = rng.uniform(55, 150) / box.height
    high, wide = (max(int(side * factor), 16) for side in image.shape[:2])
    shrink = cv2.INTER_AREA if rng.random() < 0.5 else cv2.INTER_LINEAR
    image = cv2.resize(image, (wide, high), interpolation=shrink if factor < 1 else cv2.INTER_CUBIC)
    box = Box(box.x * factor, box.y * factor, box.width * factor, box.height * factor)
    if rng.random() < 0.5:
        turn = cv2.getRotationMatrix2D(box.centre, rng.normal(0, 5), 1)
        image = cv2.warpAffine(image, turn, (wide, high), borderMode=cv2.BORDER_REFLECT_101)
    return image, box


def _around(picture: Picture, rng: np.random.Generator) -> tuple[Image, Box]:
    """The picture, cut closer now and then, as a face near the frame's edge is."""
    image, box = picture.image, picture.box
    high, wide = image.shape[:2]
    left, top = (int(max(space, 0) * rng.uniform(0, 1) ** 2) for space in (box.x, box.y))
    right = wide - int(max(wide - box.x - box.width, 0) * rng.uniform(0, 1) ** 2)
    bottom = high - int(max(high - box.y - box.height, 0) * rng.uniform(0, 1) ** 2)
    if rng.random() < 0.5:
        left, top, right, bottom = 0, 0, wide, high
    return image[top:bottom, left:right], Box(box.x - left, box.y - top, box.width, box.height)


def _jitter(box: Box, rng: np.random.Generator) -> Box:
    """Detectors disagree about where a face ends."""
    x, y = rng.normal(0, 0.03, 2) * (box.width, box.height)
    width, height = box.width * rng.uniform(0.93, 1.07), box.height * rng.uniform(0.93, 1.07)
    centre = box.centre
    return Box(centre[0] + x - width / 2, centre[1] + y - height / 2, width, height)
