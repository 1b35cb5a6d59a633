# SPDX-License-Identifier: MIT
"""People before a camera, and photographs of them: printed, and held before a face.

The prints are real ones (NUAA: somebody's live frames and prints of them by one webcam). Held
before a face, the photograph is rendered into a stranger's clip as models/liveness/attacks.py does.
"""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from models.detection.yunet import YuNetDetector
from models.evaluation import datasets
from models.evaluation.liveness import read_image
from models.face import Box, Image
from models.liveness.attacks import simulate
from models.registry import model as registered
from tests.harness import clips
from tests.harness.data import SHARED

FPS = 15.0


def nuaa(subject: str, folder: Path) -> tuple[Path, Path, Path]:
    """A person of NUAA as three clips: to enrol from, later, and the prints of them."""
    samples = [
        one
        for one in datasets.read(SHARED / "liveness")
        if one.source == "nuaa" and one.subject == f"nuaa:{subject}"
    ]
    live, prints = ([one.path for one in samples if one.live == live] for live in (True, False))
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"enrol": live[: len(live) // 2], "later": live[len(live) // 2 :], "print": prints}
    first, later, printed = (
        clips.write(folder / f"{name}.avi", (_whole(read_image(path)) for path in paths), FPS)
        for name, paths in parts.items()
    )
    return first, later, printed


def held_before(victim: Path, holder: Path, target: Path, species: str, count: int = 40) -> Path:
    """The victim's picture on paper or a phone, held before the holder's face, as a clip."""
    detector = YuNetDetector(registered("yunet"), SHARED / "models")
    picture = next(clips.frames(victim))
    box = _largest(detector, picture)

    def seen(scene: Image) -> Image:
        # The same seed each time: the hand is steady, and only the scene behind it moves.
        rng = np.random.default_rng(7)
        face = _largest(detector, scene)
        image, _ = simulate(species, picture, box, scene, (0, 0), rng, before=face)
        return _whole(image)

    return clips.write(target, map(seen, islice(clips.frames(holder), count)), FPS)


def _largest(detector: YuNetDetector, image: Image) -> Box:
    return max((face.box for face in detector.detect(image)), key=lambda box: box.area)


def _whole(image: Image) -> Image:
    """The image in the middle of a webcam's, whose edges repeat its own."""
    scale = min(clips.WIDTH / image.shape[1], clips.HEIGHT / image.shape[0])
    image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)
    across, down = clips.WIDTH - image.shape[1], clips.HEIGHT - image.shape[0]
    sides = (down // 2, down - down // 2, across // 2, across - across // 2)
    return np.asarray(cv2.copyMakeBorder(image, *sides, cv2.BORDER_REPLICATE), np.uint8)
