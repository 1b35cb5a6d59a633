# SPDX-License-Identifier: MIT
"""Convert dlib's face recognition network to ONNX, without dlib, compiler or training framework.

``convert`` reads ``dlib_face_recognition_resnet_model_v1.dat`` (dlib's own serialisation) and
writes the same network for the runtime that all other networks use. dlib's own forward pass took
twelve times as long on one core (82.6 against 6.7 ms a chip, ``dlib-bin`` 20.0.1).
``largest_difference`` compares the two; whoever converts must call it and keep dlib where it says
no (``models.recognition.dlib_resnet`` does).

The network is dlib's ``anet_type`` (``examples/dnn_face_recognition_ex.cpp``): ResNet-29 with half
the filters, 150 x 150 RGB in, 128 numbers out. The file's sequence of layers is checked against it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.onnx_graph import Graph

CHIP = 150
DIMENSION = 128
# input_rgb_image_sized of dlib: (value - mean) / 256, in the order red, green, blue.
MEAN = (122.782, 117.001, 104.298)
SCALE = 256.0

# Filters and number of blocks of each level, from the image inwards. All levels but the first
# begin with a block that halves the picture; the last has only that one.
LEVELS = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
LARGEST_TENSOR = 4_000_000  # values; the network's own largest is 590,080


class DlibWeightsError(Exception):
    """The file is not dlib's face recognition network; the text says where it differs."""


@dataclass(frozen=True)
class Convolution:
    """One convolution with the affine layer behind it folded in.

    ``weights`` is (filters, channels, height, width) float32, ``bias`` (filters,) float32.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: int
    padding: int


@dataclass(frozen=True)
class Network:
    """All parameters: the convolutions in order, and the last matrix, (256, 128) float32."""

    convolutions: tuple[Convolution, ...]
    embedding: NDArray[np.float32]


class Reader:
    """dlib's ``serialize``: packed integers, and tensors of raw little-endian float32."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        piece = self._data[self.at : self.at + length]
        if len(piece) != length:
            raise DlibWeightsError(f"the file ends at byte {len(self._data)}, inside a layer")
        self.at += length
        return piece

    def integer(self) -> int:
        """A count byte (its top bit is the sign), then that many bytes, least significant first."""
        head = self.take(1)[0]
        value = int.from_bytes(self.take(head & 0x0F), "little")
        return -value if head & 0x80 else value

    def tensor(self) -> NDArray[np.float32]:
        """(samples, channels, rows, columns) float32."""
        version = self.integer()
        shape = tuple(self.integer() for _ in range(4))
        count = int(np.prod(shape, dtype=np.int64))
        if version != 2 or min(shape) < 0 or count > LARGEST_TENSOR:
            raise DlibWeightsError(f"no tensor at byte {self.at}: version {version}, shape {shape}")
        return np.frombuffer(self.take(4 * count), "<f4").reshape(shape)

    def skip_to(self, name: bytes) -> None:
        """Go behind the next layer of this name (a serialised string: packed length, text)."""
        tag = struct.pack("BB", 1, len(name)) + name
        found = self._data.find(tag, self.at)
        if found < 0:
            raise DlibWeightsError(f"no layer {name.decode()} behind byte {self.at}")
        self.at = found + len(tag)


def read(path: Path) -> Network:
    """The parameters in dlib's file.

    Raises DlibWeightsError if it is another file, OSError if it can't be read.
    """
    reader = Reader(path.read_bytes())
    convolutions = tuple(_convolution(reader, *expected) for expected in _expected())
    reader.skip_to(b"fc_2")
    if (outputs := reader.integer()) != DIMENSION:
        raise DlibWeightsError(f"the network gives {outputs} numbers, not {DIMENSION}")
    inputs = reader.integer()
    matrix = reader.tensor().reshape(-1)
    if matrix.size != inputs * DIMENSION:
        raise DlibWeightsError(f"the last matrix has {matrix.size} values for {inputs} inputs")
    return Network(convolutions, matrix.reshape(inputs, DIMENSION))


