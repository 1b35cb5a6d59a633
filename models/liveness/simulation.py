# SPDX-License-Identifier: MIT
"""From pictures of live faces to a set to train on: live crops, and simulated attacks with them.

Both kinds go through the same camera chain, sizes and box jitter, so that nothing but the attack
tells them apart. Each crop is made from its own number alone (seed and index), so a set can be
made in parts, in any order, and comes out the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import Box, Image
from models.liveness.attacks import elsewhere, simulate
from models.liveness.augment import jitter, webcam
from models.liveness.crop import context_crop
from models.liveness.media import Plane

LIVE = "live"
BEFORE = "-before-face"  # ends the names of attacks that are held right before somebody's face
# What is drawn, how often: as many live faces as attacks, the commonest attacks most.
SHARES = {
    LIVE: 0.5,
    "print": 0.10,
    "phone": 0.10,
    "tablet": 0.05,
    "monitor": 0.07,
    "print" + BEFORE: 0.12,
    "phone" + BEFORE: 0.06,
}
SIZES = ((320, 240), (240, 320), (280, 280))  # of the simulated camera, (width, height)
ROOM = 0.05  # where the face fills less of a picture, the picture shows a room


@dataclass(frozen=True)
class Picture:
    """One image with one live face; ``person`` is what a split must not divide.

    ``cover`` (height, width) uint8 is 255 where the person is, for another background; None
    where that could not be told.
    """

    person: str
    image: Image
    box: Box
    cover: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Crops:
    """What a network learns from.

    ``images`` and ``clean`` are (n, size, size, 3) uint8 BGR: what a webcam makes of each scene,
    and the same crop without the webcam, mirror image and all.
    """

    images: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    species: list[str]

    @property
    def live(self) -> NDArray[np.bool_]:
        return np.array([name == LIVE for name in self.species])


def draw(pictures: Sequence[Picture], count: int, seed: int, scale: float, size: int) -> Crops:
    """``count`` crops of these pictures, with the box enlarged ``scale`` times."""
    images, clean = np.empty((2, count, size, size, 3), np.uint8)
    species = []
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        name = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        image, box = _scene(pictures, name, rng)
        box = jitter(box, rng)
        if rng.random() < 0.5:
            image, box = mirrored(image, box)
        images[index] = context_crop(webcam(image, rng), box, scale, size)
        clean[index] = context_crop(image, box, scale, size)
        species.append(name)
    return Crops(images, clean, species)


def mirrored(image: Image, box: Box) -> tuple[Image, Box]:
    """The mirror image, and where the face is in it."""
    turned = np.ascontiguousarray(image[:, ::-1])
    return turned, Box(image.shape[1] - box.x - box.width, box.y, box.width, box.height)


def _scene(pictures: Sequence[Picture], name: str, rng: np.random.Generator) -> tuple[Image, Box]:
    picture = _pick(pictures, rng)
    if name == LIVE:
        rooms = [one for one in pictures if one.box.area < ROOM * one.image[..., 0].size]
        return _live(picture, _pick(rooms or pictures, rng).image, rng)
    size = SIZES[rng.integers(len(SIZES))]
    other, medium = _pick(pictures, rng), name.removesuffix(BEFORE)
    before = other.box if name.endswith(BEFORE) else None
    return simulate(medium, picture.image, picture.box, other.image, size, rng, before=before)


def _pick(pictures: Sequence[Picture], rng: np.random.Generator) -> Picture:
    """A picture of a person, each person as likely as any other."""
    people = sorted({picture.person for picture in pictures})
    person = people[rng.integers(len(people))]
    own = [picture for picture in pictures if picture.person == person]
    return own[rng.integers(len(own))]


def _live(picture: Picture, other: Image, rng: np.random.Generator) -> tuple[Image, Box]:
    """The face nearer or farther, a little turned, elsewhere, with more or less around it."""
    if picture.cover is not None and rng.random() < 0.4:
        picture = _moved(picture, picture.cover, other, rng)
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


def _moved(
    picture: Picture, cover: NDArray[np.uint8], other: Image, rng: np.random.Generator
) -> Picture:
    """The person before another background, so that surroundings alone say nothing of attacks."""
    high, wide = picture.image.shape[:2]
    background = elsewhere(other, (wide, high), rng)
    if rng.random() < 0.5:
        _hang(background, other, rng)
    soft = cv2.GaussianBlur(cover, (0, 0), max(wide, high) / 300 + 0.5)
    share = soft[..., None].astype(np.float32) / 255
    mixed = background + (picture.image - background) * share
    return replace(picture, image=np.clip(mixed, 0, 255).astype(np.uint8))


def _hang(wall: Plane, picture: Image, rng: np.random.Generator) -> None:
    """Screens, windows and framed pictures behind the person: an edge alone is no attack."""
    high, wide = wall.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        size = (rng.uniform(0.15, 0.6, 2) * (wide, high)).astype(int)
        left, top = (rng.uniform(0, 1, 2) * ((wide, high) - size)).astype(int)
        shown = cv2.resize(picture, size.tolist(), interpolation=cv2.INTER_AREA)
        rim = int(rng.uniform(0, 0.08) * size.min())
        cv2.rectangle(shown, (0, 0), (size - 1).tolist(), [float(rng.uniform(0, 250))] * 3, rim + 1)
        wall[top : top + size[1], left : left + size[0]] = shown * np.float32(rng.uniform(0.5, 1.3))


def person_cover(image: Image, box: Box) -> NDArray[np.uint8] | None:
    """Where the person is, 255 or 0 (height, width), grown from the face's box by GrabCut.

    None where it found no shoulders, which happens with clothes like their background.
    """
    scale = 160 / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y, width, height = (side * scale for side in (box.x, box.y, box.width, box.height))
    middle, brow, chin = x + width / 2, y + height / 2, y + height
    guess = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)

    def ellipse(wide: float, high: float, kind: int) -> None:
        axes = (int(width * wide), int(height * high))
        cv2.ellipse(guess, (int(middle), int(brow)), axes, 0, 0, 360, kind, -1)

    def below(wide: float, top: float, kind: int) -> None:
        corner = (int(middle - wide * width), int(top))
        cv2.rectangle(guess, corner, (int(middle + wide * width), small.shape[0]), kind, -1)

    ellipse(1.0, 1.1, cv2.GC_PR_BGD)
    below(2.2, chin - 0.1 * height, cv2.GC_PR_BGD)
    ellipse(0.6, 0.75, cv2.GC_PR_FGD)
    below(1.0, chin + 0.25 * height, cv2.GC_PR_FGD)
    ellipse(0.4, 0.45, cv2.GC_FGD)
    cv2.setRNGSeed(0)
    cv2.grabCut(small, guess, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    inside = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD))
    shoulders = inside[
        int(chin + 0.3 * height) :, max(int(middle - width), 0) : int(middle + width)
    ]
    if not shoulders.size or shoulders.mean() < 0.8:
        return None
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(inside.astype(np.uint8) * 255, size), np.uint8)


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
