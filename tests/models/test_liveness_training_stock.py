# SPDX-License-Identifier: MIT
"""The stock model: it runs, it is small, and it is no worse than the network it came from."""

import numpy as np
import pytest

from models.evaluation import datasets
from models.evaluation.compare import compare
from models.evaluation.rates import Rate
from models.face import Box, Face
from models.liveness.passive import STOCK, Description, PassiveModel, load_described
from models.registry import model as registered
from tests.harness.data import SHARED, needs

NO_POINTS = np.zeros((5, 2), np.float32)


def test_it_is_small_and_treats_left_and_right_alike() -> None:
    assert (STOCK / "model.onnx").stat().st_size <= 4_000_000
    model = load_described(STOCK / "model.json")
    image = np.random.default_rng(0).integers(0, 255, (81, 81, 3), dtype=np.uint8)
    face = Face(Box(26, 26, 29, 29), NO_POINTS, 1.0)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    assert model.score(image, face) == pytest.approx(model.score(mirrored, face), abs=0.02)


@needs("liveness/manifest.csv")
def test_on_real_replays_it_is_no_worse_than_minifasnet() -> None:
    """Every third frame of the clips; the tables in docs/liveness.md are of all of them."""
    samples = [one for one in datasets.read(SHARED / "liveness") if one.source.startswith("vf-")]
    about = registered("minifasnet")
    network = about.only_file(SHARED / "models")
    theirs = PassiveModel(
        Description.read({"id": about.id, **about.table["liveness"]}, about.name), network
    )
    ours = load_described(STOCK / "model.json")
    found = compare(samples[::3], [ours, theirs])
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
