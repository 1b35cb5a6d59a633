# SPDX-License-Identifier: MIT
"""A personal head: a network stays as it is, and what it makes of its features is learnt anew.

MiniFASNetV2's convolutions end in 512 features, and in 1,024 where two such networks look together
(twin.py). ``learn`` has the runtime compute these features for a person's own crops and adds to the
logit of "live" as little of them as tells their live faces from their attacks: a logistic
regression that starts from a share of the network's own answer and is pulled back to it. That has
one solution, needs no TensorFlow and takes seconds on one core, nearly all for the features.

A share, since on a camera that it does not know the network often has the right order and the
wrong level, which differs from recording to recording and buries what was learnt. The network
itself votes beside the head all the same, in full, wherever it is installed.

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
SHARE = 0.3  # of the network's own answer
PULL = 100.0  # towards that share, in crops that would have to speak against it
STEPS = 50  # of Newton's method, which takes about ten


@dataclass(frozen=True)
class Head:
    """What a share of the logit of "live" is helped by: features (k,) @ ``weights`` + ``bias``."""

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
    """The head for features (n, k) of crops whose log odds are ``offset`` without it.

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
        """The features (n, k), and the log odds of "live" (n,) by a share of its own answer."""
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
        return found[:, :-classes], _log_odds(SHARE * found[:, -classes:], live)

    def with_head(self, live: int, head: Head) -> bytes:
        """The network with the head added to a share of its answer."""
        from onnx import ModelProto, helper, numpy_helper

        whole = ModelProto()
        whole.CopyFrom(self.model)
        graph = whole.graph
        (answer,) = graph.output
        name = f"head{sum(node.op_type == 'Concat' for node in graph.node)}"
        classes = answer.type.tensor_type.shape.dim[1].dim_value
        kernel = np.vstack([np.zeros((len(head.weights), classes)), SHARE * np.eye(classes)])
        bias = np.zeros(classes)
        kernel[:-classes, live], bias[live] = head.weights, head.bias
        for part, values in enumerate((kernel, bias)):
            array = numpy_helper.from_array(values.astype(np.float32), f"{name}/{part}")
            graph.initializer.append(array)
        (last,) = (node for node in graph.node if answer.name in node.output)
        last.output[0] = before = f"{name}/before"
        graph.node.append(helper.make_node("Concat", [*self.flat, before], [name], axis=1))
        names = [name, f"{name}/0", f"{name}/1"]
        graph.node.append(helper.make_node("Gemm", names, [answer.name]))
        data: bytes = whole.SerializeToString()
        return data


def _log_odds(logits: Numbers, live: int) -> Numbers:
    """Of "live" against all other classes together (n,)."""
    others = np.delete(logits, live, axis=1)
    most = others.max(axis=1)
    odds: Numbers = logits[:, live] - most - np.log(np.exp(others.T - most).sum(axis=0))
    return odds
