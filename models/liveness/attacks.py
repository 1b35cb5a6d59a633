# SPDX-License-Identifier: MIT
"""Simulated attacks: a picture of a live face becomes a print or a screen held to a camera.

What ships may be trained only on faces that were given for it, and there are no attacks among
those. So an attack is rendered: a sheet of paper or a display (media.py) is turned in space, held
by a hand before other surroundings or right before somebody's face, lit (bend, shadow, glare),
and sampled by the camera's pixels. The scene is drawn at twice the camera's resolution and then
averaged down, so that moire arises as it does in a camera, by sampling the grid. The camera's
own chain (augment.webcam) comes after this and is not part of it.

Deterministic for a given generator; numpy and OpenCV only. Images are (height, width, 3) uint8
BGR, boxes in pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import Box, Image
from models.liveness.media import Plane, Random, Sheet, sheet

OVERSAMPLE = 2  # the scene's pixels along one pixel of the camera
REACH = 2.0  # heights of a face on each side of it that a liveness model may look at, and more


def simulate(
    species: str,
    picture: Image,
    box: Box,
    surroundings: Image,
    size: tuple[int, int],
    rng: Random,
    *,
    before: Box | None = None,
) -> tuple[Image, Box]:
    """A picture with one face in ``box``, shown to a camera on the medium ``species``.

    ``surroundings`` is any other picture; with ``before``, the place of a face in it, the medium
    is held right before that face, smaller or larger than it, and the camera shows that face's
    surroundings; else ``size`` is the camera's (width, height). Returns the camera's image and the
    shown face's box in it. KeyError for an unknown species.
    """
    if before is None:
        fine = (size[0] * OVERSAMPLE, size[1] * OVERSAMPLE)
        scene, height = elsewhere(surroundings, fine, rng), fine[1] * rng.uniform(0.22, 0.6)
        target = np.array(fine) * rng.uniform(0.38, 0.62, 2)
    else:
        scene, holder = _holder(surroundings, before, rng)
        fine = (scene.shape[1], scene.shape[0])
        height = holder.height * rng.uniform(0.5, 1.4)
        target = np.array(holder.centre) + rng.normal(0, 0.08, 2) * holder.height
    flat = sheet(species, picture, box, rng, tight=before is not None and rng.random() < 0.7)
    place = _placement(flat, height / flat.box.height, target, rng)
    light = cv2.warpPerspective(flat.light, place, fine, flags=cv2.INTER_LINEAR)
    cover = cv2.warpPerspective(flat.cover, place, fine, flags=cv2.INTER_LINEAR)
    if species == "print":
        light = light * _paper_shading(fine, rng)
        scene = _shadow(scene, cover, rng)
    else:
        light = light * _grid(place, flat, fine, rng) * _bands(fine, rng)
    light = light + _glare(fine, rng, strong=species != "print")
    scene += (light - scene) * cover[..., None]
    if rng.random() < 0.7:
        scene = _hand(scene, place, flat, _skin(picture, box), rng)
    size = (fine[0] // OVERSAMPLE, fine[1] // OVERSAMPLE)
    camera = cv2.resize(scene, size, interpolation=cv2.INTER_AREA)
    seen = _mapped(flat.box, place)
    face = Box(*(value / OVERSAMPLE for value in (seen.x, seen.y, seen.width, seen.height)))
    return np.clip(camera, 0, 255).astype(np.uint8), face


def _holder(picture: Image, box: Box, rng: Random) -> tuple[Plane, Box]:
    """The scene around the face in ``box``, which is to hold the medium, and its place there."""
    high, wide = picture.shape[:2]
    x, y = box.centre
    left, top = (int(max(at - REACH * box.height, 0)) for at in (x, y))
    right, bottom = int(min(x + REACH * box.height, wide)), int(min(y + REACH * box.height, high))
    scale = OVERSAMPLE * rng.uniform(55, 120) / box.height
    scene = cv2.resize(picture[top:bottom, left:right], None, fx=scale, fy=scale)
    lit: Plane = scene.astype(np.float32) * np.float32(rng.uniform(0.6, 1.15))
    moved = ((box.x - left) * scale, (box.y - top) * scale, box.width * scale, box.height * scale)
    return lit, Box(*moved)


def _placement(
    flat: Sheet, scale: float, target: NDArray[np.float64], rng: Random
) -> NDArray[np.float64]:
    """The homography that brings the shown face to ``target``, turned and tilted."""
    centre = np.array(flat.box.centre)
    turn = np.radians(rng.normal(0, 7))
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * scale
    high, wide = flat.cover.shape
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float64)
    placed = (corners - centre) @ spin.T
    # Tilt: what is nearer grows. Seen from a few widths away.
    tilt = rng.normal(0, 0.12, 2) / max(np.abs(placed).max(), 1)
    placed = placed / (1 + placed @ tilt)[:, None] + target
    return np.asarray(
        cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    )


def _mapped(box: Box, place: NDArray[np.float64]) -> Box:
    """The upright box around a box's four mapped corners' mean sides."""
    x, y, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    corners = np.array([[[x, y], [right, y], [right, bottom], [x, bottom]]], np.float64)
    a, b, c, d = cv2.perspectiveTransform(corners, place)[0]
    centre = (a + b + c + d) / 4
    width = (np.linalg.norm(b - a) + np.linalg.norm(c - d)) / 2
    height = (np.linalg.norm(d - a) + np.linalg.norm(c - b)) / 2
    return Box(
        float(centre[0] - width / 2), float(centre[1] - height / 2), float(width), float(height)
    )


def elsewhere(picture: Image, size: tuple[int, int], rng: Random) -> Plane:
    """A part of another picture, mostly out of focus and in another light: a background."""
    high, wide = picture.shape[:2]
    share = rng.uniform(0.5, 1.0)
    cut_high, cut_wide = max(int(high * share), 2), max(int(wide * share), 2)
    top, left = rng.integers(0, high - cut_high + 1), rng.integers(0, wide - cut_wide + 1)
    part = picture[top : top + cut_high, left : left + cut_wide]
    scene = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    if rng.random() < 0.7:
        small = cv2.resize(scene, (size[0] // 8, size[1] // 8), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 2.5)))
        scene = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    lit: Plane = scene * np.float32(rng.uniform(0.15, 1.2)) + np.float32(rng.uniform(0, 20))
    return lit


def _grid(
    place: NDArray[np.float64], flat: Sheet, size: tuple[int, int], rng: Random
) -> Plane | float:
    """The display's lattice as the scene's pixels sample it: red, green and blue side by side."""
    if rng.random() < 0.3:
        return 1.0
    back = np.linalg.inv(place).astype(np.float32)
    columns, rows = np.meshgrid(
        np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)
    )
    depth = back[2, 0] * columns + back[2, 1] * rows + back[2, 2]
    turn = np.float32(2 * np.pi * flat.pixels)
    across = (back[0, 0] * columns + back[0, 1] * rows + back[0, 2]) / depth * turn
    down = (back[1, 0] * columns + back[1, 1] * rows + back[1, 2]) / depth * turn
    depth_of = np.float32(rng.uniform(0.05, 0.5))
    dark = 1 + depth_of * 0.5 * np.cos(down)
    colours = [dark + depth_of * np.cos(across + shift) for shift in (-2.094, 0.0, 2.094)]
    lattice: Plane = np.stack(colours, axis=2).astype(np.float32)
    return lattice


def _bands(size: tuple[int, int], rng: Random) -> Plane | float:
    """Bright and dark bands where refresh and rolling shutter beat."""
    if rng.random() < 0.75:
        return 1.0
    rows = np.arange(size[1], dtype=np.float32) / size[1]
    wave = np.sin(2 * np.pi * (rows * rng.uniform(0.5, 4) + rng.random()))
    bands: Plane = (1 + rng.uniform(0.03, 0.2) * wave).astype(np.float32)[:, None, None]
    return bands


def _glare(size: tuple[int, int], rng: Random, *, strong: bool) -> Plane | float:
    """The reflection of a lamp or a window."""
    if rng.random() < 0.6:
        return 0.0
    small = (max(size[0] // 8, 1), max(size[1] // 8, 1))
    spot = np.zeros((small[1], small[0]), np.float32)
    centre = (int(rng.integers(0, small[0])), int(rng.integers(0, small[1])))
    axes = (int(rng.integers(1, 8)), int(rng.integers(2, 16)))
    cv2.ellipse(spot, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    spot = cv2.GaussianBlur(spot, (0, 0), float(rng.uniform(0.5, 5)))
    spot = cv2.resize(spot, size, interpolation=cv2.INTER_LINEAR)
    light: Plane = spot[..., None] * np.float32(rng.uniform(20, 180 if strong else 70))
    return light


def _paper_shading(size: tuple[int, int], rng: Random) -> Plane:
    """Light that falls unevenly on a bent flat."""
    columns, rows = np.meshgrid(
        np.linspace(-1, 1, size[0], dtype=np.float32), np.linspace(-1, 1, size[1], dtype=np.float32)
    )
    angle = rng.uniform(0, 2 * np.pi)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    bend = 1 + rng.uniform(0, 0.2) * along
    bend = bend + rng.uniform(0, 0.12) * np.sin(along * rng.uniform(1, 5) + rng.uniform(0, 6))
    shading: Plane = (bend * rng.uniform(0.6, 1.15)).astype(np.float32)[..., None]
    return shading


def _shadow(scene: Plane, cover: Plane, rng: Random) -> Plane:
    """A sheet's soft shadow on what is behind it."""
    soft = cv2.GaussianBlur(cover, (0, 0), float(rng.uniform(4, 14)))
    shift = np.array([[1, 0, rng.uniform(-12, 12)], [0, 1, rng.uniform(0, 14)]], np.float32)
    soft = cv2.warpAffine(soft, shift, (cover.shape[1], cover.shape[0]))
    shaded: Plane = scene * (1 - np.float32(rng.uniform(0, 0.5)) * soft)[..., None]
    return shaded


