# SPDX-License-Identifier: MIT
"""What a webcam does to a picture: the same for live faces and for attacks.

Imitates a camera's own chain (optics, sensor, white balance, exposure, gamma, sharpening, MJPEG)
with random settings, so that a network cannot learn the camera in place of the attack. It leaves
alone what tells an attack apart: edges, moire and texture are weakened as a camera weakens them,
never invented or removed on their own. Deterministic for a given generator; numpy and OpenCV
only. Images are (height, width, 3) uint8 BGR throughout.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import Box, Image

Random = np.random.Generator


def webcam(image: Image, rng: Random) -> Image:
    """The image as some webcam would have recorded it, same size."""
    light = image.astype(np.float32)
    light = _optics(light, rng)
    light = _exposure(light, rng)
    light = _noise(light, rng)
    return _mjpeg(_sharpen(_whole(light), rng), rng)


def relit(image: Image, rng: Random) -> Image:
    """The image in another light, or by another exposure, and nothing else of it changed."""
    return _whole(_exposure(image.astype(np.float32), rng))


def flip(image: Image, rng: Random) -> Image:
    """The image, or its mirror image."""
    return np.ascontiguousarray(image[:, ::-1]) if rng.random() < 0.5 else image


def jitter(box: Box, rng: Random) -> Box:
    """The box as another detector, or the next frame, might have it."""
    width, height = box.width * rng.uniform(0.93, 1.07), box.height * rng.uniform(0.93, 1.07)
    x, y = box.centre
    x, y = x + rng.normal(0, 0.03) * box.width, y + rng.normal(0, 0.03) * box.height
    return Box(x - width / 2, y - height / 2, width, height)


def gamma(light: NDArray[np.float32], log_exponent: float) -> NDArray[np.float32]:
    """Light 0-255 with its mid tones lifted (below 0) or lowered (above 0)."""
    exponent = np.float32(np.exp(log_exponent))
    bent = 255 * (np.clip(light, 0, 255) / 255) ** exponent
    return np.asarray(bent, np.float32)


def _optics(light: NDArray[np.float32], rng: Random) -> NDArray[np.float32]:
    """Defocus, motion, and a sensor with fewer pixels than the picture."""
    height, width = light.shape[:2]
    if rng.random() < 0.4:
        light = cv2.GaussianBlur(light, (0, 0), float(rng.uniform(0.3, 1.1)))
    if rng.random() < 0.15:
        light = cv2.filter2D(light, -1, _streak(int(rng.integers(3, 8)), rng))
    if rng.random() < 0.4:
        scale = float(rng.uniform(0.5, 0.95))
        small = (max(int(width * scale), 8), max(int(height * scale), 8))
        down = cv2.INTER_AREA if rng.random() < 0.5 else cv2.INTER_LINEAR
        light = cv2.resize(light, small, interpolation=down)
        up = cv2.INTER_CUBIC if rng.random() < 0.3 else cv2.INTER_LINEAR
        light = cv2.resize(light, (width, height), interpolation=up)
    return light


def _streak(length: int, rng: Random) -> NDArray[np.float32]:
    """A kernel that smears along one direction."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
    turned = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    normed: NDArray[np.float32] = turned / turned.sum()
    return normed


def _exposure(light: NDArray[np.float32], rng: Random) -> NDArray[np.float32]:
    """White balance, gain, gamma and saturation."""
    if rng.random() < 0.7:
        light = light * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    if rng.random() < 0.7:
        light = light * np.float32(rng.uniform(0.55, 1.35))
    if rng.random() < 0.5:
        light = gamma(light, rng.uniform(-0.35, 0.35))
    if rng.random() < 0.4:
        grey = light.mean(axis=2, keepdims=True)
        light = grey + (light - grey) * np.float32(rng.uniform(0.5, 1.4))
    return light


def _noise(light: NDArray[np.float32], rng: Random) -> NDArray[np.float32]:
    """Shot noise, which grows with the light, and read noise, which does not."""
    if rng.random() < 0.6:
        shot, read = rng.uniform(0, 0.2), rng.uniform(0, 2.5)
        spread = np.sqrt(read**2 + shot * np.clip(light, 0, 255)).astype(np.float32)
        noise = rng.standard_normal(light.shape, dtype=np.float32)
        if rng.random() < 0.5:  # smoothed by the camera's own noise reduction
            noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 2
        light = light + noise * spread
    return light


def _sharpen(image: Image, rng: Random) -> Image:
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        amount = float(rng.uniform(0.2, 1.0))
        image = cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
    return image


def _mjpeg(image: Image, rng: Random) -> Image:
    """One to two rounds of JPEG: the camera's own, and a recording's."""
    for _ in range(int(rng.integers(1, 3))):
        quality = int(rng.integers(45, 97))
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None, "what was just encoded decodes"
        image = decoded.astype(np.uint8, copy=False)
    return image


def _whole(light: NDArray[np.float32]) -> Image:
    return np.clip(light, 0, 255).astype(np.uint8)
