# SPDX-License-Identifier: MIT
"""MobileFaceNet and SFace: networks that embed a face aligned by five landmarks.

They differ in their preprocessing alone, which registry.toml states. The embeddings of the face
and of its mirror image are averaged, where not told otherwise (measured in docs/accuracy.md).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.face import Face, Image
from models.preprocessing import Preprocessing
from models.recognition.alignment import aligned, unit
from models.registry import Model
from models.runtime import Network


class AlignedEmbedder:
    """A registered recognition network of one file."""

    def __init__(self, model: Model, models_dir: Path) -> None:
        """Load it; ModelError where it is missing, changed or unusable."""
        self.dimension = int(model.table["dimension"])
        self._name = model.name
        self._input = Preprocessing.read(model.table["input"], model.name)
        self._network = Network(model.only_file(models_dir), model.name)

    def embed(self, image: Image, face: Face, once: bool = False) -> NDArray[np.float32]:
        """The face's embedding, (dimension,) float32 of length 1; ``once`` without the mirror."""
        chip = aligned(image, face.landmarks)
        vector = unit(self._forward(chip))
        if once:
            return vector
        mirrored: Image = np.ascontiguousarray(chip[:, ::-1])
        return unit(vector + unit(self._forward(mirrored)))

    def _forward(self, chip: Image) -> NDArray[np.float32]:
        # One by one: the exported networks are fixed to a batch of one.
        output = self._network.run(self._input.blob(chip)).reshape(-1)
        if output.size != self.dimension:
            raise ModelError(f"{self._name}: {output.size} numbers in place of {self.dimension}")
        return output
