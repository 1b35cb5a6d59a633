# SPDX-License-Identifier: MIT
"""An ONNX file to a TFLite file of the same network, in memory.

Models are kept and hashed as ONNX. models/runtime.py compares what comes out with OpenCV's reading
of the same file before it uses it.
"""

from typing import Any

from models.litert.operators import OPERATORS
from models.litert.translation import Node, Translation, UnsupportedError, Value, stored


def convert(model: bytes, size: tuple[int, int] | None = None) -> bytes:
    """The TFLite file of an ONNX network of one input, for one image at a time.

    ``size`` is the input's (height, width), where the network may have another than its own. The
    outputs are in the order of ONNX's. Raises UnsupportedError.
    """
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load_from_string(model).graph
    except Exception:  # protobuf's own, from a module without types
        raise UnsupportedError("it is not an ONNX file") from None

    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    translation = Translation(constants)
    _begin(translation, graph, size)
    for raw in graph.node:
        _translate(translation, raw)
    outputs = [translation.flat(translation.value(output.name)) for output in graph.output]
    return translation.graph.file([value.tensor for value in outputs])


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
    if node.kind not in OPERATORS:
        raise UnsupportedError(f"the operator {node.kind}")
    if len(raw.output) != 1:
        raise UnsupportedError(f"{node.kind} with {len(raw.output)} outputs")
    try:
        made = OPERATORS[node.kind](translation, node)
    except (IndexError, KeyError, TypeError, ValueError) as error:  # in another opset, or none
        raise UnsupportedError(f"{node.kind} of another form: {error}") from error
    node.finish()
    if isinstance(made, Value):
        translation.values[node.output] = made
    else:
        translation.constants[node.output] = made
