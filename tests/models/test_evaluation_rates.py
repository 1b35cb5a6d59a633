# SPDX-License-Identifier: MIT
"""Error rates against values known from elsewhere."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import rates

scores = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    [
        # The rule of three's exact form: 1 - 0.025 ** (1 / n).
        (0, 10, 0.0, 0.30849710781876083),
        (10, 10, 0.6915028921812392, 1.0),
        # SciPy: beta.ppf(0.025, k, n - k + 1), beta.ppf(0.975, k + 1, n - k)
        (1, 10, 0.002528578544461, 0.445016117028195),
        (5, 50, 0.0332750935890224, 0.2181353664342022),
    ],
)
def test_clopper_pearson_known_values(errors: int, trials: int, low: float, high: float) -> None:
    assert rates.clopper_pearson(errors, trials) == pytest.approx((low, high), abs=1e-9)


def test_clopper_pearson_with_millions_of_trials() -> None:
    low, high = rates.clopper_pearson(920, 9_200_000)
    # Many trials: close to the normal approximation of a Poisson count of 920.
    assert low == pytest.approx((920 - 1.96 * math.sqrt(920)) / 9.2e6, rel=5e-3)
    assert high == pytest.approx((920 + 1.96 * math.sqrt(920)) / 9.2e6, rel=5e-3)


@given(st.integers(0, 60), st.integers(1, 60))
def test_clopper_pearson_holds_its_level(errors: int, trials: int) -> None:
    """At each bound, what was seen or worse has a chance of 2.5 %: the interval's definition."""
    errors = min(errors, trials)
    low, high = rates.clopper_pearson(errors, trials)

    def chance(upto: int, p: float) -> float:
        return sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(upto + 1))

    if errors < trials:
        assert chance(errors, high) == pytest.approx(0.025, abs=1e-9)
    if errors > 0:
        assert 1 - chance(errors - 1, low) == pytest.approx(0.025, abs=1e-9)


def test_nothing_tried_says_nothing() -> None:
    rate = rates.Rate(0, 0)
    assert math.isnan(rate.value)
    assert rate.interval == (0.0, 1.0)


def test_impossible_count_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 errors in 2 trials"):
        rates.clopper_pearson(3, 2)


def test_a_score_at_the_threshold_is_live() -> None:
    assert rates.apcer([0.2, 0.5, 0.9], 0.5) == rates.Rate(2, 3)
    assert rates.bpcer([0.2, 0.5, 0.9], 0.5) == rates.Rate(1, 3)
    assert rates.fmr([0.2, 0.5], 0.5) == rates.Rate(1, 2)
    assert rates.fnmr([0.2, 0.5], 0.5) == rates.Rate(1, 2)


def test_the_worst_species_decides() -> None:
    attacks = {"print": [0.1, 0.2, 0.9], "phone": [0.8, 0.9]}
    assert rates.worst_apcer(attacks, 0.5) == ("phone", rates.Rate(2, 2))
    assert rates.acer(attacks, [0.9, 0.4], 0.5) == pytest.approx((1 + 0.5) / 2)


def test_equal_error_rate_known_value() -> None:
    # One of four live below, one of four attacks above any threshold in (0.4, 0.6].
    found = rates.equal_error_rate([0.3, 0.7, 0.8, 0.9], [0.1, 0.2, 0.4, 0.6])
    assert found.value == pytest.approx(0.25)
    assert 0.4 < found.threshold <= 0.6


def test_equal_error_rate_extremes() -> None:
    assert rates.equal_error_rate([0.8, 0.9], [0.1, 0.2]).value == 0.0
    assert rates.equal_error_rate([0.1, 0.2], [0.8, 0.9]).value == 1.0
    assert rates.equal_error_rate([0.5] * 3, [0.5] * 7).value == pytest.approx(0.5)


@given(scores, scores)
def test_equal_error_rate_is_where_both_rates_meet(live: list[float], attack: list[float]) -> None:
    found = rates.equal_error_rate(live, attack)
    refused = rates.bpcer(live, found.threshold).value
    accepted = rates.apcer(attack, found.threshold).value
    assert found.value == pytest.approx((refused + accepted) / 2)
    gaps = [
        abs(rates.bpcer(live, at).value - rates.apcer(attack, at).value)
        for at in [*live, *attack, 2.0]
    ]
    assert abs(refused - accepted) <= min(gaps) + 1e-12


@given(scores, st.floats(0, 0.99))
def test_threshold_accepts_no_more_than_allowed(attack: list[float], share: float) -> None:
    threshold = rates.threshold_at(attack, share)
    assert rates.apcer(attack, threshold).value <= share + 1e-9
    # And it is the lowest such: one step down, at the score that it must refuse, is too low.
    assert rates.apcer(attack, float(np.nextafter(threshold, -1))).value > share


def test_bpcer_at_a_given_apcer_uses_the_worst_species() -> None:
    attacks = {"print": np.linspace(0, 0.2, 20), "phone": np.linspace(0, 0.6, 20)}
    rate, threshold = rates.bpcer_at([0.1, 0.58, 0.9, 0.95], attacks, 0.05)
    assert rates.apcer(attacks["phone"], threshold) == rates.Rate(1, 20)
    assert rate == rates.Rate(1, 4)


def test_decisions_are_lower_medians_of_whole_runs() -> None:
    frames = [0.0, 1.0, 1.0, 0.2, 0.2, 0.9, 0.5]
    assert rates.decisions(frames, 3).tolist() == [1.0, 0.2]  # the seventh frame is dropped
    assert rates.decisions(frames[:2], 3).tolist() == [0.0]  # too short: still one decision
    assert rates.decisions([], 3).size == 0


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        rates.apcer([0.1, math.nan], 0.5)