def _skin(picture: Image, box: Box) -> NDArray[np.float32]:
    """The middle of the face's colour (3,), for the hand that holds the medium."""
    x, y = (int(value) for value in box.centre)
    reach = max(int(box.width / 8), 1)
    patch = picture[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach]
    colour: NDArray[np.float32] = patch.reshape(-1, 3).mean(axis=0).astype(np.float32)
    return colour


def _hand(
    scene: Plane, place: NDArray[np.float64], flat: Sheet, skin: NDArray[np.float32], rng: Random
) -> Plane:
    """Fingers that reach over an edge of the medium."""
    height, width = flat.cover.shape
    side = rng.integers(0, 3)  # left, right, below
    fingers = np.zeros(scene.shape[:2], np.float32)
    first = rng.uniform(0.35, 0.75)
    length = rng.uniform(0.05, 0.15) * width
    thick = rng.uniform(0.03, 0.06) * height
    for index in range(int(rng.integers(1, 5))):
        share = first + index * 0.075 + rng.uniform(-0.01, 0.01)
        start = {
            0: (-length, share * height),
            1: (width + length, share * height),
            2: (share * width, height + length),
        }[int(side)]
        end = {
            0: (length * rng.uniform(0.3, 1), share * height - length / 3),
            1: (width - length * rng.uniform(0.3, 1), share * height - length / 3),
            2: (share * width, height - length * rng.uniform(0.3, 1)),
        }[int(side)]
        ends = cv2.perspectiveTransform(np.array([[start, end]], np.float64), place)[0]
        reach = np.linalg.norm(place[:2, :2], axis=0).mean()
        a, b = (tuple(int(np.clip(v, -9999, 9999)) for v in point) for point in ends)
        cv2.line(fingers, a, b, 1.0, max(int(thick * reach), 2), cv2.LINE_AA)
    fingers = cv2.GaussianBlur(fingers, (0, 0), 1.5)
    # Rounder than flat: darker towards the fingers' rims.
    round_ = cv2.GaussianBlur(fingers, (0, 0), 6)[..., None]
    colour = skin * rng.uniform(0.5, 1.1) * (0.6 + 0.4 * round_)
    held: Plane = scene + (colour - scene) * fingers[..., None]
    return held.astype(np.float32)
