# SPDX-License-Identifier: MIT
"""What is written for each of ONNX's operators.

Only these are known, and of those only the attributes that are read: all else is an
UnsupportedError and never a guess.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.litert.graph import Shape
from models.litert.translation import (
    IMAGE,
    Node,
    Translation,
    UnsupportedError,
    Value,
    image_of,
    stored,
)

Operator = Callable[[Translation, Node], Value | NDArray[Any]]


def _convolution(to: Translation, node: Node) -> Value:
    value, weights = image_of(to, node), to.number(node.inputs[1])
    filters, groups = weights.shape[0], node.take("group", 1)
    channels = value.shape[1]
    depthwise = groups == channels and groups > 1
    if not depthwise and groups != 1:
        raise UnsupportedError(f"{node.kind} with {groups} groups of {channels} channels")
    bias = np.zeros(filters) if len(node.inputs) < 3 else to.number(node.inputs[2])
    node.demand("auto_pad", b"NOTSET")
    node.demand("dilations", [1, 1])
    node.demand("kernel_shape", list(weights.shape[2:]))
    (down, right), pads = node.take("strides", [1, 1]), node.take("pads", [0] * 4)
    value, height, width, same = _padded(to, value, weights.shape[2:], (down, right), pads)
    kernel = weights.transpose(1, 2, 3, 0) if depthwise else weights.transpose(IMAGE)
    options = {"depthMultiplier": filters // channels} if depthwise else {}
    return to.emit(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [value.tensor, to.tensor(kernel), to.tensor(bias)],
        (1, filters, height, width),
        image=True,
        padding=to.graph.padding(same=same),
        strideH=down,
        strideW=right,
        dilationHFactor=1,
        dilationWFactor=1,
        **options,
    )


def _padded(
    to: Translation, value: Value, kernel: Shape, strides: Shape, pads: list[int]
) -> tuple[Value, int, int, bool]:
    """What to convolve, the height and width of the result, and whether TFLite pads by itself."""
    top, left, bottom, right = pads
    _, channels, height, width = value.shape
    sizes = [
        (side + more - size) // stride + 1
        for side, more, size, stride in zip(
            (height, width), (top + bottom, left + right), kernel, strides, strict=True
        )
    ]
    same = tuple(strides) == (1, 1) and all(
        pad == size // 2 and size % 2 == 1
        for pad, size in zip((top, left, bottom, right), (*kernel, *kernel), strict=True)
    )
    if any(pads) and not same:
        shape = (1, channels, height + top + bottom, width + left + right)
        amounts = to.tensor(np.array([[0, 0], [top, bottom], [left, right], [0, 0]]))
        value = to.emit("PAD", [value.tensor, amounts], shape, image=True)
    return value, sizes[0], sizes[1], same


def _pooling(to: Translation, node: Node) -> Value:
    value = image_of(to, node)
    height, width = node.take("kernel_shape")
    down, right = node.take("strides", [1, 1])
    node.demand("auto_pad", b"NOTSET")
    node.demand("ceil_mode", 0)
    node.demand("dilations", [1, 1])
    node.demand("pads", [0] * 4)
    node.take("count_include_pad")  # there is none
    _, channels, rows, columns = value.shape
    return to.emit(
        "MAX_POOL_2D" if node.kind == "MaxPool" else "AVERAGE_POOL_2D",
        [value.tensor],
        (1, channels, (rows - height) // down + 1, (columns - width) // right + 1),
        image=True,
        padding=to.graph.padding(same=False),
        filterHeight=height,
        filterWidth=width,
        strideH=down,
        strideW=right,
    )


def _global_average(to: Translation, node: Node) -> Value:
    value = image_of(to, node)
    axes = to.tensor(np.array([1, 2]))
    shape = (1, value.shape[1], 1, 1)
    return to.emit("MEAN", [value.tensor, axes], shape, image=True, keepDims=True)


def _pad(to: Translation, node: Node) -> Value:
    value = image_of(to, node)
    amounts = np.array(to.whole(node.inputs[1])).reshape(2, 4).T
    node.demand("mode", b"constant")
    if len(node.inputs) > 3 or (len(node.inputs) > 2 and to.number(node.inputs[2]).any()):
        raise UnsupportedError("Pad of some axes, or with anything but zeros")
    shape = tuple(int(side + more.sum()) for side, more in zip(value.shape, amounts, strict=True))
    order = to.tensor(amounts[list(IMAGE)])
    return to.emit("PAD", [value.tensor, order], shape, image=True)


def _resize(to: Translation, node: Node) -> Value:
    value = image_of(to, node)
    names = ("mode", "coordinate_transformation_mode", "nearest_mode")
    if (way := [node.take(name) for name in names]) != [b"nearest", b"asymmetric", b"floor"]:
        raise UnsupportedError(f"Resize by {way}")
    node.take("cubic_coeff_a")  # of another mode
    if len(node.inputs) != 3 or to.number(node.inputs[2]).tolist() != [1, 1, 2, 2]:
        raise UnsupportedError("Resize by anything but two")
    _, channels, height, width = value.shape
    wanted = to.tensor(np.array([height * 2, width * 2]))
    shape = (1, channels, height * 2, width * 2)
    return to.emit(
        "RESIZE_NEAREST_NEIGHBOR", [value.tensor, wanted], shape, image=True
    )  # fmt: skip


def _clip(to: Translation, node: Node) -> Value:
    bounds = [float(to.number(name)) for name in node.inputs[1:]]
    low, high = bounds or (node.take("min"), node.take("max"))
    if (low, high) != (0, 6):
        raise UnsupportedError(f"Clip to {low} to {high}")
    return _one_to_one("RELU6")(to, node)


def _slope(to: Translation, node: Node) -> Value:
    value, slope = image_of(to, node), to.number(node.inputs[1])
    channels = value.shape[1]
    if slope.shape not in ((channels, 1, 1), (1, channels, 1, 1)):
        raise UnsupportedError("PRelu with anything but a slope for each channel")
    inputs = [value.tensor, to.tensor(slope.reshape(1, 1, -1))]
    return to.emit("PRELU", inputs, value.shape, image=True)


def _arithmetic(name: str) -> Callable[[Translation, Node], Value]:
    def write(to: Translation, node: Node) -> Value:
        value, other = to.value(node.inputs[0]), node.inputs[1]
        if other in to.constants:
            tensor = to.tensor(_by_channel(to.number(other), value))
        else:
            second = to.value(other)
            one_a_channel = second.shape == (*value.shape[:2], 1, 1)
            if value.image != second.image or not (second.shape == value.shape or one_a_channel):
                raise UnsupportedError(f"{node.kind} of {value.shape} and {second.shape}")
            tensor = second.tensor
        return to.emit(name, [value.tensor, tensor], value.shape, image=value.image)

    return write


def _by_channel(numbers: NDArray[Any], value: Value) -> NDArray[Any]:
    """A constant that is one number, or one for each channel: (channels,) either way."""
    axis = len(value.shape) - (3 if value.image else 1)  # from behind, as shapes are matched
    shape = (1,) * (len(value.shape) - numbers.ndim) + numbers.shape
    others = [side for place, side in enumerate(shape) if place != axis]
    if any(side != 1 for side in others) or shape[axis] not in (1, value.shape[axis]):
        raise UnsupportedError(f"a constant of shape {numbers.shape} beside {value.shape}")
    return numbers.reshape(-1).astype(np.float32)


def _normalisation(to: Translation, node: Node) -> Value:
    value = to.value(node.inputs[0])
    scale, shift, mean, variance = (to.number(name) for name in node.inputs[1:])
    if not value.image and len(value.shape) != 2:
        raise UnsupportedError(f"BatchNormalization of {value.shape}")
    node.demand("training_mode", 0)
    node.take("momentum")  # of training
    factor = (scale / np.sqrt(variance + node.take("epsilon", 1e-5))).astype(np.float32)
    for name, numbers in (("MUL", factor), ("ADD", shift - mean * factor)):
        inputs = [value.tensor, to.tensor(numbers.astype(np.float32))]
        value = to.emit(name, inputs, value.shape, image=value.image)
    return value


def _matrix(to: Translation, node: Node) -> Value:
    """Gemm and MatMul by a constant matrix."""
    value, matrix = to.value(node.inputs[0]), to.number(node.inputs[1])
    for name, wanted in (("alpha", 1), ("beta", 1), ("transA", 0)):
        node.demand(name, wanted)
    if not node.take("transB", 0):
        matrix = matrix.T
    if len(value.shape) != 2 or matrix.ndim != 2:
        raise UnsupportedError(f"{node.kind} of {value.shape} and {matrix.T.shape}")
    rows = matrix.shape[0]
    bias = to.number(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(rows)
    if bias.size != rows:
        raise UnsupportedError(f"{node.kind} with {bias.size} numbers to add")
    inputs = [value.tensor, to.tensor(matrix), to.tensor(bias.reshape(-1))]
    return to.emit("FULLY_CONNECTED", inputs, (1, rows), image=False)


def _flatten(to: Translation, node: Node) -> Value:
    value = to.value(node.inputs[0])
    node.demand("axis", 1)
    return to.reshaped(value, (1, math.prod(value.shape)))


def _reshape(to: Translation, node: Node) -> Value:
    value, wanted = to.value(node.inputs[0]), to.whole(node.inputs[1])
    node.demand("allowzero", 0)
    shape = [value.shape[axis] if side == 0 else side for axis, side in enumerate(wanted)]
    if -1 in shape:
        known = math.prod(side for side in shape if side != -1)
        shape[shape.index(-1)] = math.prod(value.shape) // known
    if math.prod(shape) != math.prod(value.shape):
        raise UnsupportedError(f"Reshape of {value.shape} to {wanted}")
    return to.reshaped(value, tuple(shape))


def _transpose(to: Translation, node: Node) -> Value | NDArray[Any]:
    order = tuple(node.take("perm", ()))
    if node.inputs[0] in to.constants:
        return to.number(node.inputs[0]).transpose(order or None)
    value = image_of(to, node)
    if order != IMAGE:
        raise UnsupportedError(f"Transpose by {order}")
    return Value(value.tensor, stored(value.shape, image=True), image=False)


def _concatenation(to: Translation, node: Node) -> Value | NDArray[Any]:
    axis = node.take("axis")
    if all(name in to.constants for name in node.inputs):
        return np.concatenate([to.number(name) for name in node.inputs], axis)
    values = [to.value(name) for name in node.inputs]
    first = values[0]
    if axis != 1 or len({value.image for value in values}) > 1:
        raise UnsupportedError(f"Concat of {len(values)} values along axis {axis}")
    shape = (1, sum(value.shape[1] for value in values), *first.shape[2:])
    axis = 3 if first.image else 1
    tensors = [value.tensor for value in values]
    return to.emit("CONCATENATION", tensors, shape, image=first.image, axis=axis)


def _softmax(to: Translation, node: Node) -> Value:
    value = to.value(node.inputs[0])
    node.demand("axis", -1, 1)
    if len(value.shape) != 2:
        raise UnsupportedError(f"Softmax of {value.shape}")
    return to.emit("SOFTMAX", [value.tensor], value.shape, image=False, beta=1.0)


def _one_to_one(name: str) -> Callable[[Translation, Node], Value]:
    def write(to: Translation, node: Node) -> Value:
        value = to.value(node.inputs[0])
        return to.emit(name, [value.tensor], value.shape, image=value.image)

    return write


def _constant(_to: Translation, node: Node) -> NDArray[Any]:
    from onnx import numpy_helper

    if (value := node.take("value")) is None:
        raise UnsupportedError("Constant without a tensor")
    found: NDArray[Any] = numpy_helper.to_array(value)
    return found


def _shape(to: Translation, node: Node) -> NDArray[Any]:
    return np.array(to.value(node.inputs[0]).shape)


def _gather(to: Translation, node: Node) -> NDArray[Any]:
    found: NDArray[Any] = np.take(
        to.number(node.inputs[0]), to.number(node.inputs[1]), node.take("axis", 0)
    )
    return found


def _unsqueeze(to: Translation, node: Node) -> NDArray[Any]:
    axes = node.take("axes") or to.whole(node.inputs[1])
    return np.expand_dims(to.number(node.inputs[0]), tuple(axes))


def _identity(to: Translation, node: Node) -> Value | NDArray[Any]:
    name = node.inputs[0]
    return to.constants[name] if name in to.constants else to.value(name)


OPERATORS: dict[str, Operator] = {
    "Add": _arithmetic("ADD"),
    "AveragePool": _pooling,
    "BatchNormalization": _normalisation,
    "Clip": _clip,
    "Concat": _concatenation,
    "Constant": _constant,
    "Conv": _convolution,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _matrix,
    "GlobalAveragePool": _global_average,
    "Identity": _identity,
    "MatMul": _matrix,
    "MaxPool": _pooling,
    "Mul": _arithmetic("MUL"),
    "PRelu": _slope,
    "Pad": _pad,
    "Relu": _one_to_one("RELU"),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _shape,
    "Sigmoid": _one_to_one("LOGISTIC"),
    "Softmax": _softmax,
    "Sub": _arithmetic("SUB"),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
