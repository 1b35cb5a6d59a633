# SPDX-License-Identifier: MIT
"""A frame of a Watch in words, drawn into its picture, and the picture as characters."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cli.exits import visible
from cli.scanning import words
from models.face import Image

Frame = Mapping[str, Any]  # as the signal Frame of docs/dbus.md

GOOD, BAD, TEXT = (80, 200, 80), (60, 60, 230), (230, 230, 230)  # BGR
LINE, WIDTH = 1 / 24, 0.55  # of a caption, as shares of the picture's
CUBE = 6  # colours a channel in a terminal's palette of 256, from its colour 16 on


def facts(frame: Frame) -> dict[str, str]:
    """What there is to say of a frame, name by name, for people."""
    said = {"frame": f"{frame['index']} at {frame['at']:.1f} s", "faces": str(frame["faces"])}
    if frame["small"]:
        said["faces"] += f", {frame['small']} too small"
    if "score" in frame:
        said["face"] = visible(f"{frame['user']} ({frame['label']})")
        said["score"] = f"{frame['score']:.3f} against {frame['threshold']:.3f}"
    needed = frame["liveness_needed"]
    for model, live in sorted(frame.get("liveness", {}).items()):
        against = f" against {needed[model]:.2f}" if model in needed else ""
        said[visible(f"liveness {model}")] = f"{live:.2f}{against}"
    said["light"] = f"{frame['brightness']:.0f} of 255"
    if "sharpness" in frame:
        said["quality"] = f"sharpness {frame['sharpness']:.0f}, turned {frame['yaw']:+.2f}"
    said["in a row"] = f"{frame['in_a_row']} of {frame['needed']}"
    said["hint"] = words(frame["hint"])
    if "result" in frame:
        said["result"] = visible(f"{frame['result']} ({frame['reason']})")
    return said


def line(frame: Frame) -> str:
    """A frame in one line."""
    return "  ".join(f"{name} {value}" for name, value in facts(frame).items())


def is_good(frame: Frame) -> bool:
    """Whether the face is the user's and no model denies it, in this frame by itself."""
    live = frame.get("liveness", {})
    return frame.get("score", -1.0) >= frame["threshold"] and all(
        live.get(model, 0.0) >= needed for model, needed in frame["liveness_needed"].items()
    )


def boxed(picture: Image, frame: Frame) -> Image:
    """The picture with the face's box: green where the frame is good, else red."""
    image = picture.copy()
    height, width = image.shape[:2]
    if "box" in frame:
        scale = width / frame["size"][0]
        x, y, across, down = (round(value * scale) for value in frame["box"])
        colour = GOOD if is_good(frame) else BAD
        cv2.rectangle(image, (x, y), (x + across, y + down), colour, max(height // 120, 1))
    return image


def captioned(picture: Image, frame: Frame) -> Image:
    """The picture with the face's box and what there is to say."""
    image = picture.copy()
    height, width = image.shape[:2]
    said = facts(frame)
    step = LINE * height
    strip = image[: round((len(said) + 0.5) * step), : round(WIDTH * width)]
    strip[:] = strip // 3  # so that it can be read on any picture
    image = boxed(image, frame)
    for row, (name, value) in enumerate(said.items(), start=1):
        text = f"{name}: {value}".encode("ascii", "replace").decode()
        at = (round(step / 2), round(row * step))
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, step / 40, TEXT, 1, cv2.LINE_AA)
    return image


def blocks(picture: Image, columns: int, rows: int) -> list[str]:
    """The picture in lines of half blocks, each two pixels high, in a terminal's 256 colours."""
    height, width = picture.shape[:2]
    scale = min(columns / width, 2 * rows / height)
    size = max(round(width * scale), 1), 2 * max(round(height * scale / 2), 1)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    colours = _palette(np.asarray(small, np.uint8))
    return [
        "".join(
            f"\x1b[38;5;{above};48;5;{below}m▀" for above, below in zip(upper, lower, strict=True)
        )
        + "\x1b[0m"
        for upper, lower in zip(colours[::2], colours[1::2], strict=True)
    ]


def _palette(image: Image) -> NDArray[np.int64]:
    """Each pixel's number in the palette."""
    levels = np.round(image.astype(np.float32) / 255 * (CUBE - 1)).astype(np.int64)
    blue, green, red = levels[..., 0], levels[..., 1], levels[..., 2]
    return np.asarray(16 + red * CUBE * CUBE + green * CUBE + blue)
