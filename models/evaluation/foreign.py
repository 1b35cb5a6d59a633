# SPDX-License-Identifier: MIT
"""Anybody's liveness model, for measuring it beside ours: ONNX, TFLite or Keras, as described.

The description is the JSON of models/liveness/passive.py; ``file`` may also end in .tflite, .keras
or .h5, which the extra ``train`` runs, and ``sha256`` may be left out. All get the same boxes,
crops and rates. A model file is a program of sorts: load none that you would not run.
"""

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import reading
from models.errors import ModelError
from models.liveness import backend
from models.liveness.passive import STOCK, PassiveModel, Runner, read_description

DESCRIPTION = "model.json"


def load(path: Path) -> PassiveModel:
    """The model at ``path``: a JSON description, or a folder that holds a model.json."""
    about, network, sha256 = read_description(path / DESCRIPTION if path.is_dir() else path)
    try:
        data = reading.read(network)
    except OSError as error:
        raise ModelError(f"{network}: cannot be read: {error.strerror}") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{network}: not the described file (SHA-256 differs); it is not loaded")
    kind = network.suffix.lower()
    if kind not in RUNNERS:
        return PassiveModel(about, data)
    backend.start()
    return PassiveModel(about, RUNNERS[kind](network, about.id))


def stock() -> PassiveModel:
    """The model that ships."""
    return load(STOCK)


class _Keras:
    """A Keras file with one input and one output."""

    def __init__(self, path: Path, name: str) -> None:
        import keras

        self._name = name
        try:
            with warnings.catch_warnings():  # of an older Keras's habits
                warnings.simplefilter("ignore")
                self._model = keras.models.load_model(path, compile=False)
            self._last = self._model.inputs[0].shape[-1] == 3
        except Exception as error:  # whatever its reader and the file's own layers raise
            raise ModelError(f"{path}: Keras cannot read it: {_line(error)}") from None

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return np.asarray(self._model(_laid_out(batch, self._last), training=False), np.float32)
        except Exception as error:
            raise ModelError(
                f"{self._name}: it cannot take {batch.shape}: {_line(error)}"
            ) from None


class _Lite:
    """A TFLite file with one input and one output, of floats or quantised."""

    def __init__(self, path: Path, name: str) -> None:
        import tensorflow as tf

        self._name = name
        try:
            self._lite = tf.lite.Interpreter(str(path))
            self._lite.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{path}: TFLite cannot read it: {_line(error)}") from None
        self._input = self._lite.get_input_details()[0]
        self._output = self._lite.get_output_details()[0]

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        values = _laid_out(batch, self._input["shape"][-1] == 3)
        try:
            self._lite.set_tensor(self._input["index"], _quantised(values, self._input))
            self._lite.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self._name}: it cannot take {batch.shape}: {_line(error)}"
            ) from None
        return _floats(self._lite.get_tensor(self._output["index"]), self._output)


def _quantised(values: NDArray[np.float32], about: Any) -> NDArray[Any]:
    kind = about["dtype"]
    if kind == np.float32:
        return values
    scale, zero = about["quantization"]
    limits = np.iinfo(kind)
    steps = np.round(values / (scale or 1) + zero)
    return np.asarray(np.clip(steps, limits.min, limits.max), kind)


def _floats(values: NDArray[Any], about: Any) -> NDArray[np.float32]:
    if values.dtype == np.float32:
        return values
    scale, zero = about["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * (scale or 1), np.float32)


def _laid_out(batch: NDArray[np.float32], channels_last: bool) -> NDArray[np.float32]:
    """(n, 3, height, width) as it is, or with the channels last."""
    return np.ascontiguousarray(batch.transpose(0, 2, 3, 1)) if channels_last else batch


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


RUNNERS: dict[str, Callable[[Path, str], Runner]] = {
    ".keras": _Keras,
    ".h5": _Keras,
    ".tflite": _Lite,
}
