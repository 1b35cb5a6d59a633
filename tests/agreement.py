# SPDX-License-Identifier: MIT
"""Whether dlib's converted network is dlib's: ``python -m tests.agreement``, 2 minutes and more.

Every face that dlib finds in LFW's development images goes through both networks, from the same
chip; and each development pair is decided by both, at the threshold that ships for FMR 1e-4. Ends
with exit status 1 where embeddings are further apart than ``TOLERANCE``, or a decision differs.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detection.hog import DlibFace, HogDetector
from models.evaluation import pairs
from models.face import Image
from models.recognition.alignment import unit
from models.recognition.calibration import calibration_for
from models.recognition.dlib_resnet import WEIGHTS, ConvertedNetwork, DlibNetwork, _chip
from models.registry import model
from tests.harness.data import SHARED

LFW = SHARED / "people" / "lfw-dev"
TOLERANCE = 1e-3
FMR = 1e-4

Both = tuple[NDArray[np.float32], NDArray[np.float32]]  # converted, dlib's own


def main() -> int:
    about, nowhere = model("dlib"), Path("/nonexistent")  # its files come with a Python package
    detector = HogDetector(about, nowhere)
    weights = about.path(WEIGHTS, nowhere)
    networks = ConvertedNetwork(weights), DlibNetwork(weights)
    found: dict[str, Both] = {}
    for path in sorted(LFW.rglob("*.jpg")):
        chip = largest_face(detector, np.asarray(cv2.imread(str(path)), np.uint8))
        if chip is not None:
            ours, theirs = (network(chip[None])[0] for network in networks)
            found[path.stem] = ours, theirs
    apart = max(float(np.abs(ours - theirs).max()) for ours, theirs in found.values())
    listed = [
        (pair.first.path.stem, pair.second.path.stem)
        for pair in pairs.read(LFW / "pairsDevTest.txt", LFW)
    ]
    judged = [pair for pair in listed if all(name in found for name in pair)]
    threshold = calibration_for(about.id).threshold(FMR)
    decided = [[similarity(found, pair, which) >= threshold for pair in judged] for which in (0, 1)]
    differ = sum(ours != theirs for ours, theirs in zip(*decided, strict=True))
    print(f"{len(found)} faces; largest difference {apart:.2g}")
    print(f"{len(judged)} pairs, {sum(decided[0])} accepted; {differ} decided otherwise by dlib")
    return 0 if apart <= TOLERANCE and not differ else 1


def largest_face(detector: HogDetector, image: Image) -> Image | None:
    faces = [face for face in detector.detect(image) if isinstance(face, DlibFace)]
    return _chip(image, max(faces, key=lambda face: face.box.area)) if faces else None


def similarity(found: dict[str, Both], pair: tuple[str, str], which: int) -> float:
    one, other = (unit(found[name][which]) for name in pair)
    return float(one @ other)


if __name__ == "__main__":
    sys.exit(main())
