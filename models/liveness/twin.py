# SPDX-License-Identifier: MIT
"""Two networks of one kind as one: both look at the image, and the logits' mean is the answer.

Two networks that err on different images err less together. A head can be learnt from the features
of both (head.py); the first network's own weights keep their names, so that training can go on from
them (export.restore).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.liveness.export import ExportError, opened
from models.liveness.head import FLOAT, Numbers

SECOND = "second/"  # before the names of the second network's parts


def twin(first: bytes, second: bytes) -> bytes:
    """The ONNX file of both, which take one input; ExportError where one has no last layer."""
    from onnx import checker, helper, numpy_helper

    ends = [_LastLayer.of(network) for network in (first, second)]
    for node in ends[1].model.graph.node:
        names = [*node.input], [*node.output]
        for kept, found in zip((node.input, node.output), names, strict=True):
            kept[:] = [name if name in ("input", "output") else SECOND + name for name in found]
    for constant in ends[1].model.graph.initializer:
        constant.name = SECOND + constant.name
    graph = ends[0].model.graph
    second_graph = ends[1].model.graph
    kernel = np.concatenate([end.kernel for end in ends]) / 2
    bias = (ends[0].bias + ends[1].bias) / 2
    nodes = [node for end in ends for node in _before(end)]
    nodes.append(helper.make_node("Concat", [end.node.input[0] for end in ends], ["both"], axis=1))
    nodes.append(helper.make_node("Gemm", ["both", "both/0", "both/1"], ["output"]))
    constants = [*graph.initializer, *second_graph.initializer]
    for name, values in (("both/0", kernel), ("both/1", bias)):
        constants.append(numpy_helper.from_array(values.astype(np.float32), name))
    output = helper.make_tensor_value_info("output", FLOAT, ["n", kernel.shape[1]])
    both = helper.make_graph(nodes, graph.name, list(graph.input), [output], constants)
    ends[0].model.graph.CopyFrom(both)
    checker.check_model(ends[0].model)
    data: bytes = ends[0].model.SerializeToString()
    return data


@dataclass(frozen=True)
class _LastLayer:
    """A network's last layer: the ONNX model, the node in it, and its weights (k, classes)."""

    model: Any
    node: Any
    kernel: Numbers
    bias: Numbers

    @classmethod
    def of(cls, network: bytes) -> "_LastLayer":
        from onnx import numpy_helper

        model = opened(network)
        constants = {one.name: one for one in model.graph.initializer}
        dense = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
        if not dense or sum(node.input[1] == dense[-1].input[1] for node in dense) != 1:
            raise ExportError("it has no last layer of its own")
        node = dense[-1]
        kernel, *bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
        if any(one.name == "transB" and one.i for one in node.attribute):
            kernel = kernel.T
        return cls(model, node, kernel.astype(np.float64), sum(bias, np.zeros(kernel.shape[1])))


def _before(end: _LastLayer) -> list[object]:
    """The nodes before the last layer."""
    return list(end.model.graph.node)[: list(end.model.graph.node).index(end.node)]
