# SPDX-License-Identifier: MIT
"""How good a recognition engine is, by ISO/IEC 19795-1.

FMR, FNMR  of comparisons: strangers taken for one person, a person taken for two
FTA        frames in which no face could be measured
FTE        people (or recorded sessions) of whom no template could be made
FAR, FRR   of transactions, failures included (the standard's *generalised* rates: who could not be
           enrolled is refused, too)

at thresholds of two kinds: *measured*, the lowest with at most the wanted FMR in these data, and
*calibrated*, what a policy with this ``fmr`` uses; there, FAR and FRR of recorded sessions are of
what Verify decides, by a run's frames and by its mean. FMRs that fewer than ``LEAST_ERRORS`` errors
would show are not reported as measured.

Intervals are Clopper and Pearson's, which take comparisons for independent. The comparisons of
one person are not, so FNMR has a second one, by bootstrap over people.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.engine import Engine
from models.evaluation import pairs, people, trials
from models.evaluation.attempts import decided
from models.evaluation.datasets import DatasetError
from models.evaluation.embeddings import Cache, Frames, Progress, measure
from models.evaluation.rates import EqualErrorRate, Rate
from models.evaluation.trials import LEVELS, Probes, Scores, Trial, level_of, threshold_of
from models.recognition.calibration import CalibrationError, calibration_for

LEAST_ERRORS = 10  # with so many, the 95 % interval reaches from half to twice the rate
WANTED = (1e-2, 1e-3, 1e-4, 1e-5)
RESAMPLES = 2000
SEED = 1  # of the bootstrap, so that the same data give the same figures
DET_STEPS = 100  # points of the curve, evenly spread over the decades of FMR
BINS = 100  # of the histograms, over cosines of -1 to 1


@dataclass(frozen=True)
class Point:
    """The rates at one threshold; ``by_person`` is FNMR's interval over people, if it has one."""

    wanted: float
    kind: str  # "measured" or "calibrated"
    threshold: float
    fmr: Rate
    fnmr: Rate
    by_person: tuple[float, float] | None
    far: Rate
    frr: Rate


@dataclass(frozen=True)
class DetPoint:
    """One point of the curve of detection error trade-off."""

    threshold: float
    fmr: float
    fnmr: float


@dataclass(frozen=True, eq=False)
class Report:
    """One engine on one set.

    test                what was compared with what, in words
    frames              images, or frames of clips; ``fta`` are those that failed, ``failures`` why
    genuine, impostors  (BINS,) counts of comparisons over cosines of -1 to 1
    eer                 None where there are no comparisons of both kinds
    """

    engine: str
    model: str
    test: str
    people: int
    fta: Rate
    fte: Rate
    failures: Mapping[str, int]
    eer: EqualErrorRate | None
    points: Sequence[Point]
    det: Sequence[DetPoint]
    genuine: NDArray[np.int64]
    impostors: NDArray[np.int64]

    @property
    def comparisons(self) -> tuple[int, int]:
        """How many comparisons were genuine, and of impostors."""
        return int(self.genuine.sum()), int(self.impostors.sum())


@dataclass(frozen=True, eq=False)
class Test:
    """What to compare: the files, whose they are, and how scores come from what was measured."""

    __test__ = False  # pytest takes any class Test… for its own

    words: str
    files: Sequence[tuple[str, tuple[Path, ...]]]  # (person, files of one session)
    compare: Callable[[Probes, NDArray[np.intp]], Trial]  # (probes, session of each) -> scores


def of_folder(folder: Path) -> Test:
    """The test that a folder of people asks for. DatasetError."""
    found = people.read(folder)
    files = [(session.person, session.files) for session in found.sessions]
    if found.recorded:
        words = f"each session's template against the runs of {trials.RUN} frames of all others"
        return Test(words, files, trials.sessions)
    return Test("every two images", files, lambda probes, _: trials.every_pair(probes))


def of_pairs(file: Path, images: Path, *, cross: bool) -> Test:
    """The test of a list of pairs; ``cross`` takes impostors from all its images. DatasetError."""
    listed = pairs.read(file, images)
    pictures = pairs.pictures(listed)
    number = {picture: index for index, picture in enumerate(pictures)}
    indices = [(number[pair.first], number[pair.second]) for pair in listed]
    words = "the pairs of the list"
    if cross:
        words = "genuine: the list's pairs; impostors: every two images of different people in it"
    return Test(
        words,
        [(picture.person, (picture.path,)) for picture in pictures],
        lambda probes, _: trials.listed_pairs(probes, indices, cross=cross),
    )


def probes_of(
    test: Test, engine: Engine, cache: Cache, progress: Progress = lambda *_: None
) -> tuple[Probes, NDArray[np.intp], Counter[str]]:
    """What was measured of a test's files, the session of each frame, and why frames failed.

    DatasetError where there is no face in them at all.
    """
    measured = measure(engine, (path for _, files in test.files for path in files), cache, progress)
    frames: list[Frames] = []
    owners: list[str] = []
    numbers: list[int] = []
    for number, (person, files) in enumerate(test.files):
        for path in files:
            frames.append(measured[path])
            owners += [person] * len(measured[path].failures)
            numbers += [number] * len(measured[path].failures)
    failures = np.concatenate([one.failures for one in frames])
    if not (failures == "").any():
        why = Counter(failures.tolist()).most_common(1)[0][0]
        raise DatasetError(f"no face could be measured in any of {len(failures)} frames: {why}")
    probes = Probes(
        np.array(owners),
        np.concatenate([one.vectors for one in frames]),
        np.concatenate([one.measures for one in frames]),
        failures == "",
    )
    return probes, np.array(numbers, np.intp), Counter(failures[failures != ""].tolist())


