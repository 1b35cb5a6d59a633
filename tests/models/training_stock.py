# SPDX-License-Identifier: MIT
"""Making the stock model, in small: the same data make the same bytes, and only live ones teach.

With TensorFlow, so apart from the default run: ``make test-train``.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from models.liveness import networks, stockmodel
from models.liveness.fitting import probabilities
from models.liveness.passive import load_described
from models.liveness.simulation import Crops, Picture
from tests.harness.data import ROOT, SHARED, needs
from tests.models.test_simulation import BOX, picture


def pictures(data: Path) -> Iterator[Picture]:
    """Six people, one of whom is held out; ``data`` is not looked at."""
    del data
    names = ["a", "b", "c", "d", "e", sorted(stockmodel.HELD_OUT)[0]]
    return (Picture(name, picture(seed), BOX, None) for seed, name in enumerate(names))


def make_small_ones(folder: Path) -> None:
    """Twice, in this process."""
    stockmodel.gather = pictures
    stockmodel.PARTS, stockmodel.PART, stockmodel.WATCHED = 2, 32, 24
    for name in ("one", "two"):
        stockmodel.make(SHARED, folder / name)


@needs("models/minifasnet")
def test_it_is_made_again_to_the_byte(tmp_path: Path) -> None:
    # A process of its own: it sets TensorFlow's threads, which others here have started.
    program = (
        "import pathlib, sys, tests.models.training_stock as this;"
        "this.make_small_ones(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True)
    one, two = ((tmp_path / name / "model.onnx").read_bytes() for name in ("one", "two"))
    assert one == two
    published = load_described(tmp_path / "one" / "model.json")
    assert (published.id, published.threshold) == (stockmodel.NAME, stockmodel.THRESHOLD)


@needs("models/minifasnet")
def test_the_teacher_is_asked_where_it_is_right_and_the_label_elsewhere() -> None:
    model = networks.minifasnet()
    networks.load(model, SHARED / stockmodel.PUBLISHED)
    clean = np.random.default_rng(0).integers(0, 255, (8, 80, 80, 3), dtype=np.uint8)
    crops = Crops(np.zeros_like(clean), clean, ["live", "print"] * 4)
    teacher = probabilities(model, 1, clean, mirror=True)
    targets = stockmodel.soft_targets(model, 1, crops)
    right = (teacher >= 0.5) == crops.live
    labels = np.where(crops.live, stockmodel.CERTAIN, 1 - stockmodel.CERTAIN)
    assert right.any()
    assert not right.all()
    assert targets[~right] == pytest.approx(labels[~right])
    between = (targets[right] - labels[right]) / (teacher[right] - labels[right])
    assert between == pytest.approx(np.full(right.sum(), stockmodel.TEACHER), abs=1e-3)
