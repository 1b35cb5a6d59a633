# SPDX-License-Identifier: MIT
"""The part of an image that a liveness model looks at: the face with its surroundings.

Silent-Face-Anti-Spoofing's convention, which its published weights expect: the box is enlarged
around its centre, as far as the image goes, and moved to lie inside it. Padding in place of
moving costs dearly: on the full frames of ../shared/data/liveness, MiniFASNetV2's EER is 0.3 % on
video frames this way, 2.1 % with the edge repeated and 26 % with black. The rectangle is then
squeezed into a square, without keeping its proportions.
"""

import cv2

from models.face import Box, Image


def context_crop(image: Image, box: Box, scale: float, size: int) -> Image:
    """(size, size, 3) uint8 BGR: the box enlarged ``scale`` times, or as far as the image goes.

    ValueError where the box is empty or lies outside the image.
    """
    height, width = image.shape[:2]
    if not (box.width > 0 and box.height > 0):
        raise ValueError("the face's box is empty")
    scale = min(scale, (width - 1) / box.width, (height - 1) / box.height)
    wide, high = box.width * scale, box.height * scale
    x, y = box.centre
    left = int(min(max(x - wide / 2, 0), max(width - 1 - wide, 0)))
    top = int(min(max(y - high / 2, 0), max(height - 1 - high, 0)))
    part = image[top : top + int(high) + 1, left : left + int(wide) + 1]
    if not part.size:
        raise ValueError("the face's box lies outside the image")
    crop: Image = cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR)
    return crop
