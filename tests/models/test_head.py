# SPDX-License-Identifier: MIT
"""A personal head: learnt in one step from the network's own features, and never guessed."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from models.liveness import head
from models.liveness.export import ExportError
from models.liveness.passive import STOCK
from models.liveness.published import convert
from models.onnx_graph import Graph
from models.runtime import Network
from tests.harness.data import SHARED, needs
from tests.models.tiny import affine

LIVE = 1


def colours(count: int, blue: float, seed: int) -> NDArray[np.uint8]:
    """Crops (count, 8, 8, 3) of one colour each, with about so much blue."""
    rng = np.random.default_rng(seed)
    colour = np.column_stack([rng.normal(blue, 10, count), rng.uniform(60, 180, (count, 2))])
    return np.broadcast_to(colour[:, None, None].clip(0, 255), (count, 8, 8, 3)).astype(np.uint8)


def both(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Forty live crops, bluer than eighty attacks."""
    crops = np.concatenate([colours(40, 140, seed), colours(80, 90, seed + 1)])
    return crops, np.arange(120) < 40


def odds(network: bytes, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logit of "live" less that of the only other class."""
    runs = Network(network, "tiny")
    logits = [runs.run(one.transpose(2, 0, 1)[None].astype(np.float32))[0] for one in crops]
    return np.array([pair[LIVE] - pair[1 - LIVE] for pair in logits])


def with_red(crops: NDArray[np.uint8], red: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The crops with so much red in each."""
    crops = crops.copy()
    crops[..., 2] = red[:, None, None]
    return crops


def undecided() -> bytes:
    return affine(np.zeros((2, 3)), np.zeros(2))


def test_it_learns_what_the_network_did_not_know() -> None:
    crops, labels = both(0)
    learnt = head.learn(undecided(), LIVE, crops, labels)
    fresh, known = both(7)
    assert ((odds(learnt, fresh) > 0) == known).mean() > 0.95
    again = head.learn(undecided(), LIVE, crops, labels)
    assert again == learnt, "the same data, another head"


def test_what_it_learnt_can_be_learnt_on() -> None:
    crops, labels = both(0)
    learnt = head.learn(undecided(), LIVE, crops, labels)
    fresh, known = both(7)
    against = head.learn(learnt, LIVE, fresh, ~known)
    assert ((odds(against, crops) > 0) == labels).mean() < 0.05


def test_a_network_that_knows_still_knows() -> None:
    """Where its own answer fits the recordings, the pull back to it leaves little to move."""
    knows = affine(np.array([[0, 0, 0], [1, 0, 0]]), np.array([0, -115.0]))
    crops, labels = both(0)
    sure = (np.abs(odds(knows, crops)) > 8) & ((odds(knows, crops) > 0) == labels)
    learnt = head.learn(knows, LIVE, crops[sure], labels[sure])
    assert odds(learnt, crops) == pytest.approx(head.SHARE * odds(knows, crops), abs=2)
    assert np.array_equal(odds(learnt, crops) > 0, odds(knows, crops) > 0)


def test_a_level_that_another_recording_shifts_buries_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The network has the right order in each light, and another level in each."""
    swayed = affine(np.array([[0, 0, 0], [0.2, 0, 0.3]]), np.array([0, -0.2 * 115 - 0.3 * 120]))

    def lit(seed: int, red: int) -> NDArray[np.uint8]:
        crops = both(seed)[0].copy()
        crops[..., 2] = red
        return crops

    labels, elsewhere = both(0)[1], lit(7, 140)
    right = []
    for share in (head.SHARE, 1.0):
        monkeypatch.setattr(head, "SHARE", share)
        learnt = head.learn(swayed, LIVE, lit(0, 120), labels)
        right.append(((odds(learnt, elsewhere) > 0) == labels).mean())
    assert right[0] > right[1] + 0.1


def test_many_attacks_do_not_outvote_few_live_faces() -> None:
    live, attacks = colours(6, 120, 0), colours(600, 110, 1)
    crops, labels = np.concatenate([live, attacks]), np.arange(606) < 6
    found = odds(head.learn(undecided(), LIVE, crops, labels), colours(50, 150, 2))
    assert (found > 0).mean() > 0.9


def test_nothing_is_learnt_for_the_other_classes() -> None:
    crops, labels = both(0)
    knows = affine(np.array([[0.1, 0, 0], [0, 0.1, 0]]), np.array([3.0, -1.0]))
    blob = crops[0].transpose(2, 0, 1)[None].astype(np.float32)
    before, after = (
        Network(network, "tiny").run(blob)[0]
        for network in (knows, head.learn(knows, LIVE, crops, labels))
    )
    assert after[1 - LIVE] == pytest.approx(head.SHARE * before[1 - LIVE])
    assert after[LIVE] != pytest.approx(head.SHARE * before[LIVE])


def test_one_kind_alone_and_strange_networks_are_one_line() -> None:
    crops, labels = both(0)
    with pytest.raises(ValueError, match="one kind is missing"):
        head.learn(undecided(), LIVE, crops[labels], labels[labels])
    with pytest.raises(ExportError, match="not an ONNX file"):
        head.learn(b"no network", LIVE, crops, labels)
    graph = Graph("pool")
    graph.node("GlobalAveragePool", "input", output="output")
    with pytest.raises(ExportError, match="no flat features"):
        head.learn(graph.model(("input", (3, 8, 8)), ("output", 2)), LIVE, crops, labels)


def test_varied_crops_are_learnt_from_too() -> None:
    """Red tells the two apart as recorded, but not under another camera, where only blue does."""
    (crops, labels), (fresh, known) = both(0), both(7)
    red = np.random.default_rng(0).integers(60, 180, (4, 120))
    varied = np.concatenate([with_red(crops, one) for one in red])
    crops = with_red(crops, np.where(labels, 150, 90))
    alone, with_varied = (
        head.learn(undecided(), LIVE, crops, labels, more) for more in ((), varied)
    )
    misled = with_red(fresh, np.where(known, 90, 150))
    right = [((odds(one, misled) > 0) == known).mean() for one in (alone, with_varied)]
    assert right[1] > right[0] + 0.1


def with_middle() -> bytes:
    """A network whose middle shows colours; its end and its answer show nothing."""
    graph = Graph("middle")
    alike = np.eye(3)[:, :, None, None]
    first = graph.convolution("input", alike, np.zeros(3), stride=2, padding=0)
    summed = graph.node("Add", first, first)
    end = graph.convolution(summed, 0 * alike, np.zeros(3), stride=2, padding=0)
    after = graph.node("Add", end, end)
    flat = graph.node("Flatten", after)
    weights = graph.constant(np.zeros((12, 2)))
    graph.node("Gemm", flat, weights, graph.constant(np.zeros(2)), output="output")
    return graph.model(("input", (3, 8, 8)), ("output", 2))


def test_what_its_end_has_lost_is_learnt_from_its_middle() -> None:
    crops, labels = both(0)
    learnt = head.learn(with_middle(), LIVE, crops, labels)
    fresh, known = both(7)
    assert ((odds(learnt, fresh) > 0) == known).mean() > 0.95
    against = head.learn(learnt, LIVE, fresh, ~known)
    assert ((odds(against, crops) > 0) == labels).mean() < 0.05


def test_the_middle_is_the_last_sum_before_the_last_halving() -> None:
    trunk = head.Trunk.of((STOCK / "model.onnx").read_bytes())
    assert len(trunk.flat) == len(trunk.middle) == 2  # of two networks
    assert [trunk.sizes[name] for name in (*trunk.flat, *trunk.middle)] == [512, 512, 128, 128]
    assert not head.Trunk.of(undecided()).middle


def test_crops_in_other_lights_are_learnt_from_by_the_middle() -> None:
    """Red tells the two apart as recorded, but in another light only blue does."""
    (crops, labels), (fresh, known) = both(0), both(7)
    red = np.random.default_rng(0).integers(60, 180, (4, 120))
    lit = np.concatenate([with_red(crops, one) for one in red])
    crops, misled = (
        with_red(one, np.where(live, good, 240 - good))
        for one, live, good in ((crops, labels, 150), (fresh, known, 90))
    )
    right = [
        ((odds(head.learn(with_middle(), LIVE, crops, labels, (), more), misled) > 0) == known)
        for more in ((), lit)
    ]
    assert right[1].mean() > right[0].mean() + 0.1


def test_a_file_that_hides_its_sizes_is_one_line() -> None:
    model = onnx.load_from_string(undecided())
    model.graph.node[0].op_type = "Unheard"
    crops, labels = both(0)
    with pytest.raises(ExportError, match="how many features"):
        head.learn(model.SerializeToString(), LIVE, crops, labels)


@needs("models/minifasnet")
def test_it_is_learnt_for_the_published_network() -> None:
    """Brightness, which says nothing to the network at first, tells the two apart afterwards."""
    network = convert(SHARED / "models/minifasnet/2.7_80x80_MiniFASNetV2.pth")
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2 == 0
    crops = rng.integers(0, 110, (40, 80, 80, 3), dtype=np.uint8)
    crops[labels] += 120
    runs = Network(head.learn(network, LIVE, crops, labels), "learnt")
    blobs = (np.ascontiguousarray(one.transpose(2, 0, 1)[None], np.float32) for one in crops)
    logits = np.concatenate([runs.run(blob) for blob in blobs])
    assert ((logits.argmax(axis=1) == LIVE) == labels).mean() > 0.9
