# SPDX-License-Identifier: MIT
"""Recognition's error rates, on embeddings whose rates are known or can be counted one by one."""

import itertools
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.evaluation import attempts, gates, rates, recognition, trials
from models.evaluation.datasets import DatasetError
from models.evaluation.embeddings import Cache
from models.evaluation.page import page
from models.evaluation.rates import Rate
from models.evaluation.recognition_text import as_json, facts, rows, share
from models.evaluation.trials import LEVELS, Probes, Scores, level_of, levels, threshold_of
from models.recognition.calibration import calibration_for
from tests.models.painted import BLACK, BLUE, GREEN, RED, engine, paint


def probes(people: list[str], vectors: NDArray[np.float32], failed: Collection[int] = ()) -> Probes:
    acquired = np.array([index not in failed for index in range(len(people))])
    measures = np.tile(np.arange(len(people), dtype=np.float32)[:, None], (1, 4))
    return Probes(np.array(people), vectors * acquired[:, None], measures, acquired)


def crowd(people: int, each: int, noise: float = 0.4, seed: int = 3) -> Probes:
    """Random people, each a direction, and images near it."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(people, 1, 16))
    vectors = (centres + noise * chance.normal(size=(people, each, 16))).reshape(-1, 16)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return probes([f"p{n:03}" for n in range(people) for _ in range(each)], vectors.astype("f4"))


def one_by_one(given: Probes, threshold: float) -> tuple[Rate, Rate, Rate, Rate]:
    """FMR, FNMR, FAR, FRR by looking at every pair."""
    made: dict[bool, list[bool]] = {True: [], False: []}
    tried: dict[bool, list[bool]] = {True: [], False: []}
    for a, b in itertools.combinations(range(len(given.people)), 2):
        same = bool(given.people[a] == given.people[b])
        ready = bool(given.acquired[a] and given.acquired[b])
        accepted = ready and float(given.vectors[a] @ given.vectors[b]) >= threshold
        if ready:
            made[same].append(accepted)
        tried[same].append(accepted)
    return (
        Rate(sum(made[False]), len(made[False])),
        Rate(made[True].count(False), len(made[True])),
        Rate(sum(tried[False]), len(tried[False])),
        Rate(tried[True].count(False), len(tried[True])),
    )


def counted(trial: trials.Trial, level: int) -> tuple[Rate, Rate, Rate, Rate]:
    made, tried = trial.comparisons, trial.transactions
    return (
        recognition.accepted(made, level),
        recognition.refused(made, level),
        recognition.accepted(tried, level),
        recognition.refused(tried, level),
    )


@pytest.mark.parametrize("block", [1, 7, 256])
def test_every_pair_is_counted_once(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "BLOCK", block)
    everyone = crowd(9, 4)
    everyone = everyone.without(np.isin(np.arange(36), [0, 1, 2, 3, 9, 30]))
    trial = trials.every_pair(everyone)
    for level in (level_of(0.2), level_of(0.6), level_of(0.9)):
        assert counted(trial, level) == one_by_one(everyone, threshold_of(level))
    assert trial.enrolment == Rate(1, 9)  # p000, none of whose images could be used


def test_listed_pairs_and_their_failures() -> None:
    east, north = np.eye(3, dtype=np.float32)[:2]
    given = probes(["a", "a", "b", "b", "c"], np.stack([east, east, north, east, north]), {4})
    pairs = [(0, 1), (2, 3), (0, 2), (0, 3), (0, 4)]
    trial = trials.listed_pairs(given, pairs, cross=False)
    expected = Rate(1, 2), Rate(1, 2), Rate(1, 3), Rate(1, 2)
    assert counted(trial, level_of(0.5)) == expected
    crossed = trials.listed_pairs(given, pairs, cross=True)
    assert counted(crossed, level_of(0.5)) == (Rate(2, 4), Rate(1, 2), Rate(2, 8), Rate(1, 2))
    failing = trials.listed_pairs(given.without(np.arange(5) == 1), pairs, cross=False)
    assert counted(failing, level_of(0.5))[1::2] == (Rate(1, 1), Rate(2, 2))


def test_sessions_are_enrolled_and_verified_in_runs() -> None:
    """Of a's second session one frame is b's, so only a run of two succeeds."""
    a, b = np.eye(2, dtype=np.float32)
    vectors = np.stack([a, a, a, a, b, a, b, b])
    people = ["a"] * 6 + ["b"] * 2
    session = np.array([0, 0, 1, 1, 1, 1, 2, 2])
    short = trials.sessions(probes(people, vectors), session, run=2)
    assert counted(short, level_of(0.9)) == (Rate(1, 10), Rate(1, 6), Rate(0, 4), Rate(0, 2))
    long = trials.sessions(probes(people, vectors), session, run=3)
    assert counted(long, level_of(0.9))[2:] == (Rate(0, 4), Rate(1, 2))


def test_the_mean_of_a_run_decides_too() -> None:
    """A stranger who is 0.8 like the template in each frame, and once by chance, once always."""
    me, *others = np.eye(4, dtype=np.float32)
    by_chance = [0.8 * me + 0.6 * other for other in others[:2]]
    always = [0.8 * me + 0.6 * others[2]] * 2
    vectors = np.stack([me, me, *by_chance, *always]).astype(np.float32)
    people = ["a", "a", "a", "a", "b", "b"]
    trial = trials.sessions(probes(people, vectors), np.array([0, 0, 1, 1, 2, 2]), run=2)
    first = trial.attempts[2]  # session 1 shown to the template of session 0
    assert first.genuine and first.runs.shape == (1, 2)
    assert threshold_of(int(first.runs[0, 0])) == pytest.approx(0.8, abs=1e-4)
    assert threshold_of(int(first.runs[0, 1])) == pytest.approx(0.8 / np.sqrt(0.82), abs=1e-4)
    frame = level_of(0.79)
    lenient, strict = level_of(0.79), level_of(0.85)
    assert attempts.decided(trial.attempts[2:5:2], frame, lenient) == (Rate(1, 1), Rate(0, 1))
    assert attempts.decided(trial.attempts[2:5:2], frame, strict) == (Rate(0, 1), Rate(0, 1))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=12))
def test_runs_that_are_left_out_change_no_decision(runs: list[tuple[int, int]]) -> None:
    everything = np.array(runs, np.int64).reshape(-1, 2)
    kept = attempts.best_runs(everything[:, 0], everything[:, 1])
    assert len(kept) <= len(everything)
    for frame, run in itertools.product(range(11), repeat=2):
        given_levels = attempts.Attempt(True, everything).succeeds(frame, run)
        assert attempts.Attempt(True, kept).succeeds(frame, run) is given_levels


def test_a_session_without_a_template_refuses_its_owner() -> None:
    a, b = np.eye(2, dtype=np.float32)
    given = probes(["a", "a", "b"], np.stack([a, a, b]), failed={0})
    trial = trials.sessions(given, np.array([0, 1, 2]), run=1)
    assert trial.enrolment == Rate(1, 3)
    assert counted(trial, level_of(0.5)) == (Rate(0, 2), Rate(0, 0), Rate(0, 4), Rate(2, 2))


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 6))
def test_best_run(scores: list[int], run: int) -> None:
    length = min(run, len(scores))
    windows = [scores[i : i + length] for i in range(len(scores) - length + 1) if length]
    expected = max((min(window) for window in windows), default=0)
    assert trials.best_run(np.array(scores, np.int64), run) == expected


@given(st.floats(-0.9999, 0.9999))
def test_a_threshold_is_never_loosened(threshold: float) -> None:
    level = level_of(threshold)
    assert threshold - 1e-9 <= threshold_of(level) <= threshold + 1.0001e-5
    assert levels(threshold_of(level)) == level


def test_measured_thresholds_are_the_lowest_that_hold() -> None:
    scores = trials.every_pair(crowd(120, 3)).comparisons
    level = recognition.measured_level(scores, 1e-3)
    assert level is not None
    assert recognition.accepted(scores, level).value <= 1e-3
    assert recognition.accepted(scores, level - 1).value > 1e-3
    assert recognition.measured_level(scores, 1e-4) is None  # 6 errors of 63,000 would show it


def test_points_are_measured_and_calibrated() -> None:
    trial = trials.every_pair(crowd(120, 3))
    found = recognition.points(trial, "mobilefacenet-v1")
    assert {(one.wanted, one.kind) for one in found} >= {(1e-3, "measured"), (1e-4, "calibrated")}
    assert (1e-4, "measured") not in {(one.wanted, one.kind) for one in found}
    policy = next(one for one in found if (one.wanted, one.kind) == (1e-4, "calibrated"))
    shipped = calibration_for("mobilefacenet-v1").threshold(1e-4)
    assert shipped <= policy.threshold <= shipped + 1e-5
    unknown = recognition.points(trial, "nobody-measured-this")
    assert {one.kind for one in unknown} == {"measured"}


def test_bootstrap_draws_people_and_not_comparisons() -> None:
    """One person of twenty is always refused: over people that is far less certain."""
    levels_ = np.where(np.arange(2000) < 100, 10, 100)
    people = np.array([f"p{n // 100}" for n in range(2000)])
    scores = Scores(levels_, people, np.zeros(LEVELS, np.int64))
    interval = recognition.bootstrap(scores, 50)
    assert interval is not None
    low, high = interval
    counted_low, counted_high = recognition.refused(scores, 50).interval
    assert low == 0.0 < counted_low < 0.05 < counted_high < high <= 0.2
    assert recognition.bootstrap(scores, 50) == interval
    alone = Scores(levels_, np.full(2000, "p"), scores.impostors)
    assert recognition.bootstrap(alone, 50) is None


def test_det_and_eer() -> None:
    everyone = crowd(60, 3, noise=0.8)
    scores = trials.every_pair(everyone).comparisons
    curve = recognition.det(scores)
    assert [point.fmr for point in curve] == sorted((p.fmr for p in curve), reverse=True)
    assert [point.fnmr for point in curve] == sorted(point.fnmr for point in curve)
    for point in curve[:: len(curve) // 5]:
        exact = one_by_one(everyone, point.threshold)
        assert (point.fmr, point.fnmr) == (exact[0].value, exact[1].value)
    first, second = np.triu_indices(180, 1)
    same = everyone.people[first] == everyone.people[second]
    cosines = (everyone.vectors @ everyone.vectors.T)[first, second]
    exactly = rates.equal_error_rate(cosines[same], cosines[~same])
    found = recognition.equal_error_rate(scores)
    assert found is not None
    assert found.value == pytest.approx(exactly.value, abs=1e-3)
    assert found.threshold == pytest.approx(exactly.threshold, abs=1e-3)


def test_a_gate_refuses_the_worst_images() -> None:
    """The worst fifth by every measure is noise, which a gate at a fifth takes away."""
    everyone = crowd(50, 4)
    chance = np.random.default_rng(1).normal(size=(40, 16))
    everyone.vectors[:40] = chance / np.linalg.norm(chance, axis=1, keepdims=True)
    found = list(gates.gates(everyone, trials.every_pair, fmr=1e-2))
    assert found[0].name == "no gate"
    widths = [gate for gate in found if gate.name == "width at least"]
    assert [gate.refused.errors for gate in widths] == [10, 20, 40]
    assert widths[-1].fnmr.value < 0.5 * found[0].fnmr.value
    assert widths[-1].limit == pytest.approx(39.8)
    assert widths[-1].fnmr.trials == 240


def test_a_folder_of_people_end_to_end(tmp_path: Path) -> None:
    for name, colours in {"ann": [RED, RED, BLACK], "bob": [GREEN, GREEN], "eve": [BLACK]}.items():
        for number, colour in enumerate(colours):
            paint(tmp_path / name / f"{number}.png", colour)
    (tmp_path / "bob" / "broken.jpg").write_bytes(b"not an image")
    (tmp_path / "bob" / "empty.png").write_bytes(b"")
    one, _ = engine("mobilefacenet-v1")
    report = recognition.evaluate(recognition.of_folder(tmp_path), one, Cache(None, one))
    assert report.failures == {"no face": 2, "unreadable": 2}
    assert (report.fta, report.fte) == (Rate(4, 8), Rate(1, 3))
    assert report.comparisons == (2, 4)
    point = next(one for one in report.points if one.kind == "calibrated")
    assert (point.fmr, point.fnmr) == (Rate(0, 4), Rate(0, 2))
    assert (point.far, point.frr) == (Rate(0, 19), Rate(7, 9))

    assert "FTA 50.0 % [15.7, 84.3] of 8 (2 no face, 2 unreadable)" in facts(report)
    assert any("77.8 %" in cell for cell in rows([report])[0])
    json = as_json(report)
    assert json["fte"]["errors"] == 1
    assert sum(json["scores"]["impostor"]) == 4
    html = page("<title>", [report])
    assert "&lt;title&gt;" in html
    assert html.count("<svg") == 2


def test_nobody_at_all_is_one_line(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        paint(tmp_path / name / "1.png", BLACK)
    one, _ = engine()
    with pytest.raises(DatasetError, match="no face could be measured in any of 2 frames: no face"):
        recognition.evaluate(recognition.of_folder(tmp_path), one, Cache(None, one))


def test_recorded_sessions_end_to_end(tmp_path: Path) -> None:
    for name, colour in {"ann": RED, "bob": BLUE}.items():
        for session, number in itertools.product(("monday", "tuesday"), range(12)):
            paint(tmp_path / name / session / f"{number}.png", colour)
    one, _ = engine("mobilefacenet-v1")
    report = recognition.evaluate(recognition.of_folder(tmp_path), one, Cache(None, one))
    point = next(one for one in report.points if one.kind == "calibrated")
    assert (point.fmr, point.fnmr) == (Rate(0, 96), Rate(0, 48))
    assert (point.far, point.frr) == (Rate(0, 8), Rate(0, 4))
    assert "runs of 10 frames" in report.test


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Rate(0, 0), "–"),
        (Rate(1, 10), "10.0 % [0.3, 44.5] of 10"),
        (Rate(0, 100_000), "0 [0, 3.7e-05] of 100,000"),
    ],
)
def test_rates_in_words(rate: Rate, text: str) -> None:
    assert share(rate) == text
