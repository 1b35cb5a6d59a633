# SPDX-License-Identifier: MIT
"""From image to input: order of channels, scaling, layout; and wrong descriptions."""

from typing import Any

import numpy as np
import pytest

from models.errors import ModelError
from models.preprocessing import Preprocessing

IMAGE = np.zeros((8, 8, 3), np.uint8)
IMAGE[2, 5] = (10, 20, 30)  # blue, green, red


def test_bgr_as_it_is() -> None:
    blob = Preprocessing.read({"size": 8}, "x").blob(IMAGE)
    assert blob.shape == (1, 3, 8, 8) and blob.dtype == np.float32
    assert blob[0, :, 2, 5].tolist() == [10, 20, 30]
    assert blob.sum() == 60


def test_rgb_with_mean_and_deviation_in_its_order() -> None:
    table = {"size": 8, "colour": "rgb", "mean": [30, 0, 0.0], "std": [1, 2, 5]}
    blob = Preprocessing.read(table, "x").blob(IMAGE)
    assert blob[0, :, 2, 5].tolist() == [0, 10, 2]
    assert blob[0, :, 0, 0].tolist() == [-30, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": 80.0},
        {"size": True},
        {"size": 5000},
        {"colour": "grey"},
        {"mean": [0, 0]},
        {"mean": "abc"},
        {"mean": [0, 0, float("nan")]},
        {"std": [1, 1, 0]},
        {"std": [1, 1, True]},
        {"scale": 255},
    ],
)
def test_refuses_a_wrong_description(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"^x: "):
        Preprocessing.read({"size": 8, **wrong}, "x")
