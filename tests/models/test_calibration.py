# SPDX-License-Identifier: MIT
"""Thresholds: measured ones, never looser than asked for, never finer than the measurement."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recognition import calibration
from models.recognition.calibrate import Gallery, listed_scores, points, scores
from models.recognition.calibration import Calibration, CalibrationError, Point, calibration_for
from models.registry import models

MEASURED = ("dlib-resnet-v1", "mobilefacenet-v1")


@pytest.mark.parametrize("name", MEASURED)
def test_what_ships_supports_what_is_asked_by_default(name: str) -> None:
    shipped = calibration_for(name)
    assert shipped.model == name
    assert shipped.pairs > 1_000_000
    assert shipped.finest < 1e-5
    loose, usual = shipped.threshold(1e-2), shipped.threshold(1e-4)
    assert -1 < loose < usual < shipped.threshold(shipped.finest) < 1
    for point in shipped.points:
        assert 0 < point.low < point.errors / shipped.pairs < point.high < 1


def test_sface_is_not_measured_and_says_so() -> None:
    unmeasured = {m.id for m in models().values() if m.role == "recognition"} - set(MEASURED)
    assert unmeasured == {"sface-2021dec"}
    with pytest.raises(CalibrationError, match="sface-2021dec: nobody has measured"):
        calibration_for("sface-2021dec")
    assert not calibration.is_calibrated("sface-2021dec")


IMPOSTORS = np.random.default_rng(4).normal(0, 0.1, 100_000).astype(np.float32)
CALIBRATION = Calibration("x", len(IMPOSTORS), tuple(points(IMPOSTORS)))


@given(st.floats(1e-4, 1e-2))
@settings(deadline=None)
def test_the_threshold_is_never_looser_than_asked_for(fmr: float) -> None:
    assert (CALIBRATION.threshold(fmr) <= IMPOSTORS).mean() <= fmr


def test_the_points_are_the_scores_of_so_many_errors() -> None:
    impostors = np.arange(10_000, dtype=np.float32) / np.float32(10_000)
    measured = points(impostors)
    assert [point.errors for point in measured[:4]] == [10, 13, 16, 20]
    assert measured[-1].errors == 100, "up to one percent"
    for point in measured:
        assert (impostors >= point.threshold).sum() in (point.errors - 1, point.errors)
    assert points(impostors[:500]) == [], "500 pairs show no 10 errors at one percent"


def test_what_is_finer_than_the_measurement_is_refused() -> None:
    table = Calibration("x", 100_000, (Point(10, 0.5, 5e-5, 2e-4), Point(100, 0.4, 8e-4, 1.2e-3)))
    assert table.finest == 1e-4
    assert table.threshold(1e-4) == 0.5
    assert table.threshold(9.9e-4) == 0.5
    assert table.threshold(1e-3) == 0.4
    for fmr in (0.99e-4, 0.0, -1.0, float("nan")):
        with pytest.raises(CalibrationError, match=r"^x: .*100,000 pairs support 0\.0001"):
            table.threshold(fmr)


@pytest.mark.parametrize(
    "change",
    [
        {"points": []},
        {"points": [{"errors": 9, "threshold": 0.5, "low": 0, "high": 1}]},
        {"points": [{"errors": 10, "threshold": 1.5, "low": 0, "high": 1}]},
        {
            "points": [
                {"errors": 10, "threshold": 0.4, "low": 0, "high": 1},
                {"errors": 20, "threshold": 0.5, "low": 0, "high": 1},
            ]
        },
        {"points": [{"errors": 10}]},
        {"pairs": "many"},
    ],
)
def test_a_damaged_file_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    good = json.loads((calibration.FOLDER / "dlib-resnet-v1.json").read_text())
    (tmp_path / "changed.json").write_text(json.dumps({**good, **change}))
    monkeypatch.setattr(calibration, "FOLDER", tmp_path)
    with pytest.raises(CalibrationError, match="damaged calibration"):
        calibration_for("changed")


def test_a_name_does_not_lead_out_of_the_folder() -> None:
    with pytest.raises(CalibrationError):
        calibration_for("../../../../etc/passwd")


def test_pairs_are_told_apart_by_person(tmp_path: Path) -> None:
    paths = [tmp_path / name / f"{name}_000{n}.jpg" for name, n in (("A", 1), ("A", 2), ("B", 1))]
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    gallery = Gallery(paths, np.array(["A", "A", "B"]), vectors, [])
    genuine, impostors = scores(gallery)
    assert genuine.tolist() == pytest.approx([0.8])
    assert impostors.tolist() == pytest.approx([0, 0.6])
    listing = tmp_path / "pairs.txt"
    listing.write_text("2\nA\t1\t2\nA\t1\t3\nA\t1\tB\t1\n")
    assert listed_scores(gallery, listing, tmp_path).tolist() == pytest.approx([0.8, -1])
