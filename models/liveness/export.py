# SPDX-License-Identifier: MIT
"""From a trained Keras network to the runtime's file and back: a small ONNX writer, and its proof.

The ONNX network takes (n, 3, size, size) float32, as the runtime lays out every image, and gives
the same logits. Only the layers that our networks are made of are known; any other one is an
error, never a guess. ``export`` runs the written bytes beside Keras and refuses to hand out a
file whose answers differ. ``restore`` reads such a file's weights back, to train on.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.runtime import Network

OPSET = 17
IR_VERSION = 8  # what goes with that opset
# Axes of a kernel, from Keras's order to ONNX's and back.
_KERNEL = {"Conv2D": (3, 2, 0, 1), "DepthwiseConv2D": (2, 3, 0, 1)}
_KERNEL_BACK = {"Conv2D": (2, 3, 1, 0), "DepthwiseConv2D": (2, 3, 0, 1)}
TOLERANCE = 1e-4  # of the largest logit: float32 sums in another order


class ExportError(Exception):
    """The network cannot be written; one line says why."""


def export(model: Any, *, mirror: bool = False) -> bytes:
    """The ONNX file of a functional Keras model with one input and one output, checked.

    With ``mirror`` the network looks at the image and at its mirror image, with the same weights,
    and gives the mean of the two answers: a steadier one, for twice the time.
    """
    data = _Writer(model).write(mirror=mirror)
    _prove(model, data, mirror=mirror)
    return data


def restore(model: Any, data: bytes) -> None:
    """Give ``model`` the weights of a file that ``export`` wrote; ExportError where they differ.

    The network must be built alike: the same layers, names and shapes.
    """
    from onnx import numpy_helper

    graph = opened(data).graph
    found = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for layer in model.layers:
        wanted = [weights.shape for weights in layer.get_weights()]
        arrays = [found.get(f"{layer.name}/{part}") for part in range(len(wanted))]
        layer.set_weights([_back(layer, *pair) for pair in zip(arrays, wanted, strict=True)])


def opened(data: bytes) -> Any:
    """A file as ONNX's model of it; ExportError where it is none."""
    import onnx

    try:
        return onnx.load_from_string(data)
    except Exception:  # protobuf's own, from a module without types
        raise ExportError("it is not an ONNX file") from None


def _back(layer: Any, values: NDArray[Any] | None, shape: tuple[int, ...]) -> NDArray[Any]:
    """One array as Keras has it."""
    if values is not None and values.ndim == 4:
        values = values.transpose(*_KERNEL_BACK[type(layer).__name__])
    if values is None or values.size != np.prod(shape):
        raise ExportError(f'it has no weights that fit the layer "{layer.name}"')
    return values.reshape(shape)


