# SPDX-License-Identifier: MIT
"""A personal head: a network stays as it is, and what it makes of its features is learnt anew.

MiniFASNetV2's last layer weighs 128 features for each class, and 256 where two such networks look
together (twin.py). ``learn`` has the runtime compute these features for a person's own crops and
moves the weights of the class "live" by as little as
tells their live faces from their attacks: a logistic regression that starts from the network's own
answer and is pulled back to it. That has one solution, needs no TensorFlow and takes seconds on
one core, nearly all of them for the features. What comes out is a network like the one that went
in, of the same cost.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.liveness.export import ExportError
from models.runtime import Network

Numbers = NDArray[np.float64]
LAYER = "prob"  # the last one, as networks.minifasnet names it
FLOAT = 1  # ONNX's number for float32
# The pull towards the network's own answer, in crops that would have to speak against it.
PULL = 1.0
STEPS = 50  # of Newton's method, which takes about ten


@dataclass(frozen=True)
class Head:
    """What is added to the logit of "live": features (128,) times ``weights``, plus ``bias``."""

    weights: Numbers
    bias: float


def learn(network: bytes, live: int, crops: NDArray[np.uint8], labels: NDArray[np.bool_]) -> bytes:
    """``network`` with a head learnt from crops (n, size, size, 3) BGR; ``labels`` says which live.

    ``live`` is the index of that class. ExportError where the network has no such last layer, and
    ValueError where there are not crops of both kinds.
    """
    if labels.all() or not labels.any():
        raise ValueError("a head is learnt from live faces and attacks, and one kind is missing")
    last = LastLayer.of(network)
    crops = np.concatenate([crops, crops[:, :, ::-1]])  # a face is as live in a mirror
    labels = np.tile(labels, 2)
    features = last.features(crops)
    odds = _log_odds(features @ last.kernel + last.bias, live)
    return last.moved(live, fit(features, odds, labels))


def fit(features: Numbers, offset: Numbers, labels: NDArray[np.bool_]) -> Head:
    """The head for features (n, k) of crops that the network itself gives the log odds ``offset``.

    Live faces and attacks weigh alike, however many there are of each.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    share = np.where(labels, labels.sum(), (~labels).sum())
    weight = len(labels) / 2 / share
    pull = np.append(np.full(features.shape[1], PULL), 1e-3)
    move = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-np.clip(offset + inputs @ move, -30, 30)))
        slope = inputs.T @ (weight * (probability - labels)) + pull * move
        bend = weight * np.maximum(probability * (1 - probability), 1e-6)
        step = np.linalg.solve((inputs.T * bend) @ inputs + np.diag(pull), slope)
        move = move - step * min(1.0, 2 / np.abs(step).max(initial=1e-9))
        if np.abs(step).max() < 1e-6:
            break
    weights = move[:-1] / spread
    return Head(weights, float(move[-1] - weights @ mean))


@dataclass(frozen=True)
class LastLayer:
    """A network's last layer: the ONNX model, the node in it, and its weights (k, classes)."""

    model: Any
    node: Any
    kernel: Numbers
    bias: Numbers

    @classmethod
    def of(cls, network: bytes) -> "LastLayer":
        import onnx
        from onnx import numpy_helper

        try:
            model = onnx.load_from_string(network)
        except Exception:  # protobuf's own, from a module without types
            raise ExportError("it is not an ONNX file") from None
        constants = {one.name: one for one in model.graph.initializer}
        dense = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
        if not dense or sum(node.input[1] == dense[-1].input[1] for node in dense) != 1:
            raise ExportError("it has no last layer of its own to learn a head for")
        node = dense[-1]
        kernel, *bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
        if any(one.name == "transB" and one.i for one in node.attribute):
            kernel = kernel.T
        return cls(model, node, kernel.astype(np.float64), sum(bias, np.zeros(kernel.shape[1])))

    def features(self, crops: NDArray[np.uint8]) -> Numbers:
        """What reaches this layer (n, k), by the runtime."""
        import onnx

        cut = onnx.ModelProto()
        cut.CopyFrom(self.model)
        shape = [None, len(self.kernel)]
        output = onnx.helper.make_tensor_value_info(self.node.input[0], FLOAT, shape)
        cut.graph.output[0].CopyFrom(output)
        del cut.graph.node[list(self.model.graph.node).index(self.node) :]
        runs = Network(cut.SerializeToString(), "the network's features")
        blobs = (np.ascontiguousarray(one.transpose(2, 0, 1)[None], np.float32) for one in crops)
        return np.concatenate([runs.run(blob) for blob in blobs]).astype(np.float64)

    def moved(self, live: int, head: Head) -> bytes:
        """The network with the head added, its last layer named as networks.minifasnet does."""
        from onnx import helper, numpy_helper

        kernel, bias = self.kernel.copy(), self.bias.copy()
        kernel[:, live] += head.weights
        bias[live] += head.bias
        names = [f"{LAYER}/0", f"{LAYER}/1"]
        graph = self.model.graph
        kept = [one for one in graph.initializer if one.name not in [*self.node.input[1:], *names]]
        del graph.initializer[:]
        new = (
            numpy_helper.from_array(one.astype(np.float32), name)
            for one, name in zip((kernel, bias), names, strict=True)
        )
        graph.initializer.extend([*kept, *new])
        self.node.CopyFrom(
            helper.make_node("Gemm", [self.node.input[0], *names], list(self.node.output))
        )
        data: bytes = self.model.SerializeToString()
        return data


def _log_odds(logits: Numbers, live: int) -> Numbers:
    """Of "live" against all other classes together (n,)."""
    others = np.delete(logits, live, axis=1)
    most = others.max(axis=1)
    odds: Numbers = logits[:, live] - most - np.log(np.exp(others.T - most).sum(axis=0))
    return odds
