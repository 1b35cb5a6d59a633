# SPDX-License-Identifier: MIT
"""An ONNX file to a TFLite file of the same network, in memory.

Models are kept and hashed as ONNX. models/runtime.py compares what comes out with OpenCV's reading
of the same file before it uses it.
"""

from typing import Any

from models.errors import ModelError
from models.litert.operators import OPERATORS
from models.litert.translation import Node, Translation, UnsupportedError, Value, stored

# What an operator's code stumbles over where a node has another form, of another opset or of none.
UNFORESEEN = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)


def convert(model: bytes, size: tuple[int, int] | None = None) -> bytes:
    """The TFLite file of an ONNX network of one input, for one image at a time.

    ``size`` is the input's (height, width), where the network may have another than its own. The
    outputs are in the order of ONNX's. Raises UnsupportedError.
    """
    from onnx import numpy_helper

    graph = read(model)
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    translation = Translation(constants)
    _begin(translation, graph, size)
    for raw in graph.node:
        _translate(translation, raw)
    outputs = [translation.flat(translation.value(output.name)) for output in graph.output]
    return translation.graph.file([value.tensor for value in outputs])


def read(model: bytes) -> Any:
    """The graph in an ONNX file.

    Raises UnsupportedError where it is none, and ModelError where weights of it lie in other files:
    it is this one that was hashed.
    """
    import onnx

    try:
        graph = onnx.load_from_string(model).graph
    except Exception:  # protobuf's own, from a module without types
        raise UnsupportedError("it is not an ONNX file") from None
    if any(one.data_location == onnx.TensorProto.EXTERNAL for one in graph.initializer):
        raise ModelError("it keeps weights in other files, which nobody has hashed")
    return graph


def _begin(translation: Translation, graph: Any, size: tuple[int, int] | None) -> None:
    """The network's one input."""
    inputs = [one for one in graph.input if one.name not in translation.constants]
    if len(inputs) != 1:
        raise UnsupportedError(f"a network with {len(inputs)} inputs")
    dims = [one.dim_value for one in inputs[0].type.tensor_type.shape.dim]
    if len(dims) != 4 or min(dims[1:]) < 1:
        raise UnsupportedError(f"an input of shape {dims}")
    shape = (1, dims[1], *(size or dims[2:]))
    tensor = translation.graph.input(stored(shape, image=True))
    translation.values[inputs[0].name] = Value(tensor, shape, image=True)


def _translate(translation: Translation, raw: Any) -> None:
    node = Node(raw)
    if node.kind not in OPERATORS or raw.domain not in ("", "ai.onnx"):
        raise UnsupportedError(f"the operator {node.kind}")
    if len(raw.output) != 1:
        raise UnsupportedError(f"{node.kind} with {len(raw.output)} outputs")
    try:
        made = OPERATORS[node.kind](translation, node)
    except UNFORESEEN as error:
        raise UnsupportedError(f"{node.kind} of another form: {error}") from error
    node.finish()
    if isinstance(made, Value):
        translation.values[node.output] = made
    else:
        translation.constants[node.output] = made
