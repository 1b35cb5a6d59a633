# SPDX-License-Identifier: MIT
"""Write a network as TFLite, operation by operation, without a training framework.

TFLite is the format of LiteRT (models/runtime.py). Its schema, and the classes that write it, come
with LiteRT. An image is (n, height, width, channels) there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]

IDENTIFIER = b"TFL3"
VERSION = 3
# What an operation's options are called in the schema; those that are not here have none.
OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SUB": "SubOptions",
}


class Graph:
    """A network under construction; tensors are known by their number."""

    def __init__(self) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._schema: Any = schema
        self._buffers = [schema.BufferT()]  # the first one is empty: of tensors that are computed
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[str, int] = {}  # operation -> its place in the file's list
        self._inputs: list[int] = []

    def input(self, shape: Shape) -> int:
        """The network's input, float32."""
        tensor = self._tensor(shape, self._schema.TensorType.FLOAT32)
        self._inputs.append(tensor)
        return tensor

    def constant(self, values: NDArray[Any]) -> int:
        """Values that are part of the network: whole numbers as int32, others as float32."""
        whole = values.dtype.kind in "iu"
        kinds = self._schema.TensorType
        array: NDArray[Any] = np.ascontiguousarray(values, np.int32 if whole else np.float32)
        buffer = self._schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self._buffers.append(buffer)
        tensor = self._tensor(values.shape, kinds.INT32 if whole else kinds.FLOAT32)
        self._tensors[tensor].buffer = len(self._buffers) - 1
        return tensor

    def operation(self, name: str, inputs: Sequence[int], shape: Shape, **options: Any) -> int:
        """One operation by its name in the schema; the tensor (float32) that comes out."""
        output = self._tensor(shape, self._schema.TensorType.FLOAT32)
        operator = self._schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault(name, len(self._codes))
        operator.inputs, operator.outputs = list(inputs), [output]
        if kind := OPTIONS.get(name):
            operator.builtinOptionsType = getattr(self._schema.BuiltinOptions, kind)
            operator.builtinOptions = getattr(self._schema, f"{kind}T")()
            for option, value in options.items():
                setattr(operator.builtinOptions, option, value)
        self._operators.append(operator)
        return output

    def padding(self, *, same: bool) -> int:
        """The schema's number for the padding of a convolution: "same", or none."""
        return int(self._schema.Padding.SAME if same else self._schema.Padding.VALID)

    def file(self, outputs: Sequence[int]) -> bytes:
        """The network as a file."""
        import flatbuffers

        graph = self._schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = self._inputs, list(outputs)
        model = self._schema.ModelT()
        model.version, model.subgraphs, model.buffers = VERSION, [graph], self._buffers
        model.operatorCodes = [self._operator_code(name) for name in self._codes]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())

    def _tensor(self, shape: Shape, kind: int) -> int:
        tensor = self._schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, 0
        tensor.name = f"t{len(self._tensors)}".encode()
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _operator_code(self, name: str) -> Any:
        code = self._schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(self._schema.BuiltinOperator, name)
        code.version = 1
        return code
