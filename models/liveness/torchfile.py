# SPDX-License-Identifier: MIT
"""Reading the weights out of a PyTorch file of the old kind (before 1.6), without PyTorch.

Such a file is a row of pickles followed by the raw numbers. Unpickling a stranger's file runs
whatever it says, so only the three names that a dictionary of tensors needs are known here;
any other name ends in an error. Newer files (zip archives) are refused.
"""

import io
import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import reading

MAGIC = 0x1950A86A20F9469CFC6C
NUMBERS: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}


class WeightsError(Exception):
    """The file holds no weights that can be used; one line says why."""


class _Tensor(NamedTuple):
    kind: str
    storage: str
    offset: int
    shape: tuple[int, ...]


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of the file by name, "module." in front of a name left out."""
    try:
        return _read(io.BytesIO(reading.read(path)))
    except WeightsError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise WeightsError(f"{path} cannot be read as PyTorch weights: {error}") from None


def _read(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    if _Unpickler(file).load() != MAGIC:
        raise WeightsError("it has no PyTorch header")
    _Unpickler(file).load()  # protocol version
    _Unpickler(file).load()  # the writer's byte order and sizes
    tensors: dict[str, _Tensor] = _Unpickler(file).load()
    order: list[str] = _Unpickler(file).load()
    kinds = {tensor.storage: tensor.kind for tensor in tensors.values()}
    storages = {}
    for key in order:
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = np.frombuffer(
            file.read(count * NUMBERS[kinds[key]].itemsize), NUMBERS[kinds[key]]
        )
    return {name.removeprefix("module."): _tensor(one, storages) for name, one in tensors.items()}


def _tensor(tensor: _Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    end = tensor.offset + math.prod(tensor.shape)
    return storages[tensor.storage][tensor.offset : end].reshape(tensor.shape)


def _rebuild(
    storage: tuple[str, str, str], offset: int, shape: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage[0], storage[1], offset, shape)


class _Unpickler(pickle.Unpickler):
    """Knows tensors, their storages and ordered dictionaries, and nothing else."""

    def find_class(self, module: str, name: str) -> Callable[..., Any] | str:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in NUMBERS:
            return name
        raise WeightsError(f"it asks for {module}.{name}, which no weights need")

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        kind, key = pid[1], pid[2]
        return kind, key
