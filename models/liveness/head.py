# SPDX-License-Identifier: MIT
"""A personal head: a network stays as it is, and what it makes of its features is learnt anew.

MiniFASNetV2's convolutions end in 512 features, and in 1,024 where two such networks look together
(twin.py). On the way they pass 128 channels of 10 by 10, whose means say how the skin looks and
nothing of where. ``learn`` has the runtime compute both for a person's own crops and adds to the
logit of "live" as little of them as tells their live faces from their attacks: a logistic
regression that starts from a share of the network's own answer and is pulled back to it. That has
one solution, needs no TensorFlow and takes seconds on one core, nearly all for the features.

A share, since on a camera that it does not know the network often has the right order and the
wrong level, which differs from recording to recording and buries what was learnt. The network
itself votes beside the head all the same, in full, wherever it is installed.

Three are learnt, and their mean is taken: of the end and the crops as they are, of the end and
crops that a camera varied as well, and of the middle and crops in other lights. The first is the
better one where there are few recordings, the second where the next recording looks otherwise, the
third where its level differs (docs/liveness.md, "A head for one camera").
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.liveness.export import ExportError, opened
from models.runtime import Network

Numbers = NDArray[np.float64]
Crops = NDArray[np.uint8]
FLOAT = 1  # ONNX's number for float32
HEAD = "head"  # begins the names of what a head adds to a network
SHARE = 0.3  # of the network's own answer
PULL = 100.0  # towards that share, in crops that would have to speak against it
STEPS = 50  # of Newton's method, which takes about ten


@dataclass(frozen=True)
class Head:
    """What a share of the logit of "live" is helped by: features (k,) @ ``weights`` + ``bias``."""

    weights: Numbers
    bias: float


@dataclass(frozen=True)
class Seen:
    """What a network makes of n crops, which are all that there are, once or several times over.

    end, middle   features (n, k) that its convolutions end in, and means of its middle (n, m)
    odds          log odds (n,) of "live" by a share of its own answer
    """

    end: Numbers
    middle: Numbers
    odds: Numbers

    def __add__(self, more: "Seen") -> "Seen":
        pairs = ((self.end, more.end), (self.middle, more.middle), (self.odds, more.odds))
        return Seen(*(np.concatenate(pair) for pair in pairs))


def learn(
    network: bytes,
    live: int,
    crops: Crops,
    labels: NDArray[np.bool_],
    varied: Iterable[Crops] = (),
    lit: Iterable[Crops] = (),
) -> bytes:
    """``network`` with a head learnt from crops (n, size, size, 3) BGR; ``labels`` says which live.

    ``live`` is the index of that class; ``varied`` has some more of each crop (n times as many, in
    rounds) as a camera may show it, and ``lit`` in another light alone. ExportError where the
    network has no features to learn from, and ValueError where there are not crops of both kinds.
    """
    if labels.all() or not labels.any():
        raise ValueError("a head is learnt from live faces and attacks, and one kind is missing")
    trunk = Trunk.of(network)
    mirrored = (one[:, ::-1] for one in crops)  # a face is as live in a mirror
    plain = trunk.run([*crops, *mirrored], live)
    camera, light = plain + trunk.run(varied, live), plain + trunk.run(lit, live)
    ends = [_fit(seen.end, seen, labels) for seen in (plain, camera)]
    middles = [_fit(light.middle, light, labels)] if trunk.middle else []
    return trunk.with_head(live, _mean(ends, middles))


def _fit(features: Numbers, seen: Seen, labels: NDArray[np.bool_]) -> Head:
    return fit(features, seen.odds, np.tile(labels, len(features) // len(labels)))


def _mean(ends: Sequence[Head], middles: Sequence[Head]) -> Head:
    """Of all as one head, for the features of the end and then the means of the middle."""
    heads = [*ends, *middles]
    parts = [np.sum([one.weights for one in part], axis=0) for part in (ends, middles) if part]
    weights = np.concatenate(parts) / len(heads)
    return Head(weights, float(np.mean([one.bias for one in heads])))


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
    """A network, and where its features are.

    flat, middle   the names of what its convolutions end in, and of the sums in its middle
    sizes          how many features each of these is
    """

    model: Any
    flat: tuple[str, ...]
    middle: tuple[str, ...]
    sizes: Mapping[str, int]

    @classmethod
    def of(cls, network: bytes) -> "Trunk":
        model = opened(network)
        flat: list[str] = []
        middle: list[str] = []
        nodes: list[Any] = []
        for node in model.graph.node:
            nodes.append(node)
            if node.op_type == "Flatten" and not node.output[0].startswith(HEAD):
                flat += node.output
                middle += _middle(nodes)
                nodes = []
        if not flat:
            raise ExportError("it has no flat features to learn a head from")
        return cls(model, tuple(flat), tuple(middle), _sizes(model, [*flat, *middle]))

    def run(self, crops: Iterable[Crops], live: int) -> Seen:
        """What the network makes of each of the crops."""
        import onnx

        whole = onnx.ModelProto()
        whole.CopyFrom(self.model)
        (answer,) = whole.graph.output
        names = [*self._features(whole.graph, HEAD), answer.name]
        whole.graph.node.append(onnx.helper.make_node("Concat", names, ["features"], axis=1))
        classes = answer.type.tensor_type.shape.dim[1].dim_value
        answer.CopyFrom(onnx.helper.make_tensor_value_info("features", FLOAT, ["n", "k"]))
        runs = Network(whole.SerializeToString(), "the network's features")
        blobs = (np.ascontiguousarray(one.transpose(2, 0, 1)[None], np.float32) for one in crops)
        rows = np.array([runs.run(blob)[0] for blob in blobs], np.float64)
        ends = sum(self.sizes[name] for name in self.flat)
        found = rows.reshape(len(rows), sum(self.sizes.values()) + classes)
        odds = _log_odds(SHARE * found[:, -classes:], live)
        return Seen(found[:, :ends], found[:, ends:-classes], odds)

    def with_head(self, live: int, head: Head) -> bytes:
        """The network with the head added to a share of its answer."""
        from onnx import ModelProto, helper, numpy_helper

        whole = ModelProto()
        whole.CopyFrom(self.model)
        graph = whole.graph
        (answer,) = graph.output
        name = f"{HEAD}{sum(node.op_type == 'Concat' for node in graph.node)}"
        classes = answer.type.tensor_type.shape.dim[1].dim_value
        kernel = np.vstack([np.zeros((len(head.weights), classes)), SHARE * np.eye(classes)])
        bias = np.zeros(classes)
        kernel[:-classes, live], bias[live] = head.weights, head.bias
        for part, values in enumerate((kernel, bias)):
            array = numpy_helper.from_array(values.astype(np.float32), f"{name}/{part}")
            graph.initializer.append(array)
        (last,) = (node for node in graph.node if answer.name in node.output)
        last.output[0] = before = f"{name}/before"
        inputs = [*self._features(graph, name), before]
        graph.node.append(helper.make_node("Concat", inputs, [name], axis=1))
        names = [name, f"{name}/0", f"{name}/1"]
        graph.node.append(helper.make_node("Gemm", names, [answer.name]))
        data: bytes = whole.SerializeToString()
        return data

    def _features(self, graph: Any, name: str) -> list[str]:
        """The names of all features, the middle's means added to ``graph`` under ``name``."""
        from onnx import helper

        means = []
        for number, one in enumerate(self.middle):
            pooled, mean = f"{name}/pooled{number}", f"{name}/mean{number}"
            graph.node.append(helper.make_node("GlobalAveragePool", [one], [pooled]))
            graph.node.append(helper.make_node("Flatten", [pooled], [mean]))
            means.append(mean)
        return [*self.flat, *means]


def _sizes(model: Any, names: Sequence[str]) -> dict[str, int]:
    """How many channels these have; ExportError where the file does not say."""
    from onnx import shape_inference

    try:
        told = shape_inference.infer_shapes(model).graph.value_info
    except shape_inference.InferenceError:
        told = []
    shapes = {one.name: one.type.tensor_type.shape.dim for one in told}
    sizes = {name: shapes[name][1].dim_value for name in names if len(shapes.get(name, ())) > 1}
    if not all(sizes.get(name) for name in names):
        raise ExportError("it does not say how many features it has")
    return sizes


def _middle(nodes: Sequence[Any]) -> list[str]:
    """The last sum before a network makes its picture smaller by strides for the last time."""
    sums: list[str] = []
    found: list[str] = []
    for node in nodes:
        if node.op_type == "Add":
            sums = list(node.output)
        if any(one.name == "strides" and max(one.ints) > 1 for one in node.attribute):
            found = sums
    return found


def _log_odds(logits: Numbers, live: int) -> Numbers:
    """Of "live" against all other classes together (n,)."""
    others = np.delete(logits, live, axis=1)
    most = others.max(axis=1)
    odds: Numbers = logits[:, live] - most - np.log(np.exp(others.T - most).sum(axis=0))
    return odds
