# SPDX-License-Identifier: MIT
"""Clips for a camera to show: cut from real videos, or made.

Written as Motion-JPEG, as a webcam sends it, so that each frame stands alone and any machine
with OpenCV can write and read them.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from models.face import Image

WIDTH, HEIGHT, FPS = 640, 480, 30.0
QUALITY = 95  # of JPEG, 0 to 100


def frames(clip: Path, longest: int = WIDTH) -> Iterator[Image]:
    """The clip's frames, shrunk so that no side is longer than ``longest`` pixels.

    Raises ValueError where the file is no video that OpenCV reads.
    """
    film = cv2.VideoCapture(str(clip))
    if not film.isOpened():
        raise ValueError(f"{clip} is no video that can be read")
    try:
        while True:
            ok, frame = film.read()
            if not ok:
                return
            image = np.asarray(frame, np.uint8)
            scale = longest / max(image.shape[:2])
            if scale < 1:
                image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)
            yield image
    finally:
        film.release()


def write(target: Path, images: Iterable[Image], fps: float = FPS) -> Path:
    """Write the images, all of one size, as a clip; returns ``target``."""
    writer = None
    for image in images:
        if writer is None:
            code = cv2.VideoWriter.fourcc(*"MJPG")
            writer = cv2.VideoWriter(str(target), code, fps, image.shape[1::-1])
            writer.set(cv2.VIDEOWRITER_PROP_QUALITY, QUALITY)
        writer.write(image)
    if writer is None:
        raise ValueError(f"{target}: a clip needs a frame")
    writer.release()
    return target


def halves(clip: Path, folder: Path, *, most: int = 90, step: int = 1) -> tuple[Path, Path]:
    """The beginning and the end of the clip's first seconds, as two clips without a common frame.

    Each has at most ``most`` frames, so a person is enrolled at one moment and recognised at a
    later one. ``step`` 2 leaves out every second frame, as a webcam does in poor light.
    """
    images = list(islice(frames(clip), 0, 4 * most * step, step))
    size = min(most, len(images) // 2)
    folder.mkdir(parents=True, exist_ok=True)
    return (
        write(folder / "enrol.avi", images[:size], FPS / step),
        write(folder / "later.avi", images[-size:], FPS / step),
    )


def empty_scene(target: Path, count: int = 60) -> Path:
    """A wall, a door and a desk in lamp light, with a camera's noise: a room without anybody."""
    room = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    light = np.linspace(170, 110, WIDTH, dtype=np.float32)
    room[:] = light[None, :, None] * np.array([0.9, 0.97, 1.0], np.float32)
    room[60:400, 430:560] *= 0.6  # the door
    room[360:, :] *= np.array([0.35, 0.45, 0.6], np.float32)  # the desk
    noise = np.random.default_rng(1)
    return write(
        target,
        (
            np.clip(room + noise.normal(0, 3, room.shape), 0, 255).astype(np.uint8)
            for _ in range(count)
        ),
    )


def from_picture(target: Path, picture: Image, count: int = 90, start: int = 0) -> Path:
    """A still picture as if a person sat before the camera: it sways a little, with noise.

    ``start`` is the frame of the swaying to begin with.
    """
    height, width = picture.shape[:2]
    scale = HEIGHT / height
    noise = np.random.default_rng(start)

    def seen(moment: int) -> Image:
        sway = moment / FPS * 2 * np.pi / 3  # once around in three seconds
        centre = (width / 2, height / 2)
        turn = cv2.getRotationMatrix2D(centre, 1.5 * np.sin(sway), scale)
        turn[:, 2] += (WIDTH / 2 - centre[0] + 6 * np.cos(sway), HEIGHT / 2 - centre[1])
        image = cv2.warpAffine(picture, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(np.clip(image + noise.normal(0, 2, image.shape), 0, 255), np.uint8)

    return write(target, (seen(moment) for moment in range(start, start + count)))
