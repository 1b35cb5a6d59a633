# SPDX-License-Identifier: MIT
"""Rules for a run of frames: one dip costs the strict ones a live face, one peak buys nothing."""

from pathlib import Path

import numpy as np

from models.evaluation.aggregation import RULES, table, thresholds
from models.evaluation.datasets import Sample
from models.evaluation.liveness import Scored

DIP = np.array([0.9] * 9 + [0.0])
PEAKS = np.array([0.2] * 8 + [1.0] * 2)


def test_what_each_rule_makes_of_a_dip_and_of_peaks() -> None:
    passed = {name: (rule(DIP) >= 0.4, rule(PEAKS) >= 0.4) for name, rule in RULES.items()}
    assert passed == {
        "every frame": (False, False),
        "all but one": (True, False),
        "lower quartile": (True, False),
        "lower median": (True, False),
        "mean": (True, False),
        "mean of log odds": (True, True),
    }


def test_the_table_counts_runs_by_kind() -> None:
    lines = table([(True, DIP), (True, PEAKS), (False, PEAKS), (False, PEAKS)], 0.5).splitlines()
    strict = next(line for line in lines if "every frame" in line)
    assert strict.startswith("| every frame | 100.0 | 0.0 |")
    median = next(line for line in lines if "lower median" in line)
    assert median.startswith("| lower median | 50.0 | 0.0 |")


def test_a_higher_threshold_refuses_more_and_passes_less() -> None:
    scores = {"": (0.15, 0.55, 0.95), "print": (0.05, 0.35), "phone": (0.85,)}
    frames = [
        Scored(Sample(Path(f"{kind}{n}"), not kind, kind, "s", "p", f"{kind}{n}", "", None), score)
        for kind, values in scores.items()
        for n, score in enumerate(values)
    ]
    rows = {line.split(" | ")[0]: line for line in thresholds(frames).splitlines()}
    assert rows["| 0.2"].count("33.3 [") == 2, "one live face of three, frame and decision"
    assert rows["| 0.2"].count("of 1 (phone)") == 2
    assert rows["| 0.9"].count("66.7 [") == 2
    assert "100.0 [2.5–100.0] of 1 (phone)" not in rows["| 0.9"]