def evaluate(
    test: Test, engine: Engine, cache: Cache, progress: Progress = lambda *_: None
) -> Report:
    """One engine's report on a test. DatasetError."""
    probes, session, failures = probes_of(test, engine, cache, progress)
    trial = test.compare(probes, session)
    made = trial.comparisons
    return Report(
        engine=engine.name,
        model=engine.model,
        test=test.words,
        people=len(set(probes.people.tolist())),
        fta=Rate(failures.total(), len(probes.people)),
        fte=trial.enrolment,
        failures=failures,
        eer=equal_error_rate(made),
        points=points(trial, engine.model),
        det=det(made),
        genuine=_histogram(np.bincount(made.genuine, minlength=LEVELS)),
        impostors=_histogram(made.impostors),
    )


def points(trial: Trial, model: str) -> list[Point]:
    """The rates at the measured and at the calibrated thresholds, as far as the data reach."""
    found = []
    for wanted in WANTED:
        level = measured_level(trial.comparisons, wanted)
        if level is not None:
            found.append(_point(trial, wanted, "measured", level))
        try:
            calibration = calibration_for(model)
            frame, run = calibration.threshold(wanted), calibration.run_threshold(wanted)
        except CalibrationError:
            continue
        point = _point(trial, wanted, "calibrated", level_of(frame))
        if trial.attempts:
            far, frr = decided(trial.attempts, level_of(frame), level_of(run))
            point = replace(point, far=far, frr=frr)
        found.append(point)
    return found


def measured_level(scores: Scores, wanted: float) -> int | None:
    """The lowest level that at most ``wanted`` of the impostors reach.

    None where so small a share is fewer than ``LEAST_ERRORS`` of them.
    """
    allowed = int(wanted * scores.impostors.sum() + 1e-9)
    if allowed < LEAST_ERRORS:
        return None
    reaching = np.cumsum(scores.impostors[::-1])[::-1]
    return int(np.argmax(np.append(reaching, 0) <= allowed))


def _point(trial: Trial, wanted: float, kind: str, level: int) -> Point:
    made, tried = trial.comparisons, trial.transactions
    return Point(
        wanted,
        kind,
        threshold_of(level),
        fmr=accepted(made, level),
        fnmr=refused(made, level),
        by_person=bootstrap(made, level),
        far=accepted(tried, level),
        frr=refused(tried, level),
    )


def accepted(scores: Scores, level: int) -> Rate:
    """The impostors that reach a level."""
    return Rate(int(scores.impostors[level:].sum()), int(scores.impostors.sum()))


def refused(scores: Scores, level: int) -> Rate:
    """The genuine scores that do not."""
    return Rate(int((scores.genuine < level).sum()), len(scores.genuine))


def bootstrap(scores: Scores, level: int) -> tuple[float, float] | None:
    """The 95 % interval of the share refused, people drawn again and again with replacement.

    None with fewer than two people. Where nobody, or everybody, was refused, it is a point: more
    people of the same kind tell nothing else.
    """
    names, index = np.unique(scores.people, return_inverse=True)
    if len(names) < 2:
        return None
    trials_of = np.bincount(index)
    errors_of = np.bincount(index[scores.genuine < level], minlength=len(names))
    chance = np.random.default_rng(SEED)
    drawn = chance.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    low, high = np.quantile((drawn @ errors_of) / (drawn @ trials_of), (0.025, 0.975))
    return float(low), float(high)


def equal_error_rate(scores: Scores) -> EqualErrorRate | None:
    """Where FMR and FNMR meet; their mean where they are nearest."""
    if not scores.genuine.size or not scores.impostors.any():
        return None
    fmr, fnmr = _curves(scores)
    best = int(np.argmin(np.abs(fmr - fnmr)))
    return EqualErrorRate(float(fmr[best] + fnmr[best]) / 2, threshold_of(best))


def det(scores: Scores) -> list[DetPoint]:
    """Points of the curve, from FMR 1 to the smallest that was measured."""
    if not scores.genuine.size or not scores.impostors.any():
        return []
    fmr, fnmr = _curves(scores)
    wanted = np.geomspace(1 / scores.impostors.sum(), 1, DET_STEPS)
    # FMR falls with the level, so search it backwards for the lowest level that is low enough.
    steps = len(fmr) - np.searchsorted(fmr[::-1], wanted * (1 + 1e-9), side="right")
    return [DetPoint(threshold_of(k), float(fmr[k]), float(fnmr[k])) for k in np.unique(steps)]


def _curves(scores: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """FMR and FNMR at each level, (LEVELS + 1,)."""
    genuine = np.bincount(scores.genuine, minlength=LEVELS)
    below = np.concatenate([[0], np.cumsum(genuine)]) / genuine.sum()
    reaching = np.append(np.cumsum(scores.impostors[::-1])[::-1], 0) / scores.impostors.sum()
    return reaching, below


def _histogram(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(counts.reshape(BINS, -1).sum(axis=1), np.int64)
