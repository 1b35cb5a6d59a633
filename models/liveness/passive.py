# SPDX-License-Identifier: MIT
"""Passive liveness: networks that judge from one frame whether a face is live.

Any such network can be used that a *description* states (a table in registry.toml, or a JSON file
beside the .onnx file):

    {"id": "minifasnet-v2",           what verdicts call it
     "file": "model.onnx",            beside the JSON file        } not in registry.toml,
     "sha256": "…",                   of that file                } which has them elsewhere
     "input": {"size": 80, "colour": "bgr", "mean": [0, 0, 0], "std": [1, 1, 1]},
     "crop": 2.7,                     the face's box is enlarged by this
     "output": "logits",              "logits" (softmax), "probabilities", or "sigmoid": one logit
     "live": 1,                       the class that means live; with "sigmoid" 1 or 0
     "threshold": 0.5,                below this probability of "live" the model denies
     "calibration": {…}}              may be missing: what other thresholds cost (calibration.py)

Further keys (how it was trained, measured rates) are for people and are ignored. The crop is that
of Silent-Face-Anti-Spoofing: the box is enlarged about its centre, by less where the image is too
small for it, and pushed back into the image where it sticks out, so it never holds padding.

Every model may only deny. A description or a network that is wrong is an error, never a model less.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models import reading
from models.errors import ModelError
from models.face import Box, Face, Image
from models.liveness.calibration import Calibration
from models.preprocessing import Preprocessing
from models.registry import models
from models.runtime import Network

STOCK = Path(__file__).with_name("stock")
OUTPUTS = ("logits", "probabilities", "sigmoid")


@dataclass(frozen=True)
class Description:
    """What it takes to run a passive model, as above."""

    id: str
    input: Preprocessing
    crop: float
    output: str
    live: int
    threshold: float
    calibration: Calibration | None = None

    @classmethod
    def read(cls, table: Mapping[str, Any], where: str) -> "Description":
        """From a table; ModelError says which value is wrong."""
        name, output, live = table.get("id"), table.get("output"), table.get("live")
        if not isinstance(name, str) or not name or len(name) > 64 or not name.isprintable():
            raise ModelError(f"{where}: id must be a name of 1 to 64 characters")
        if output not in OUTPUTS:
            raise ModelError(f"{where}: output must be one of {', '.join(OUTPUTS)}")
        if type(live) is not int or not 0 <= live < (2 if output == "sigmoid" else 100):
            raise ModelError(f"{where}: live must be the number of a class, from 0")
        if not isinstance(table.get("input"), Mapping):
            raise ModelError(f"{where}: input must be a table")
        calibration = table.get("calibration")
        return cls(
            id=name,
            input=Preprocessing.read(table["input"], where),
            crop=_number(table, "crop", 0.5, 10, where),
            output=output,
            live=live,
            threshold=_number(table, "threshold", 0.001, 1, where),
            calibration=None if calibration is None else Calibration.read(calibration, where),
        )


class Runner(Protocol):
    """What runs a network: models.runtime.Network, or in measurements another library."""

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]: ...


class PassiveModel:
    """One network with its description."""

    def __init__(self, description: Description, network: bytes | Runner) -> None:
        """Load it and try it once; ModelError where it is not what the description says."""
        self.id = description.id
        self.threshold = description.threshold
        self.calibration = description.calibration
        self._about = description
        if isinstance(network, bytes):
            network = Network(network, description.id)
        self._network: Runner = network
        size = description.input.size
        self._probability(np.zeros((size, size, 3), np.uint8))

    def score(self, image: Image, face: Face) -> float:
        """The probability, 0 to 1, that ``face`` in ``image`` is live."""
        left, top, right, bottom = enlarged(face.box, self._about.crop, image)
        size = self._about.input.size
        # The published network was trained on cv2.resize's bilinear crops; averaging is no better.
        return self._probability(cv2.resize(image[top:bottom, left:right], (size, size)))

    def _probability(self, crop: Image) -> float:
        output = self._network.run(self._about.input.blob(crop)).reshape(-1).astype(np.float64)
        if self._about.output == "sigmoid":
            if output.size != 1:
                raise ModelError(f"{self.id}: {output.size} outputs in place of 1")
            sign = 1 if self._about.live == 1 else -1
            probability = 1 / (1 + np.exp(np.clip(-sign * output[0], -500, 500)))
        else:
            if not self._about.live < output.size:
                raise ModelError(f"{self.id}: no class {self._about.live} among {output.size}")
            if self._about.output == "logits":
                output = np.exp(output - output.max())
                output /= output.sum()
            probability = output[self._about.live]
        if not 0 <= probability <= 1:
            raise ModelError(f"{self.id}: {probability:.3g} is not a probability")
        return float(probability)


def enlarged(box: Box, scale: float, image: Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (beyond the last pixel) of ``box`` enlarged, inside ``image``.

    Raises ModelError where nothing of the box is there to be enlarged.
    """
    height, width = image.shape[:2]
    if not (box.width > 0 and box.height > 0) or min(height, width) < 3:
        raise ModelError("the face's box is empty, so liveness cannot be judged")
    scale = min(scale, (width - 1) / box.width, (height - 1) / box.height)
    left, right = _inside(box.centre[0], box.width * scale, width)
    top, bottom = _inside(box.centre[1], box.height * scale, height)
    return left, top, right, bottom


