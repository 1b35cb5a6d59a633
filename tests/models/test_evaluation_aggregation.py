# SPDX-License-Identifier: MIT
"""Rules for a run of frames: one dip costs the strict ones a live face, one peak buys nothing."""

import numpy as np

from models.evaluation.aggregation import RULES, table

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
