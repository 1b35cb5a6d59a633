# SPDX-License-Identifier: MIT
"""dlib's network as converted, beside dlib's own on the same chips.

``face_recognition.face_encodings`` is dlib's landmarks (1 to 7 ms) and then this forward pass; the
landmarks are left out, which makes the comparison harder for ours.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from models.detection.hog import DlibFace, HogDetector
from models.face import Image
from models.recognition.dlib_resnet import WEIGHTS, ConvertedNetwork, DlibNetwork, _chip
from models.registry import model
from tests.bench.times import Figures, stopwatch

FACES = 10


def encodings(images: Sequence[Image]) -> Figures:
    """Medians in milliseconds of a chip, and how far the two are apart at the most."""
    about = model("dlib")
    nowhere = Path("/nonexistent")  # dlib's files come with a Python package
    detector = HogDetector(about, nowhere)
    weights = about.path(WEIGHTS, nowhere)
    own, converted = DlibNetwork(weights), ConvertedNetwork(weights)
    times: dict[str, list[float]] = {"converted": [], "dlib's own": []}
    apart = 0.0
    for image in images:
        for face in detector.detect(image)[:1]:
            assert isinstance(face, DlibFace)
            chips = _chip(image, face)[None]
            with stopwatch(times["converted"]):
                ours = converted(chips)
            with stopwatch(times["dlib's own"]):
                theirs = own(chips)
            apart = max(apart, float(np.abs(ours - theirs).max()))
    if not times["converted"]:
        return {}
    found = {f"{name}, ms": median(values) for name, values in times.items()}
    faster = found["dlib's own, ms"] / found["converted, ms"]
    return {**found, "times as fast": faster, "largest difference, millionths": apart * 1e6}