def _prove(model: Any, data: bytes, *, mirror: bool) -> None:
    """The very runtime that will load the file must give the network's own answers."""
    network = Network(data, model.name)
    size = model.inputs[0].shape[1]
    rng = np.random.default_rng(0)
    for _ in range(4):
        image = rng.uniform(0, 255, (1, size, size, 3)).astype(np.float32)
        wanted = np.asarray(model(image, training=False))
        if mirror:
            wanted = (wanted + np.asarray(model(image[:, :, ::-1], training=False))) / 2
        found = network.run(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
        apart = float(np.abs(wanted - found).max() / max(np.abs(wanted).max(), 1))
        if not apart <= TOLERANCE:
            raise ExportError(f"the written network is {apart:.3g} off; nothing was written")


class _Writer:
    """Walks the layers in their order and writes a node or two for each."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        # name -> what is padded, and by how much
        self.padded: dict[str, tuple[str, list[int]]] = {}

    def write(self, *, mirror: bool) -> bytes:
        from onnx import TensorProto, checker, helper

        output = self.branch("input")
        if mirror:
            width = self.model.inputs[0].shape[2]
            turned = self.constant("mirror/columns", np.arange(width)[::-1])
            other = self.branch(self.node("Gather", ["input", turned], axis=3))
            half = self.constant("mirror/half", np.array(0.5, np.float32))
            output = self.node("Mul", [self.node("Add", [output, other]), half])
        self.node("Identity", [output], output="output")
        size = self.model.inputs[0].shape[1]
        classes = self.model.outputs[0].shape[-1]
        graph = helper.make_graph(
            self.nodes,
            self.model.name,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, size, size])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", classes])],
            list(self.constants.values()),
        )
        file = helper.make_model(
            graph,
            producer_name="faceauth",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        checker.check_model(file)
        data: bytes = file.SerializeToString()
        return data

    def branch(self, source: str) -> str:
        """Write all layers, with ``source`` as their input; the name of what comes out."""
        names = {id(self.model.inputs[0]): source}
        for layer in self.model.layers:
            kind = type(layer).__name__
            if kind == "InputLayer":
                continue
            if kind not in WRITERS:
                raise ExportError(f'the layer "{layer.name}" is a {kind}, which cannot be written')
            inputs = layer.input if isinstance(layer.input, list) else [layer.input]
            names[id(layer.output)] = WRITERS[kind](self, layer, [names[id(one)] for one in inputs])
        return names[id(self.model.outputs[0])]

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Keep these values, once for all branches, by a name that ``restore`` knows."""
        from onnx import numpy_helper

        kind = np.int64 if values.dtype.kind == "i" else np.float32
        array = np.ascontiguousarray(values, dtype=kind).reshape(values.shape)
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def weights(self, layer: Any, *arrays: NDArray[Any]) -> list[str]:
        return [self.constant(f"{layer.name}/{part}", values) for part, values in enumerate(arrays)]


def _convolution(writer: _Writer, layer: Any, inputs: list[str]) -> str:
    depthwise = type(layer).__name__ == "DepthwiseConv2D"
    kernel, *bias = layer.get_weights()
    if layer.padding == "same" and (layer.strides != (1, 1) or kernel.shape[0] % 2 == 0):
        raise ExportError(f'the layer "{layer.name}" pads its two sides differently')
    source, pads = writer.padded.get(inputs[0], (inputs[0], [0] * 4))
    if layer.padding == "same":
        pads = [kernel.shape[0] // 2] * 4
    weights = kernel.transpose(_KERNEL[type(layer).__name__])
    return writer.node(
        "Conv",
        [source, *writer.weights(layer, weights, *bias)],
        strides=list(layer.strides),
        pads=pads,
        group=kernel.shape[2] if depthwise else 1,
    )


def _dense(writer: _Writer, layer: Any, inputs: list[str]) -> str:
    kernel, *bias = layer.get_weights()
    return writer.node("Gemm", [*inputs, *writer.weights(layer, kernel, *bias)])


def _flatten(writer: _Writer, _layer: Any, inputs: list[str]) -> str:
    # Keras flattens (height, width, channel), so the channels go last first.
    return writer.node("Flatten", [writer.node("Transpose", inputs, perm=[0, 2, 3, 1])])


def _padding(writer: _Writer, layer: Any, inputs: list[str]) -> str:
    # Left to the convolution that follows: as nodes of their own they make the runtime 1.7x slower.
    (top, bottom), (left, right) = layer.padding
    name = f"{inputs[0]}/{layer.name}"
    writer.padded[name] = (inputs[0], [top, left, bottom, right])
    return name


def _prelu(writer: _Writer, layer: Any, inputs: list[str]) -> str:
    slope = layer.get_weights()[0].reshape(-1, 1, 1)
    return writer.node("PRelu", [*inputs, *writer.weights(layer, slope)])


def _normalisation(writer: _Writer, layer: Any, inputs: list[str]) -> str:
    weights = writer.weights(layer, *layer.get_weights())
    return writer.node("BatchNormalization", [*inputs, *weights], epsilon=layer.epsilon)


def _rescaling(writer: _Writer, layer: Any, inputs: list[str]) -> str:
    if layer.offset:
        raise ExportError(f'the layer "{layer.name}" shifts its input, which cannot be written')
    scale = writer.constant(f"{layer.name}/scale", np.array(layer.scale, np.float32))
    return writer.node("Mul", [*inputs, scale])


def _pooling(writer: _Writer, layer: Any, inputs: list[str]) -> str:
    size = list(layer.pool_size)
    return writer.node("MaxPool", inputs, kernel_shape=size, strides=list(layer.strides))


def _nothing(_writer: _Writer, _layer: Any, inputs: list[str]) -> str:
    return inputs[0]


WRITERS: dict[str, Callable[[_Writer, Any, list[str]], str]] = {
    "Add": lambda writer, _layer, inputs: writer.node("Add", inputs),
    "BatchNormalization": _normalisation,
    "Conv2D": _convolution,
    "Dense": _dense,
    "DepthwiseConv2D": _convolution,
    "Dropout": _nothing,
    "Flatten": _flatten,
    "MaxPooling2D": _pooling,
    "PReLU": _prelu,
    "ReLU": lambda writer, _layer, inputs: writer.node("Relu", inputs),
    "Rescaling": _rescaling,
    "ZeroPadding2D": _padding,
}
