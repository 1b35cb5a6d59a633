# SPDX-License-Identifier: MIT
"""The stock model: it runs, it is small, and it is no worse than the network it came from."""

import numpy as np
import onnx
import pytest

from models.evaluation import datasets, rivals
from models.evaluation.compare import compare
from models.evaluation.liveness import read_image
from models.evaluation.rates import Rate
from models.face import Face
from models.liveness.attacks import simulate
from models.liveness.augment import webcam
from models.liveness.passive import STOCK, load_described
from tests.harness.data import SHARED, needs

NO_POINTS = np.zeros((5, 2), np.float32)


def samples() -> list[datasets.Sample]:
    """Of the clips' frames, every third; the tables in docs/liveness.md are of all of them."""
    found = [one for one in datasets.read(SHARED / "liveness") if one.source.startswith("vf-")]
    return found[::3]


def test_it_is_small_and_looks_once() -> None:
    """A second look, in the mirror say, would cost the daemon a second run for every frame."""
    data = (STOCK / "model.onnx").read_bytes()
    assert len(data) <= 4_000_000
    convolutions = [
        node for node in onnx.load_from_string(data).graph.node if node.op_type == "Conv"
    ]
    kernels = [node.input[1] for node in convolutions]
    assert len(kernels) == len(set(kernels)) > 30


@needs("liveness/manifest.csv")
def test_on_real_replays_it_is_no_worse_than_minifasnet() -> None:
    theirs = rivals.minifasnet(SHARED / "models")
    ours = load_described(STOCK / "model.json")
    found = compare(samples(), [ours, theirs])
    rows = {name: report.frames["all"] for name, report in found.items()}
    stock, base = rows[ours.id], rows[theirs.id]
    assert stock.eer is not None
    assert base.eer is not None
    assert stock.eer.value <= base.eer.value + 1e-9
    assert stock.bpcer.value < 0.05
    for species, rate in stock.apcer.items():
        assert rate.value <= 0.07, species
    together = found["together"].decisions["all"]
    assert all(rate == Rate(0, rate.trials) for rate in together.apcer.values())


@needs("liveness/manifest.csv")
@pytest.mark.parametrize("species", ["print", "phone"])
def test_it_knows_photographs_before_a_face_better_than_minifasnet(species: str) -> None:
    """Rendered with people whom no training of ours saw."""
    live = [one for one in samples() if one.live][::3]
    passed = {"ours": 0, "theirs": 0}
    ours, theirs = load_described(STOCK / "model.json"), rivals.minifasnet(SHARED / "models")
    for index, (victim, holder) in enumerate(
        zip(live, live[len(live) // 2 :] + live, strict=False)
    ):
        assert victim.box is not None
        image, box = simulate(
            species,
            read_image(victim.path),
            victim.box,
            read_image(holder.path),
            (0, 0),
            np.random.default_rng(index),
            before=holder.box,
        )
        face = Face(box, NO_POINTS, 1.0)
        passed["ours"] += ours.score(image, face) >= ours.threshold
        passed["theirs"] += theirs.score(image, face) >= theirs.threshold
    assert passed["ours"] < 0.8 * passed["theirs"], f"of {len(live)}"


@needs("liveness/manifest.csv")
def test_on_a_worse_camera_it_refuses_fewer_live_faces_than_minifasnet() -> None:
    ours, theirs = load_described(STOCK / "model.json"), rivals.minifasnet(SHARED / "models")
    nuaa = [one for one in datasets.read(SHARED / "liveness") if one.source == "nuaa" and one.live]
    refused = {"ours": 0, "theirs": 0}
    for index, sample in enumerate(nuaa[::3]):
        assert sample.box is not None
        image = webcam(read_image(sample.path), np.random.default_rng(index))
        face = Face(sample.box, NO_POINTS, 1.0)
        refused["ours"] += ours.score(image, face) < ours.threshold
        refused["theirs"] += theirs.score(image, face) < theirs.threshold
    assert refused["ours"] < refused["theirs"]
