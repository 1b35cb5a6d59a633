# SPDX-License-Identifier: MIT
"""Two networks of one kind as one: both look at the image, and the logits' mean is the answer.

Two networks that err on different images err less together. The features of both reach one last
layer, so that a head can be learnt for it (head.py); the first network's own weights keep their
names, so that training can go on from them (export.restore).
"""

import numpy as np

from models.liveness.head import FLOAT, LastLayer

SECOND = "second/"  # before the names of the second network's parts


def twin(first: bytes, second: bytes) -> bytes:
    """The ONNX file of both, which take one input; ExportError where one has no last layer."""
    from onnx import checker, helper, numpy_helper

    ends = [LastLayer.of(network) for network in (first, second)]
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


def _before(end: LastLayer) -> list[object]:
    """The nodes before the last layer."""
    return list(end.model.graph.node)[: list(end.model.graph.node).index(end.node)]
