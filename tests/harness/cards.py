# SPDX-License-Identifier: MIT
"""A photograph as a card in somebody's hand, as a camera sees it: turned, tilted, bent."""

import cv2
import numpy as np

from models.face import Box, Image

HEIGHT = 0.18  # metres of the card,
AWAY = 0.5  # from the camera, whose picture is 640×480
FOCAL = 600.0  # pixels
CELLS = 60  # along each side: a bent card is drawn as so many flat ones


def portrait(image: Image, box: Box) -> Image:
    """The face and what is around it, to be put on a card."""
    side = 1.1 * max(box.width, box.height)
    x, y = box.centre
    left, top = max(round(x - side), 0), max(round(y - side), 0)
    return image[top : round(y + side), left : round(x + side)]


def card(picture: Image, turn: float = 0, tilt: float = 0, bend: float = 0) -> Image:
    """The card, (480, 640, 3), turned about its vertical and tilted about its horizontal axis.

    Angles are degrees. A positive ``bend`` is how far it is rolled about the vertical axis, a
    negative one about the horizontal; its middle is nearest to the camera.
    """
    height, width = picture.shape[:2]
    sides = np.linspace(-1, 1, CELLS)
    across, down = np.meshgrid(sides * HEIGHT / 2 * width / height, sides * HEIGHT / 2)
    away = np.zeros_like(across)
    if bend > 0:
        across, away = _rolled(across, HEIGHT * width / height, bend)
    if bend < 0:
        down, away = _rolled(down, HEIGHT, -bend)
    space = np.stack([across, down, away], axis=-1) @ _rotation(turn, tilt).T
    seen = space[..., :2] / (space[..., 2:] + AWAY) * FOCAL + (320, 240)
    return _drawn(picture, np.asarray(seen, np.float32))


def _rolled(along: np.ndarray, length: float, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    radius = length / np.radians(degrees)
    return radius * np.sin(along / radius), radius * (1 - np.cos(along / radius))


def _rotation(turn: float, tilt: float) -> np.ndarray:
    about_vertical = cv2.Rodrigues(np.array([0.0, np.radians(turn), 0.0]))[0]
    about_horizontal = cv2.Rodrigues(np.array([np.radians(tilt), 0.0, 0.0]))[0]
    return np.asarray(about_vertical @ about_horizontal)


def _drawn(picture: Image, seen: np.ndarray) -> Image:
    """Where each pixel of the camera's picture comes from, cell by cell."""
    height, width = picture.shape[:2]
    source = np.full((480, 640, 2), -1, np.float32)
    x, y = np.meshgrid(np.linspace(0, width - 1, CELLS), np.linspace(0, height - 1, CELLS))
    there = np.stack([x, y], axis=-1).astype(np.float32)
    for row in range(CELLS - 1):
        for column in range(CELLS - 1):
            corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
            cell = np.array([seen[at] for at in corners])
            left, top = np.maximum(np.floor(cell.min(axis=0)).astype(int), 0)
            right, bottom = np.minimum(np.ceil(cell.max(axis=0)).astype(int) + 1, (640, 480))
            if right <= left or bottom <= top:
                continue
            warp = cv2.getPerspectiveTransform(cell, np.array([there[at] for at in corners]))
            pixels = np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), axis=-1)
            mapped = cv2.perspectiveTransform(pixels.astype(np.float32).reshape(-1, 1, 2), warp)
            inside = np.zeros((bottom - top, right - left), np.uint8)
            cv2.fillConvexPoly(inside, np.round(cell - (left, top)).astype(int), 1)
            part = source[top:bottom, left:right]
            part[inside > 0] = mapped.reshape(*pixels.shape)[inside > 0]
    image = cv2.remap(
        picture, source[..., 0], source[..., 1], cv2.INTER_LINEAR, borderValue=(120, 120, 120)
    )
    return np.asarray(image, np.uint8)
