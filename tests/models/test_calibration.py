# SPDX-License-Identifier: MIT
"""Thresholds: measured ones, never looser than asked for, never finer than the measurement."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceauthd.config import VerifyConfig
from models.recognition import calibration
from models.recognition.calibration import (
    Calibration,
    CalibrationError,
    Curve,
    Point,
    calibration_for,
)
from models.registry import models
from tests.harness.data import ROOT

MEASURED = ("dlib-resnet-v1", "mobilefacenet-v1")


@pytest.mark.parametrize("name", MEASURED)
def test_what_ships_supports_what_is_asked_by_default(name: str) -> None:
    shipped = calibration_for(name)
    assert shipped.model == name
    assert shipped.frames.pairs > 1_000_000 and shipped.runs.pairs > 400_000
    assert shipped.finest < 1e-5, "sudo may ask for that, and twelve faces share 1e-4"
    loose, usual = shipped.threshold(1e-2), shipped.threshold(1e-4)
    assert -1 < loose < usual < shipped.threshold(1e-5) <= shipped.threshold(shipped.finest) < 1


@given(st.sampled_from(MEASURED), st.floats(1e-7, 1e-2))
def test_a_run_is_judged_no_more_loosely_than_a_frame(name: str, fmr: float) -> None:
    shipped = calibration_for(name)
    try:
        assert shipped.threshold(fmr) <= shipped.run_threshold(fmr) < 1
    except CalibrationError:
        assert fmr < shipped.finest
        with pytest.raises(CalibrationError):
            shipped.run_threshold(fmr)


@given(st.sampled_from(MEASURED), st.floats(1e-5, 1e-2), st.floats(1, 10))
def test_a_stricter_policy_is_never_looser(name: str, fmr: float, factor: float) -> None:
    shipped = calibration_for(name)
    for threshold in (shipped.threshold, shipped.run_threshold):
        assert threshold(fmr) <= threshold(fmr / factor) if fmr / factor >= 1e-5 else True


@pytest.mark.parametrize(("model", "faces"), [("mobilefacenet-v1", 18), ("dlib-resnet-v1", 12)])
def test_so_many_faces_share_the_default_rate_as_the_docs_say(model: str, faces: int) -> None:
    shipped = calibration_for(model)
    shipped.threshold(VerifyConfig().fmr / faces)
    with pytest.raises(CalibrationError, match="finer"):
        shipped.threshold(VerifyConfig().fmr / (faces + 1))
    engine = model.partition("-")[0]
    said = (ROOT / "docs" / "accuracy.md").read_text()
    assert re.search(rf"\b{faces}( faces)? with {engine}\b", said)


def test_sface_is_not_measured_and_says_so() -> None:
    unmeasured = {m.id for m in models().values() if m.role == "recognition"} - set(MEASURED)
    assert unmeasured == {"sface-2021dec"}
    with pytest.raises(CalibrationError, match="sface-2021dec: nobody has measured"):
        calibration_for("sface-2021dec")
    assert not calibration.is_calibrated("sface-2021dec")


FRAMES = Curve(1_000_000, (Point(0, 0.6, 4e-6), Point(10, 0.5, 2e-5), Point(100, 0.4, 1.5e-4)))
RUNS = Curve(100_000, (Point(0, 0.65, 4e-5), Point(10, 0.55, 2e-4)))
TABLE = Calibration("x", FRAMES, RUNS)


def test_the_bound_and_not_the_count_decides() -> None:
    assert TABLE.threshold(1e-5) == 0.6, "ten errors in a million may be twenty"
    assert TABLE.threshold(2e-5) == 0.5
    assert TABLE.threshold(1.49e-4) == 0.5
    assert TABLE.threshold(1.0) == 0.4


def test_what_is_finer_than_the_measurement_is_refused() -> None:
    assert TABLE.finest == 4e-6
    for fmr in (3.99e-6, 0.0, -1.0, float("nan")):
        for threshold in (TABLE.threshold, TABLE.run_threshold):
            with pytest.raises(CalibrationError, match=r"^x: .*1,000,000 pairs support 4e-06"):
                threshold(fmr)


def test_where_runs_were_measured_less_they_get_their_strictest() -> None:
    assert TABLE.run_threshold(1e-3) == 0.55
    assert TABLE.run_threshold(5e-6) == 0.65
    assert Calibration("x", FRAMES, FRAMES).run_threshold(5e-6) == 0.6
    looser = Curve(100_000, (Point(0, 0.3, 4e-5),))
    assert Calibration("x", FRAMES, looser).run_threshold(1e-3) == 0.4, "never below the frames'"


@pytest.mark.parametrize(
    "change",
    [
        {"points": []},
        {"points": [{"errors": 0, "threshold": 1.5, "bound": 0.1}]},
        {"points": [{"errors": 0, "threshold": 0.5, "bound": 1e-9}]},
        {"points": [{"errors": 50, "threshold": 0.5, "bound": 1e-5}]},
        {"points": [{"errors": 0, "threshold": 0.5}]},
        {
            "points": [
                {"errors": 1, "threshold": 0.4, "bound": 0.1},
                {"errors": 2, "threshold": 0.5, "bound": 0.2},
            ]
        },
        {
            "points": [
                {"errors": 1, "threshold": 0.5, "bound": 0.2},
                {"errors": 2, "threshold": 0.4, "bound": 0.1},
            ]
        },
        {"pairs": "many"},
        {"pairs": 0},
    ],
)
@pytest.mark.parametrize("curve", ["frames", "runs"])
def test_a_damaged_file_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curve: str, change: dict[str, Any]
) -> None:
    table = json.loads((calibration.FOLDER / "dlib-resnet-v1.json").read_text())
    table["model"] = "changed"
    (tmp_path / "whole.json").write_text(json.dumps(table))
    table[curve] |= change
    (tmp_path / "changed.json").write_text(json.dumps(table))
    monkeypatch.setattr(calibration, "FOLDER", tmp_path)
    assert calibration_for("whole").frames.pairs
    with pytest.raises(CalibrationError, match="damaged calibration"):
        calibration_for("changed")
    calibration_for.cache_clear()


def test_a_name_does_not_lead_out_of_the_folder() -> None:
    with pytest.raises(CalibrationError):
        calibration_for("../../../../etc/passwd")
