# SPDX-License-Identifier: MIT
"""Two networks as one: the mean of both, and a last layer that a head can be learnt for."""

import numpy as np
import pytest

from models.liveness import head
from models.liveness.export import ExportError
from models.liveness.twin import twin
from models.runtime import Network
from tests.models.test_head import LIVE, both, odds
from tests.models.tiny import affine

FIRST = affine(np.array([[0.01, 0, 0], [0, 0.02, 0]]), np.array([0.5, -0.5]))
SECOND = affine(np.array([[0, 0, 0.03], [-0.01, 0, 0]]), np.array([0.0, 1.0]))


def test_it_answers_with_the_mean_of_both() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 8, 8)).astype(np.float32)
    one, other, mean = (
        Network(network, "tiny").run(image) for network in (FIRST, SECOND, twin(FIRST, SECOND))
    )
    assert not np.allclose(one, other)
    assert mean == pytest.approx((one + other) / 2, abs=1e-4)


def test_a_head_is_learnt_for_both() -> None:
    crops, labels = both(0)
    learnt = head.learn(twin(FIRST, SECOND), LIVE, crops, labels)
    fresh, known = both(7)
    assert ((odds(learnt, fresh) > 0) == known).mean() > 0.95


def test_what_has_no_last_layer_is_refused() -> None:
    with pytest.raises(ExportError, match="not an ONNX file"):
        twin(FIRST, b"no network")
