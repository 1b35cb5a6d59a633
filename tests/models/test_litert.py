# SPDX-License-Identifier: MIT
"""The converter: what LiteRT makes of a network is what ONNX's own reference makes of it."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from models import runtime
from models.errors import ModelError
from models.litert.convert import convert
from models.litert.translation import IMAGE, UnsupportedError
from models.runtime import LiteNetwork, Network, SizedNetwork
from tests.models.tiny import affine

CHANNELS, HEIGHT, WIDTH = 4, 6, 8
RNG = np.random.default_rng(7)

Constants = dict[str, NDArray[Any]]


def numbers(*shape: int) -> NDArray[np.float32]:
    return np.asarray(RNG.normal(size=shape), np.float32)


def number(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


def whole(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def network(nodes: list[Any], constants: Constants, shape: list[Any] | None = None) -> bytes:
    """From an image, "input", to the last node's output."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", CHANNELS, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opset = [helper.make_opsetid("", 15)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data


def one(kind: str, *inputs: str, **attributes: Any) -> Callable[[str], list[Any]]:
    """A network of one node of this kind."""
    return lambda output: [helper.make_node(kind, ["input", *inputs], [output], **attributes)]


CONVOLUTION: Constants = {"w": numbers(5, CHANNELS, 3, 3), "b": numbers(5)}
DEPTHWISE: Constants = {"w": numbers(CHANNELS * 2, 1, 3, 3)}
CASES: dict[str, tuple[Callable[[str], list[Any]], Constants]] = {
    "convolution": (one("Conv", "w", "b"), CONVOLUTION),
    "padded alike": (one("Conv", "w", "b", pads=[1, 1, 1, 1]), CONVOLUTION),
    "padded and strided": (one("Conv", "w", "b", pads=[1, 1, 1, 1], strides=[2, 2]), CONVOLUTION),
    "padded on one side": (one("Conv", "w", pads=[0, 1, 2, 0], strides=[2, 1]), CONVOLUTION),
    "depthwise": (one("Conv", "w", group=CHANNELS, pads=[1, 1, 1, 1]), DEPTHWISE),
    "largest of four": (one("MaxPool", kernel_shape=[2, 2], strides=[2, 2]), {}),
    "mean of nine": (one("AveragePool", kernel_shape=[3, 3], strides=[1, 2]), {}),
    "mean": (one("GlobalAveragePool"), {}),
    "pad": (one("Pad", "p"), {"p": whole(0, 0, 0, 0, 0, 2, 1, 1)}),
    "resize": (
        one("Resize", "", "s", mode="nearest", coordinate_transformation_mode="asymmetric",
            nearest_mode="floor"),
        {"s": np.array([1, 1, 2, 2], np.float32)},
    ),
    "clip": (one("Clip", "low", "high"), {"low": number(0), "high": number(6)}),
    "slope": (one("PRelu", "a"), {"a": numbers(CHANNELS, 1, 1)}),
    "relu": (one("Relu"), {}),
    "sigmoid": (one("Sigmoid"), {}),
    "identity": (one("Identity"), {}),
    "a constant for each channel": (one("Sub", "c"), {"c": numbers(1, CHANNELS, 1, 1)}),
    "a number": (one("Mul", "c"), {"c": number(0.25)}),
    "itself": (one("Add", "input"), {}),
    "normalisation": (
        one("BatchNormalization", "g", "b", "m", "v", epsilon=1e-3),
        {"g": numbers(CHANNELS), "b": numbers(CHANNELS), "m": numbers(CHANNELS),
         "v": np.abs(numbers(CHANNELS))},
    ),
    "a tensor in a node": (
        lambda output: [
            helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(number(2))),
            helper.make_node("Mul", ["input", "c"], [output]),
        ],
        {},
    ),
    "a matrix, transposed, and a bias": (
        lambda output: [
            helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Gemm", ["flat", "m", "b"], [output], transB=1),
        ],
        {"m": numbers(3, CHANNELS), "b": numbers(3)},
    ),
    "flattened": (one("Flatten"), {}),
    "reshaped": (one("Reshape", "s"), {"s": whole(0, -1)}),
}  # fmt: skip