def _expected() -> Iterator[tuple[int, int, int, int, int]]:
    """(filters, channels, size, stride, padding) of each convolution, in the order of the file."""
    yield 32, 3, 7, 2, 0
    channels = 32
    for filters, blocks, down in LEVELS:
        for block in range(blocks):
            halve = down and block == 0
            yield (filters, channels, 3, 2, 0) if halve else (filters, channels, 3, 1, 1)
            yield filters, filters, 3, 1, 1
            channels = filters


def _convolution(
    reader: Reader, filters: int, channels: int, size: int, stride: int, padding: int
) -> Convolution:
    reader.skip_to(b"con_4")
    values = reader.tensor().reshape(-1)
    found = tuple(reader.integer() for _ in range(7))
    wanted = (filters, size, size, stride, stride, padding, padding)
    count = filters * channels * size * size
    if found != wanted or values.size != count + filters:
        raise DlibWeightsError(
            f"convolution before byte {reader.at}: {found} and {values.size} values, not {wanted}"
        )
    weights = values[:count].reshape(filters, channels, size, size)
    reader.skip_to(b"affine_")
    gamma, beta = _affine(reader, filters)
    bias = values[count:] * gamma + beta
    return Convolution(weights * gamma[:, None, None, None], bias, stride, padding)


def _affine(reader: Reader, filters: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    values = reader.tensor().reshape(-1)
    if values.size != 2 * filters:
        raise DlibWeightsError(f"affine layer before byte {reader.at}: {values.size} values")
    return values[:filters], values[filters:]


def to_onnx(network: Network) -> bytes:
    """The network as an ONNX model.

    Input ``chips`` (n, 3, 150, 150) float32, RGB 0-255; output ``embeddings`` (n, 128) float32, not
    normalised, as dlib gives it.
    """
    graph = Graph("dlib_face_recognition_resnet_model_v1")
    value = graph.node("Sub", "chips", graph.constant(np.reshape(MEAN, (1, 3, 1, 1))))
    value = graph.node("Mul", value, graph.constant(np.array(1 / SCALE)))
    convolutions = iter(network.convolutions)
    value = _convolve(graph, value, next(convolutions))
    value = graph.node("Relu", value)
    value = graph.node("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2])
    channels, side = 32, 35
    for filters, blocks, down in LEVELS:
        for block in range(blocks):
            halve = down and block == 0
            branch = graph.node("Relu", _convolve(graph, value, next(convolutions)))
            branch = _convolve(graph, branch, next(convolutions))
            if halve:
                value = graph.node("AveragePool", value, kernel_shape=[2, 2], strides=[2, 2])
                small, side = (side - 3) // 2 + 1, side // 2
                branch = _pad(graph, branch, channels=0, side=side - small)
            # dlib adds layers of unlike shapes as if the smaller one were filled up with zeros.
            value = _pad(graph, value, channels=filters - channels, side=0)
            value = graph.node("Relu", graph.node("Add", value, branch))
            channels = filters
    value = graph.node("Flatten", graph.node("GlobalAveragePool", value))
    graph.node("MatMul", value, graph.constant(network.embedding), output="embeddings")
    return graph.model(("chips", (3, CHIP, CHIP)), ("embeddings", DIMENSION))


def _convolve(graph: Graph, value: str, layer: Convolution) -> str:
    return graph.convolution(
        value, layer.weights, layer.bias, stride=layer.stride, padding=layer.padding
    )


def _pad(graph: Graph, value: str, channels: int, side: int) -> str:
    """Zeros behind the channels, and below and right of the picture."""
    if not channels and not side:
        return value
    amounts = np.array([0, 0, 0, 0, 0, channels, side, side])
    return graph.node("Pad", value, graph.constant(amounts, np.int64))


def convert(source: Path, target: Path) -> None:
    """Write dlib's network at ``source`` as an ONNX model at ``target``, whole or not at all.

    Raises DlibWeightsError or OSError.
    """
    model = to_onnx(read(source))
    partial = target.with_suffix(".partial")
    partial.write_bytes(model)
    partial.replace(target)


def largest_difference(mine: NDArray[np.float32], dlibs: NDArray[np.float32]) -> float:
    """Largest absolute difference of embeddings, (n, 128) each; inf where one is not finite."""
    if mine.shape != dlibs.shape or not (np.isfinite(mine).all() and np.isfinite(dlibs).all()):
        return float("inf")
    return float(np.abs(mine - dlibs).max(initial=0.0))
