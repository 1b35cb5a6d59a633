# SPDX-License-Identifier: MIT
"""Error rates and how sure we may be of them.

Liveness (ISO/IEC 30107-3): a score is the probability 0-1 that the face is live, and a
presentation is taken for bona fide where ``score >= threshold``.

- APCER: share of attack presentations of ONE species taken for bona fide; the figure for several
  species is that of the worst of them, never a mean over them.
- BPCER: share of bona fide presentations taken for attacks.

Recognition (ISO/IEC 19795-1): a score is a similarity, and two faces are taken for the same
person where ``similarity >= threshold``; FMR and FNMR are per comparison.

Each rate carries its Clopper-Pearson interval, which treats the trials as independent. Frames of
one video are not, so the intervals of rates per frame are too narrow; those per decision, and
over many people, say more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """``errors`` of ``trials``."""

    errors: int
    trials: int

    @property
    def value(self) -> float:
        """The share, 0-1; nan where nothing was tried."""
        return self.errors / self.trials if self.trials else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Clopper-Pearson interval."""
        return clopper_pearson(self.errors, self.trials)


@dataclass(frozen=True)
class EqualErrorRate:
    """Where APCER and BPCER (or FMR and FNMR) meet: the rate 0-1 and the threshold there."""

    value: float
    threshold: float


def clopper_pearson(errors: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact binomial interval of ``errors / trials``; (0, 1) where nothing was tried."""
    if not 0 <= errors <= trials:
        raise ValueError(f"{errors} errors in {trials} trials make no sense")
    tail = (1 - confidence) / 2
    lower, upper = 0.0, 1.0
    if errors > 0:
        lower = _beta_quantile(tail, errors, trials - errors + 1)
    if errors < trials:
        upper = _beta_quantile(1 - tail, errors + 1, trials - errors)
    return lower, upper


def apcer(attacks: ArrayLike, threshold: float) -> Rate:
    """Of these attacks, which must all be of one species, those taken for bona fide."""
    return _share(_scores(attacks) >= threshold)


def bpcer(live: ArrayLike, threshold: float) -> Rate:
    """Of these bona fide presentations, those taken for attacks."""
    return _share(_scores(live) < threshold)


def worst_apcer(species: Mapping[str, ArrayLike], threshold: float) -> tuple[str, Rate]:
    """The species with the highest APCER, and that rate. ValueError where there is no species."""
    if not species:
        raise ValueError("no attack species to judge")
    rates = {name: apcer(attacks, threshold) for name, attacks in species.items()}
    name = max(rates, key=lambda key: rates[key].value)
    return name, rates[name]


def acer(species: Mapping[str, ArrayLike], live: ArrayLike, threshold: float) -> float:
    """Mean of the worst species' APCER and of BPCER: usual in papers, no part of the standard."""
    return (worst_apcer(species, threshold)[1].value + bpcer(live, threshold).value) / 2


def fmr(impostors: ArrayLike, threshold: float) -> Rate:
    """Of these comparisons of two people, those taken for one person."""
    return _share(_scores(impostors) >= threshold)


def fnmr(genuine: ArrayLike, threshold: float) -> Rate:
    """Of these comparisons of a person with themself, those taken for two people."""
    return _share(_scores(genuine) < threshold)


def equal_error_rate(positives: ArrayLike, negatives: ArrayLike) -> EqualErrorRate:
    """Where as large a share of positives is refused as of negatives is accepted.

    Positives are bona fide (or genuine) scores, negatives are attacks' (or impostors'). With
    finite data the two step past each other; the value is their mean at the threshold where they
    are nearest. ValueError where either is empty.
    """
    wanted, unwanted = np.sort(_scores(positives)), np.sort(_scores(negatives))
    if not wanted.size or not unwanted.size:
        raise ValueError("an equal error rate needs scores of both kinds")
    thresholds = np.append(np.unique(np.concatenate([wanted, unwanted])), np.inf)
    refused = np.searchsorted(wanted, thresholds, side="left") / wanted.size
    accepted = 1 - np.searchsorted(unwanted, thresholds, side="left") / unwanted.size
    best = int(np.argmin(np.abs(refused - accepted)))
    return EqualErrorRate(float(refused[best] + accepted[best]) / 2, float(thresholds[best]))


def threshold_at(negatives: ArrayLike, share: float) -> float:
    """The lowest threshold that accepts at most ``share`` (0-1) of the negatives.

    It lies just above a score that must be refused. ValueError where there are no negatives.
    """
    unwanted = np.sort(_scores(negatives))[::-1]
    if not unwanted.size:
        raise ValueError("no scores to set a threshold by")
    allowed = math.floor(share * unwanted.size + 1e-9)
    if allowed >= unwanted.size:
        return -math.inf
    return float(np.nextafter(unwanted[allowed], np.inf))


def bpcer_at(
    live: ArrayLike, species: Mapping[str, ArrayLike], attack_share: float = 0.05
) -> tuple[Rate, float]:
    """BPCER and threshold where no species' APCER exceeds ``attack_share`` (BPCER20: 5 %)."""
    threshold = max(threshold_at(attacks, attack_share) for attacks in species.values())
    return bpcer(live, threshold), threshold


def decisions(frames: Sequence[float] | Scores, run: int) -> Scores:
    """Scores of whole decisions from those of one recording's frames, in their order.

    Verify judges a run of frames by the lower median of its scores (half of the frames, or more,
    are as good); here each ``run`` frames that follow one another make one decision. What is left
    at the end is dropped, except that a recording shorter than a run makes one decision. Returns
    (decisions,) float64.
    """
    if run < 1:
        raise ValueError("a decision needs at least one frame")
    scores = _scores(frames)
    if not scores.size:
        return scores
    whole = max(len(scores) // run, 1)
    runs = [scores[i * run : (i + 1) * run] for i in range(whole)]
    return np.array([np.sort(part)[(len(part) - 1) // 2] for part in runs])


def _scores(values: ArrayLike) -> Scores:
    scores = np.asarray(values, dtype=np.float64).ravel()
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    return scores


def _share(wrong: NDArray[np.bool_]) -> Rate:
    return Rate(int(wrong.sum()), int(wrong.size))


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """x with I_x(a, b) = probability, by bisection (the function rises with x)."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _beta_regularised(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_regularised(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    # The fraction converges fast on one side of the mean; the other side is its mirror image.
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_regularised(1 - x, b, a)
    log_front = (
        a * math.log(x)
        + b * math.log1p(-x)
        + math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        - math.log(a)
    )
    return math.exp(log_front) * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction (DLMF 8.17.22)."""
    tiny = 1e-300
    numerator, denominator = 1.0, 1 - (a + b) * x / (a + 1)
    denominator = 1 / (denominator if abs(denominator) > tiny else tiny)
    fraction = denominator
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            denominator = 1 + term * denominator
            denominator = 1 / (denominator if abs(denominator) > tiny else tiny)
            numerator = 1 + term / numerator
            numerator = numerator if abs(numerator) > tiny else tiny
            fraction *= numerator * denominator
        if abs(numerator * denominator - 1) < 1e-14:
            break
    return fraction