def answers(model: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    """LiteRT's and the reference's."""
    image = numbers(1, CHANNELS, HEIGHT, WIDTH) * 3
    (ours,) = LiteNetwork(convert(model)).run(image.transpose(IMAGE))
    (theirs,) = ReferenceEvaluator(model).run(None, {"input": image})
    return ours, np.asarray(theirs)


def check(model: bytes) -> None:
    ours, theirs = answers(model)
    assert ours.shape == theirs.shape
    assert np.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_an_operator_does_what_it_does_in_onnx(name: str) -> None:
    nodes, constants = CASES[name]
    check(network(nodes("output"), constants))


def test_the_order_of_pixels_survives_what_follows_an_image() -> None:
    """A matrix behind an image weighs each channel's pixels, and ONNX has those in rows."""
    matrix = numbers(CHANNELS * HEIGHT * WIDTH, 3)
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "m"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["output"], axis=1),
    ]
    check(network(nodes, {"m": matrix}))


def test_a_transposed_image_keeps_its_places() -> None:
    nodes = [
        helper.make_node("Transpose", ["input"], ["turned"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["turned", "s"], ["output"]),
    ]
    check(network(nodes, {"s": whole(1, -1, CHANNELS)}))


def test_a_channel_is_weighed_by_what_was_computed_for_it() -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Mul", ["input", "mean"], ["weighed"]),
        helper.make_node("Concat", ["weighed", "input"], ["output"], axis=1),
    ]
    check(network(nodes, {}))


