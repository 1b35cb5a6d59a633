# SPDX-License-Identifier: MIT
"""What a liveness model's thresholds cost: counted, bounded, kept in its description."""

from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelError
from models.evaluation.rates import clopper_pearson
from models.liveness import calibrate, install
from models.liveness.calibration import HIGHEST_BOUND, THRESHOLDS, Calibration, measured
from models.liveness.passive import STOCK, load_described
from models.registry import model as registered
from tests.models.test_liveness_install import GOOD, at, scores

SCORES = [0.2] * 3 + [0.6] * 5 + [0.97] * 92


def known(decisions: list[float]) -> Calibration:
    found = measured(decisions, 10)
    assert found is not None
    return found


def test_each_point_counts_what_it_refuses() -> None:
    found = known(SCORES)
    assert (found.decisions, [one.refused for one in found.points]) == (100, [0, 3, 8])
    for one in found.points:
        assert one.refused == sum(score < one.threshold for score in SCORES)
        upper = clopper_pearson(one.refused, 100)[1]
        assert upper <= one.bound < upper + 1e-4


def test_of_equal_counts_the_highest_threshold_is_kept() -> None:
    for one in known(SCORES).points:
        above = [threshold for threshold in THRESHOLDS if threshold > one.threshold]
        assert sum(score < min(above) for score in SCORES) > one.refused


def test_what_refuses_most_is_no_point() -> None:
    assert not known([0.5]).points  # 0 of 1 may be nearly all
    assert all(one.bound <= HIGHEST_BOUND for one in known([0.1] * 30 + [0.9] * 30).points)
    assert measured([], 10) is None


def test_no_threshold_is_chosen_by_the_faces_that_measure_it() -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        thresholds = {one.threshold for one in known(rng.uniform(size=50).tolist()).points}
        assert thresholds <= set(THRESHOLDS)


def test_a_description_keeps_it() -> None:
    found = known(SCORES)
    assert Calibration.read(found.as_table(), "x") == found


@pytest.mark.parametrize(
    "damage",
    [
        {"points": [[0.5, 1, 0.2], [0.4, 2, 0.3]]},
        {"points": [[0.5, 1, 0.2], [0.6, 2, 0.1]]},
        {"points": [[1.5, 1, 0.2]]},
        {"points": [[0.5, -1, 0.2]]},
        {"points": [[0.5, 1]]},
        {"points": [[0.5, 1, float("nan")]]},
        {"points": [["x", 1, 0.2]]},
        {"points": 7},
        {"points": [[(n + 1) / 999, n, (n + 1) / 999] for n in range(99)]},
        {"decisions": None},
        {"frames": 0},
    ],
)
def test_a_damaged_one_is_an_error(damage: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"^x: the calibration is damaged$"):
        Calibration.read({**known(SCORES).as_table(), **damage}, "x")
    with pytest.raises(ModelError, match="damaged"):
        Calibration.read([1], "x")


def test_what_ships_is_calibrated() -> None:
    stock = load_described(STOCK / "model.json")
    published = Calibration.read(registered("minifasnet").table["liveness"]["calibration"], "it")
    for found in (stock.calibration, published):
        assert found is not None
        assert found.decisions > 100
        assert found.bounds


def test_installing_calibrates_on_what_judged() -> None:
    verdict = install.compare(at(GOOD), at(scores([0.9] * 30, print=[0.1] * 30, phone=[0.1] * 30)))
    assert verdict.calibration is not None
    assert (verdict.calibration.decisions, verdict.calibration.points[0].refused) == (30, 0)


def test_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["calibrate", "--data", str(tmp_path)])
    assert calibrate.main() == 1
    error = capsys.readouterr().err
    assert error.startswith("calibrate: ")
    assert error.count("\n") == 1
