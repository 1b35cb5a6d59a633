# SPDX-License-Identifier: MIT
"""Write a network as ONNX, node by node, without a training framework.

The bytes depend on what is written and on nothing else, so a conversion can be known by its hash.
ImportError where the package onnx is missing, which only a conversion needs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET = 13
IR_VERSION = 8  # what goes with that opset, and with later ones
FLOAT32 = 1  # ONNX's number for it


class Graph:
    """A network under construction, of one input and one output; values are known by name."""

    def __init__(self, name: str) -> None:
        from onnx import helper, numpy_helper

        self._helper: Any = helper
        self._numpy: Any = numpy_helper
        self._name = name
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: NDArray[Any], dtype: type = np.float32) -> str:
        """Values that are part of the network."""
        name = f"c{len(self._constants)}"
        array: NDArray[Any] = np.ascontiguousarray(values, dtype)
        self._constants.append(self._numpy.from_array(array, name))
        return name

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """One operation; the name of what comes out."""
        name = output or f"v{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def convolution(
        self,
        value: str,
        weights: NDArray[Any],
        bias: NDArray[Any],
        *,
        stride: int,
        padding: int,
        groups: int = 1,
    ) -> str:
        """A convolution by (filters, channels, height, width) and (filters,)."""
        names = (self.constant(weights), self.constant(bias))
        strides, pads = [stride] * 2, [padding] * 4
        return self.node("Conv", value, *names, strides=strides, pads=pads, group=groups)

    def model(self, inputs: tuple[str, tuple[int, ...]], output: tuple[str, int]) -> bytes:
        """The file, of a network from (name, shape of one) to (name, numbers of one)."""
        info = self._helper.make_tensor_value_info
        graph = self._helper.make_graph(
            self._nodes,
            self._name,
            [info(inputs[0], FLOAT32, ["n", *inputs[1]])],
            [info(output[0], FLOAT32, ["n", output[1]])],
            self._constants,
        )
        opset = self._helper.make_opsetid("", OPSET)
        model = self._helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        return bytes(model.SerializeToString(deterministic=True))