def test_a_shape_that_is_computed_is_known() -> None:
    """As PyTorch writes ``x.view(x.size(0), -1)``."""
    nodes = [
        helper.make_node("Shape", ["input"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["count"]),
        helper.make_node("Unsqueeze", ["count", "axis"], ["counts"]),
        helper.make_node("Concat", ["counts", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["input", "wanted"], ["output"]),
    ]
    check(network(nodes, {"first": np.array(0), "axis": whole(0), "rest": whole(-1)}))


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        (one("Sin"), {}),
        (one("Conv", "w", dilations=[2, 2]), CONVOLUTION),
        (one("Conv", "w", auto_pad="SAME_UPPER"), CONVOLUTION),
        (one("Conv", "w", group=2), {"w": numbers(4, 2, 3, 3)}),
        (one("MaxPool", kernel_shape=[2, 2], ceil_mode=1), {}),
        (one("Clip", "low", "high"), {"low": numbers(), "high": numbers()}),
        (one("Pad", "p", mode="reflect"), {"p": whole(0, 0, 1, 1, 0, 0, 1, 1)}),
        (one("Pad", "p", "v"), {"p": whole(0, 0, 1, 1, 0, 0, 1, 1), "v": numbers()}),
        (one("Add", "c"), {"c": numbers(HEIGHT, WIDTH)}),
        (one("PRelu", "a"), {"a": numbers(CHANNELS, HEIGHT, WIDTH)}),
        (one("Softmax", axis=1), {}),
        (one("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1]), {}),  # as before opset 11
        (one("MaxPool"), {}),
        (one("Conv", "w", strides=[0, 0]), CONVOLUTION),
        (one("PRelu", "a"), {"a": numbers(CHANNELS)}),
        (one("Resize", "", "s", mode="nearest"), {"s": numbers(4)}),
        (lambda output: [helper.make_node("Constant", [], [output], value_float=1.0)], {}),
        (lambda output: [helper.make_node("Relu", ["input"], [output], domain="mine")], {}),
        (one("Transpose", perm=[0, 1, 3, 2]), {}),
    ],
)
def test_what_is_not_known_is_never_guessed(
    nodes: Callable[[str], list[Any]], constants: Constants
) -> None:
    with pytest.raises(UnsupportedError):
        convert(network(nodes("output"), constants))


def test_no_network_is_unsupported() -> None:
    with pytest.raises(UnsupportedError, match="not an ONNX file"):
        convert(b"garbage" * 50)


def test_what_cannot_be_converted_runs_in_opencv() -> None:
    nodes = [
        helper.make_node("Gather", ["input", "columns"], ["mirrored"], axis=3),
        helper.make_node("GlobalAveragePool", ["mirrored"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["output"]),
    ]
    columns = np.arange(WIDTH)[::-1].copy()
    model = network(nodes, {"columns": columns}, ["n", CHANNELS])
    image = numbers(2, CHANNELS, HEIGHT, WIDTH)
    assert np.allclose(Network(model, "tiny").run(image), image.mean(axis=(2, 3)), atol=1e-6)


def test_a_conversion_that_answers_otherwise_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = affine(np.eye(3), np.ones(3))
    monkeypatch.setattr(runtime, "convert", lambda _model: convert(wrong))
    found = Network(affine(np.eye(3), np.zeros(3)), "tiny").run(np.ones((1, 3, 8, 8), np.float32))
    assert found.tolist() == [[1, 1, 1]]
    assert "answers otherwise" in caplog.text


@pytest.mark.parametrize("closed", ["", "2>&-"])
def test_loading_says_nothing_on_stderr(closed: str) -> None:
    """In a process of its own: LiteRT announces its first network alone."""
    script = (
        "import numpy as np\n"
        "from models.runtime import Network\n"
        "from tests.models.tiny import affine\n"
        "print(Network(affine(np.eye(3), np.zeros(3)), 'tiny').run(np.ones((1, 3, 8, 8), 'f4')))"
    )
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, script]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[[1. 1. 1.]]", "")


def test_a_network_that_neither_can_run_is_one_line() -> None:
    """OpenCV reads it, and finds out what is wrong when it runs."""
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("Gemm", ["flat", "m"], ["output"]),
    ]
    model = network(nodes, {"m": numbers(5, 2)}, ["n", 2])
    with pytest.raises(ModelError, match="tiny: the network cannot take"):
        Network(model, "tiny").run(numbers(1, CHANNELS, HEIGHT, WIDTH))


def test_weights_in_another_file_are_refused() -> None:
    """What runs is what was hashed, and that is one file."""
    file = onnx.load_from_string(affine(np.eye(3), np.zeros(3)))
    weights = file.graph.initializer[0]
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="w.bin")
    with pytest.raises(ModelError, match="tiny: it keeps weights in other files"):
        Network(file.SerializeToString(), "tiny")


def test_noise_that_tells_nothing_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is dead on noise is OpenCV's: its conversion could be anything."""
    nodes = [
        helper.make_node("Sub", ["input", "c"], ["dark"]),
        helper.make_node("Relu", ["dark"], ["dead"]),
        helper.make_node("GlobalAveragePool", ["dead"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["output"]),
    ]
    models = [network(nodes, {"c": number(most)}, ["n", CHANNELS]) for most in (300, 200)]
    monkeypatch.setattr(runtime, "convert", lambda _model: convert(models[1]))
    image = np.full((1, CHANNELS, HEIGHT, WIDTH), 400, np.float32)
    assert Network(models[0], "tiny").run(image).tolist() == [[100.0] * CHANNELS]


def test_a_sized_network_is_compared_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel: Constants = {"w": numbers(2, CHANNELS, 1, 1)}
    model = network(one("Conv", "w")("output"), kernel, ["n", 2, "h", "w"])
    other = network(one("Conv", "w")("output"), {"w": kernel["w"] * 1.1}, ["n", 2, "h", "w"])
    image = RNG.integers(0, 255, (32, 64, CHANNELS), np.uint8)
    (found,) = SizedNetwork(model, "tiny").run(image)
    assert found.shape == (1, 2, 32, 64)
    monkeypatch.setattr(runtime, "convert", lambda _model, size: convert(other, size))
    with pytest.raises(ModelError, match="tiny: the two runtimes do not agree"):
        SizedNetwork(model, "tiny")
