# SPDX-License-Identifier: MIT
"""A translation under way: which of ONNX's values are computed, and which are known beforehand.

ONNX has images as (n, channels, height, width), TFLite as (n, height, width, channels): a value
that is an image keeps ONNX's shape here and TFLite's in the file.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.litert.graph import Graph, Shape

IMAGE = (0, 2, 3, 1)  # ONNX's axes of an image in TFLite's order,
BACK = (0, 3, 1, 2)  # and TFLite's in ONNX's


class UnsupportedError(ModelError):
    """The network holds what the converter does not know; the text says what."""


@dataclass(frozen=True)
class Value:
    """What is computed: its tensor, its shape as ONNX has it, and whether that is an image's."""

    tensor: int
    shape: Shape
    image: bool


class Node:
    """A node of the ONNX graph; whoever reads an attribute takes it away."""

    def __init__(self, node: Any) -> None:
        from onnx import helper

        self.kind: str = node.op_type
        self.inputs: list[str] = list(node.input)
        self.output: str = node.output[0]
        self._attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}

    def take(self, name: str, default: Any = None) -> Any:
        return self._attributes.pop(name, default)

    def demand(self, name: str, *wanted: Any) -> None:
        """An attribute that must be one of these, if it is there."""
        if (found := self.take(name, wanted[0])) not in wanted:
            raise UnsupportedError(f"{self.kind} with {name}={found!r}")

    def finish(self) -> None:
        if self._attributes:
            raise UnsupportedError(f"{self.kind} with {', '.join(sorted(self._attributes))}")


class Translation:
    """What is known of the network so far, and the graph that is written."""

    def __init__(self, constants: dict[str, NDArray[Any]]) -> None:
        self.graph = Graph()
        self.constants = constants
        self.values: dict[str, Value] = {}

    def value(self, name: str) -> Value:
        """Something that is computed; UnsupportedError where it is a constant or missing."""
        if name not in self.values:
            raise UnsupportedError(f'"{name}", which is not computed')
        return self.values[name]

    def number(self, name: str) -> NDArray[Any]:
        """A constant; UnsupportedError where it is computed or missing."""
        if name not in self.constants:
            raise UnsupportedError(f'"{name}", which is no constant')
        return self.constants[name]

    def whole(self, name: str) -> list[int]:
        return [int(number) for number in self.number(name).reshape(-1)]

    def tensor(self, values: NDArray[Any]) -> int:
        return self.graph.constant(values)

    def emit(
        self, name: str, inputs: list[int], shape: Shape, *, image: bool, **options: Any
    ) -> Value:
        """One operation; ``shape`` is ONNX's."""
        tensor = self.graph.operation(name, inputs, stored(shape, image=image), **options)
        return Value(tensor, shape, image)

    def flat(self, value: Value) -> Value:
        """The value in ONNX's own order."""
        if not value.image:
            return value
        order = self.tensor(np.array(BACK))
        return self.emit("TRANSPOSE", [value.tensor, order], value.shape, image=False)

    def reshaped(self, value: Value, shape: Shape) -> Value:
        if value.image and 1 in (value.shape[1], math.prod(value.shape[2:])):
            value = Value(value.tensor, value.shape, image=False)  # both orders are one
        numbers = self.tensor(np.array(shape))
        inputs = [self.flat(value).tensor, numbers]
        return self.emit("RESHAPE", inputs, shape, image=False, newShape=list(shape))


def stored(shape: Shape, *, image: bool) -> Shape:
    return tuple(shape[axis] for axis in IMAGE) if image else shape


def image_of(translation: Translation, node: Node) -> Value:
    value = translation.value(node.inputs[0])
    if not value.image:
        raise UnsupportedError(f"{node.kind} of what is no image")
    return value
