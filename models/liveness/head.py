# SPDX-License-Identifier: MIT
"""A personal head: a network stays as it is, and what it makes of its features is learnt anew.

MiniFASNetV2's convolutions end in 512 features, and in 1,024 where two such networks look together
(twin.py). ``learn`` has the runtime compute these features for a person's own crops and adds to the
logit of "live" as little of them as tells their live faces from their attacks: a logistic
regression that starts from the network's own answer and is pulled back to it. That has one
solution, needs no TensorFlow and takes seconds on one core, nearly all of them for the features.

Two are learnt, one of the crops as they are and one of crops that a camera varied as well, and
their mean is taken: the first is the better one where there are few recordings, the second where
the next recording looks otherwise (docs/liveness.md, "A head for one camera").
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.liveness.export import ExportError, opened
from models.runtime import Network

Numbers = NDArray[np.float64]
Crops = NDArray[np.uint8]
FLOAT = 1  # ONNX's number for float32
# The pull towards the network's own answer, in crops that would have to speak against it.
PULL = 10.0
STEPS = 50  # of Newton's method, which takes about ten


@dataclass(frozen=True)
class Head:
    """What is added to the logit of "live": features (k,) times ``weights``, plus ``bias``."""

    weights: Numbers
    bias: float


def learn(
    network: bytes,
    live: int,
    crops: Crops,
    labels: NDArray[np.bool_],
    varied: Crops | None = None,
) -> bytes:
    """``network`` with a head learnt from crops (n, size, size, 3) BGR; ``labels`` says which live.

    ``live`` is the index of that class; ``varied`` has some more of each crop (n times as many, in
    rounds) as a camera may show it. ExportError where the network has no features to learn from,
    and ValueError where there are not crops of both kinds.
    """
    if labels.all() or not labels.any():
        raise ValueError("a head is learnt from live faces and attacks, and one kind is missing")
    trunk = Trunk.of(network)
    mirrored = (one[:, ::-1] for one in crops)  # a face is as live in a mirror
    features, odds = trunk.run([*crops, *mirrored], live)
    heads = [fit(features, odds, np.tile(labels, 2))]
    if varied is not None and len(varied):
        more, more_odds = trunk.run(varied, live)
        rounds = 2 + len(varied) // len(crops)
        heads.append(
            fit(
                np.concatenate([features, more]),
                np.concatenate([odds, more_odds]),
                np.tile(labels, rounds),
            )
        )
    mean = Head(
        np.mean([one.weights for one in heads], axis=0),
        float(np.mean([one.bias for one in heads])),
    )
    return trunk.with_head(live, mean)


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
class Trunk:
    """A network, and the names of the flat features that it ends in."""

    model: Any
    flat: tuple[str, ...]

    @classmethod
    def of(cls, network: bytes) -> "Trunk":
        model = opened(network)
        flat = [node.output[0] for node in model.graph.node if node.op_type == "Flatten"]
        if not flat:
            raise ExportError("it has no flat features to learn a head from")
        return cls(model, tuple(flat))

    def run(self, crops: Iterable[Crops], live: int) -> tuple[Numbers, Numbers]:
        """The features (n, k) and the network's own log odds of "live" (n,), by the runtime."""
        import onnx

        whole = onnx.ModelProto()
        whole.CopyFrom(self.model)
        (answer,) = whole.graph.output
        names = [*self.flat, answer.name]
        whole.graph.node.append(onnx.helper.make_node("Concat", names, ["features"], axis=1))
        classes = answer.type.tensor_type.shape.dim[1].dim_value
        answer.CopyFrom(onnx.helper.make_tensor_value_info("features", FLOAT, ["n", "k"]))
        runs = Network(whole.SerializeToString(), "the network's features")
        blobs = (np.ascontiguousarray(one.transpose(2, 0, 1)[None], np.float32) for one in crops)
        found = np.concatenate([runs.run(blob) for blob in blobs]).astype(np.float64)
        return found[:, :-classes], _log_odds(found[:, -classes:], live)

    def with_head(self, live: int, head: Head) -> bytes:
        """The network with the head added to its answer."""
        from onnx import ModelProto, helper, numpy_helper

        whole = ModelProto()
        whole.CopyFrom(self.model)
        graph = whole.graph
        (answer,) = graph.output
        name = f"head{sum(node.op_type == 'Concat' for node in graph.node)}"
        kernel = np.zeros((len(head.weights), answer.type.tensor_type.shape.dim[1].dim_value))
        bias = np.zeros(kernel.shape[1])
        kernel[:, live], bias[live] = head.weights, head.bias
        for part, values in enumerate((kernel, bias)):
            array = numpy_helper.from_array(values.astype(np.float32), f"{name}/{part}")
            graph.initializer.append(array)
        (last,) = (node for node in graph.node if answer.name in node.output)
        last.output[0] = f"{name}/before"
        graph.node.extend(
            [
                helper.make_node("Concat", self.flat, [f"{name}/features"], axis=1),
                helper.make_node("Gemm", [f"{name}/features", f"{name}/0", f"{name}/1"], [name]),
                helper.make_node("Add", [last.output[0], name], [answer.name]),
            ]
        )
        data: bytes = whole.SerializeToString()
        return data


def _log_odds(logits: Numbers, live: int) -> Numbers:
    """Of "live" against all other classes together (n,)."""
    others = np.delete(logits, live, axis=1)
    most = others.max(axis=1)
    odds: Numbers = logits[:, live] - most - np.log(np.exp(others.T - most).sum(axis=0))
    return odds
