# SPDX-License-Identifier: MIT
"""What a simulated attack shows its picture on: a sheet of paper or a display, still flat.

A part of the picture around the face becomes print (ink and paper colours, halftone, white
margin) or a display (its own gamma, black level and colours, bezel). How it is held to a camera is
attacks.py's business. Deterministic for a given generator; numpy and OpenCV only.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import Box, Image
from models.liveness.augment import gamma

Random = np.random.Generator
Plane = NDArray[np.float32]  # (height, width, 3) light, 0-255, or (height, width) cover, 0-1


@dataclass(frozen=True)
class Medium:
    """What the picture is shown on.

    aspect     width / height of its face, from-to
    margin     bezel or paper margin, as a share of the shorter side, from-to
    pixels     pixels (or halftone dots) along its width, from-to
    """

    name: str
    aspect: tuple[float, float]
    margin: tuple[float, float]
    pixels: tuple[int, int]


MEDIA = {
    medium.name: medium
    for medium in (
        Medium("print", aspect=(0.65, 1.4), margin=(0.0, 0.12), pixels=(150, 500)),
        Medium("phone", aspect=(0.45, 0.65), margin=(0.01, 0.07), pixels=(720, 1440)),
        Medium("tablet", aspect=(0.65, 1.4), margin=(0.03, 0.09), pixels=(1000, 2200)),
        Medium("monitor", aspect=(1.2, 1.8), margin=(0.01, 0.05), pixels=(1280, 2560)),
    )
}
# A good copy changes next to nothing of the picture, and only its edges give it away. So often is
# a tight one as good; of the others the edges may lie beyond what a model sees.
FAITHFUL = 0.5


@dataclass(frozen=True)
class Sheet:
    """A medium's face, flat: light, its cover (rounded corners), and the face's box on it."""

    light: Plane
    cover: Plane
    box: Box
    pixels: float  # display pixels or dots along one of the sheet's pixels


def sheet(name: str, picture: Image, box: Box, rng: Random, *, tight: bool) -> Sheet:
    """The picture's part around the face as the medium ``name`` shows it, with its margin.

    ``tight`` leaves little around the face, as a photograph that is to hide another face does.
    """
    medium = MEDIA[name]
    shown, face = _window(picture, box, float(rng.uniform(*medium.aspect)), rng, tight=tight)
    height, width = shown.shape[:2]
    light = shown.astype(np.float32)
    dots = rng.uniform(*medium.pixels) / width
    if not (tight and rng.random() < FAITHFUL):
        light = _ink(light, dots, rng) if name == "print" else _display(light, rng)
    margin = int(min(height, width) * rng.uniform(*medium.margin))
    # A phone's chin and forehead are thicker than its sides.
    ends = int(margin * rng.uniform(1, 3)) if name == "phone" else margin
    border = _border(name, rng)
    light = cv2.copyMakeBorder(light, ends, ends, margin, margin, cv2.BORDER_CONSTANT, value=border)
    rounding = 0.0 if name == "print" else float(rng.uniform(0, 0.1))
    cover = _rounded(light.shape[:2], rounding)
    moved = Box(face.x + margin, face.y + ends, face.width, face.height)
    return Sheet(light, cover, moved, dots)


def _window(
    picture: Image, box: Box, aspect: float, rng: Random, *, tight: bool
) -> tuple[Image, Box]:
    """What of the picture is shown: at least the face, at most what there is."""
    high, wide = picture.shape[:2]
    # So that edges lie within the crop.
    height = box.height * (rng.uniform(1.05, 1.7) if tight else rng.uniform(1.3, 2.5))
    width = max(height * aspect, box.width * (1.05 if tight else 1.25))
    x, y = box.centre
    x += rng.uniform(-0.15, 0.15) * width
    y += rng.uniform(-0.1, 0.15) * height
    left = int(max(min(x - width / 2, box.x), 0))
    top = int(max(min(y - height / 2, box.y), 0))
    right = int(min(max(x + width / 2, box.x + box.width), wide))
    bottom = int(min(max(y + height / 2, box.y + box.height), high))
    shown = picture[top:bottom, left:right]
    # One size for all, so that dots and blurs have the same meaning on every picture.
    scale = 480 / max(shown.shape[:2])
    shown = cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    face = Box((box.x - left) * scale, (box.y - top) * scale, box.width * scale, box.height * scale)
    return shown, face


def _border(name: str, rng: Random) -> list[float]:
    """The colour around what is shown: paper, or a bezel, mostly black."""
    if name == "print":
        return [float(rng.uniform(205, 250))] * 3
    if rng.random() < 0.1:
        return [float(rng.uniform(150, 240))] * 3
    dark: list[float] = (rng.uniform(0, 40) + rng.uniform(-6, 6, 3)).clip(0).tolist()
    return dark


def _ink(light: Plane, dots: float, rng: Random) -> Plane:
    """Ink on paper: fewer colours, no black, a paper's tint, and a halftone that one may see."""
    black, white = rng.uniform(10, 60), rng.uniform(195, 250)
    grey = light.mean(axis=2, keepdims=True)
    vivid = 0.0 if rng.random() < 0.1 else rng.uniform(0.5, 1.2)
    light = grey + (light - grey) * np.float32(vivid)
    light = gamma(light, rng.uniform(-0.3, 0.5))
    light = black + light * np.float32((white - black) / 255)
    if rng.random() < 0.6:
        light = light + _halftone(light, dots, rng)
    tint = 1 + rng.uniform(-0.06, 0.06, 3).astype(np.float32)
    tinted: Plane = light * tint
    return tinted.astype(np.float32)


def _halftone(light: Plane, dots: float, rng: Random) -> Plane:
    """One rotated screen for each ink; dots show most in the mid tones."""
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]].astype(np.float32)
    turn = np.float32(2 * np.pi * dots)
    pattern = np.empty_like(light)
    for channel, angle in enumerate(np.radians([15.0, 75.0, 0.0]) + rng.uniform(-0.1, 0.1)):
        cosine, sine = np.float32(np.cos(angle)) * turn, np.float32(np.sin(angle)) * turn
        along = columns * cosine + rows * sine
        across = rows * cosine - columns * sine
        pattern[..., channel] = (np.cos(along) + np.cos(across)) / 2
    middle = 1 - np.abs(light / 127.5 - 1)
    dotted: Plane = pattern * middle * np.float32(rng.uniform(5, 45))
    return dotted


def _display(light: Plane, rng: Random) -> Plane:
    """A display's gamma, black level, brightness and colour temperature."""
    light = gamma(light, rng.uniform(-0.35, 0.45))
    cold = rng.uniform(-0.05, 0.2)
    light = light * np.array([1 + cold, 1, 1 - cold], np.float32)
    light = light * np.float32(rng.uniform(0.6, 1.3)) + np.float32(rng.uniform(0, 30))
    if rng.random() < 0.2:  # the camera exposes for dark surroundings and the screen burns out
        light = light * np.float32(rng.uniform(1.1, 1.5)) + 10
    return np.clip(light, 0, 255)


def _rounded(shape: tuple[int, ...], rounding: float) -> Plane:
    """The cover of a rectangle with rounded corners."""
    height, width = shape[:2]
    radius = int(min(height, width) * rounding)
    cover = np.zeros((height, width), np.float32)
    cv2.rectangle(cover, (radius, 0), (width - 1 - radius, height - 1), 1.0, -1)
    cv2.rectangle(cover, (0, radius), (width - 1, height - 1 - radius), 1.0, -1)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(cover, (x, y), radius, 1.0, -1)
    return cover