def _inside(centre: float, length: float, limit: int) -> tuple[int, int]:
    start = max(min(centre - length / 2, limit - 1 - length), 0.0)
    return int(start), int(start + length) + 1


def load_passive_models(models_dir: Path) -> list[PassiveModel]:
    """All passive models there are: the two that ship (stock first), then the installed ones.

    A folder of ``models_dir`` that the registry does not know and that holds a JSON description is
    a model that was trained here. Raises ModelError where any of them is changed or wrong: to run
    with a model less would be to deny less.
    """
    from models.liveness.border import Border  # which is a passive model

    found = [*_described(STOCK), Border.shipped()]
    for model in models().values():
        if model.role == "liveness" and model.is_installed(models_dir):
            description = Description.read({"id": model.id, **model.table["liveness"]}, model.name)
            found.append(PassiveModel(description, model.only_file(models_dir)))
    for folder in _folders(models_dir):
        if folder.name not in models():
            found.extend(_described(folder))
    ids = [model.id for model in found]
    if len(set(ids)) < len(ids):
        raise ModelError(f"two liveness models have one id among {', '.join(ids)}; remove one")
    return found


def _folders(models_dir: Path) -> list[Path]:
    """Its visible folders; a hidden one is an installation under way."""
    try:
        paths = sorted(models_dir.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{models_dir}: cannot be read: {error.strerror}") from error
    return [path for path in paths if path.is_dir() and not path.name.startswith(".")]


def _described(folder: Path) -> Iterator[PassiveModel]:
    """The models of a folder, one for each JSON file."""
    for path in sorted(folder.glob("*.json")):
        yield load_described(path)


def load_described(path: Path) -> PassiveModel:
    """The model that the JSON file at ``path`` describes; its network lies beside it."""
    description, network, sha256 = read_description(path)
    return PassiveModel(description, _checked(network, sha256))


def read_description(path: Path) -> tuple[Description, Path, Any]:
    """What the JSON file at ``path`` describes, the network's place, and its registered SHA-256."""
    try:
        table = json.loads(reading.read(path).decode("utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{path}: not a JSON description of a model") from error
    if not isinstance(table, dict):
        raise ModelError(f"{path}: must be a JSON object")
    description = Description.read(table, str(path))
    name = table.get("file")
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise ModelError(f"{path}: file must name a file beside it")
    return description, path.with_name(name), table.get("sha256")


def _checked(path: Path, sha256: Any) -> bytes:
    try:
        data = reading.read(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{path}: not the described file (SHA-256 differs); it is not loaded")
    return data


def _number(table: Mapping[str, Any], key: str, low: float, high: float, where: str) -> float:
    value = table.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise ModelError(f"{where}: {key} must be a number from {low} to {high}")
    return float(value)
