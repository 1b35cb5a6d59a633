# SPDX-License-Identifier: MIT
"""MiniFASNetV2's published weights as a network of the runtime, without a training framework.

Silent-Face-Anti-Spoofing publishes a PyTorch file. Its batch normalisations are folded into the
convolutions, which changes the logits by rounding alone (less than 1e-4). Every operation on the
way is a single IEEE one, so the bytes are the same on every machine and their SHA-256 is
registered: a conversion that went wrong is never installed.
"""

from pathlib import Path

from models.liveness.networks import STAGES, Weights, folded, normalisation
from models.liveness.torchfile import WeightsError, read_weights
from models.onnx_graph import Graph

INPUT = (3, 80, 80)
CLASSES = 3


def convert(path: Path) -> bytes:
    """The ONNX file of the .pth at ``path``: ``input`` (n, 3, 80, 80) BGR 0-255, ``output`` logits.

    WeightsError in one line where it is no such file.
    """
    weights = read_weights(path)
    try:
        return _network(_Writer(weights))
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} holds no weights of MiniFASNetV2: {error}") from None


class _Writer:
    """Writes the published network's layers, found by their names."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.graph = Graph("minifasnet-v2")

    def convolution(
        self, value: str, name: str, *, stride: int = 1, padding: int = 0, active: bool = True
    ) -> str:
        """A convolution with its normalisation and, where it has one, its PReLU."""
        kernel, bias = folded(self.weights, name)
        depthwise = kernel.shape[1] == 1
        groups = kernel.shape[0] if depthwise else 1
        value = self.graph.convolution(
            value, kernel, bias, stride=stride, padding=padding, groups=groups
        )
        if not active:
            return value
        slope = self.weights[f"{name}.prelu.weight"].reshape(-1, 1, 1)
        return self.graph.node("PRelu", value, self.graph.constant(slope))

    def block(self, value: str, name: str, widths: tuple[int, int], stride: int) -> str:
        """Widen by 1 x 1, look around by 3 x 3 in each channel, narrow by 1 x 1."""
        found = tuple(
            len(self.weights[f"{name}.{part}.conv.weight"]) for part in ("conv", "project")
        )
        if found != widths:
            raise ValueError(f"{name} has {found} channels, not {widths}")
        value = self.convolution(value, f"{name}.conv")
        value = self.convolution(value, f"{name}.conv_dw", stride=stride, padding=1)
        return self.convolution(value, f"{name}.project", active=False)


def _network(writer: _Writer) -> bytes:
    graph, weights = writer.graph, writer.weights
    value = writer.convolution("input", "conv1", stride=2, padding=1)
    value = writer.convolution(value, "conv2_dw", padding=1)
    for stage, strided, blocks in STAGES:
        if strided:
            value = writer.block(value, stage, blocks[0], stride=2)
            continue
        for number, widths in enumerate(blocks):
            added = writer.block(value, f"{stage}.model.{number}", widths, stride=1)
            value = graph.node("Add", value, added)
    value = writer.convolution(value, "conv_6_sep")
    value = writer.convolution(value, "conv_6_dw", active=False)
    value = graph.node("Flatten", value)
    scale, shift = normalisation(weights, "bn")
    linear = graph.constant(weights["linear.weight"].T * scale), graph.constant(shift)
    value = graph.node("Gemm", value, *linear)
    graph.node("MatMul", value, graph.constant(weights["prob.weight"].T), output="output")
    return graph.model(("input", INPUT), ("output", CLASSES))
