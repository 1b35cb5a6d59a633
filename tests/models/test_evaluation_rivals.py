# SPDX-License-Identifier: MIT
"""Measuring beside others: nobody's network is judged by what it saw, and tables say what is so."""

from pathlib import Path

import numpy as np

from models.evaluation import leave_out, liveness_table, personal, rivals
from models.evaluation.datasets import Sample
from models.evaluation.liveness import Scored
from models.face import Box
from models.liveness.passive import load_passive_models
from tests.harness.data import SHARED, needs


def sample(source: str, session: str, frame: int, *, live: bool, view: str = "crop") -> Sample:
    path = Path(f"{source}-{session}-{live}-{frame:03}.png")
    return Sample(path, live, "" if live else "print", source, "p", session, view, Box(0, 0, 9, 9))


def frames(source: str, session: str, count: int, *, live: bool) -> list[Sample]:
    return [sample(source, session, frame, live=live) for frame in range(count)]


def test_folds_keep_an_owners_sources_together_and_use_everything() -> None:
    sources = ["vf-apfol", "Apfol", "vf-manikantha", "Manikantha-M", "nuaa", "pourfard"]
    samples = [one for source in sources for one in frames(source, "s", 9, live=True)]
    folds = leave_out._folds(samples, 4)
    of = {one.source: int(fold) for one, fold in zip(samples, folds, strict=True)}
    assert of["vf-apfol"] == of["Apfol"]
    assert of["vf-manikantha"] == of["Manikantha-M"]
    assert set(of.values()) == {0, 1, 2, 3}
    for one, fold in zip(samples, folds, strict=True):
        assert of[one.source] == fold, "a source on both sides"


def test_the_tutorials_variation_keeps_size_and_varies() -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    first = leave_out.varied(image, np.random.default_rng(1))
    assert first.shape == image.shape
    assert np.array_equal(first, leave_out.varied(image, np.random.default_rng(1)))
    assert not np.array_equal(first, leave_out.varied(image, np.random.default_rng(2)))


def two_kinds(sessions: str, count: int) -> list[Sample]:
    return [
        one
        for live in (True, False)
        for session in sessions
        for one in frames("s", f"{session}{live}", count, live=live)
    ]


def test_a_head_is_judged_by_other_recordings() -> None:
    samples = two_kinds("abc", 10)
    (source,) = personal.sources(samples, 4, 2)
    assert source.apart
    parts = [{one.session for one in part} for part in source.parts]
    assert [len(part) for part in parts] == [2, 2, 2]
    assert set.union(*parts) == {one.session for one in samples}


def test_or_by_a_later_part_of_the_only_one() -> None:
    (source,) = personal.sources(two_kinds("a", 20), 4, 2)
    assert not source.apart
    first, second = source.parts
    assert len(first) == len(second) == 18
    assert max(one.path for one in first if one.live) < min(one.path for one in second if one.live)
    (in_thirds,) = personal.sources(two_kinds("ab", 20), 3, 3)
    assert (len(in_thirds.parts), in_thirds.apart) == (3, False)


def test_too_few_images_tell_nothing() -> None:
    assert not list(personal.sources(two_kinds("abc", 6), 4, 2))


def test_the_table_has_a_row_for_each_model_and_denies_together() -> None:
    samples = [
        sample("nuaa", f"{n}{live}", n, live=live, view="fullframe")
        for live in (True, False)
        for n in range(10)
    ]
    good = [Scored(one, 0.9 if one.live else 0.1) for one in samples]
    blind = [Scored(one, 0.9) for one in samples]
    found = {"good": [(good, 0.5)], "blind": [(blind, 0.5)], "both": [(good, 0.5), (blind, 0.5)]}
    rows = liveness_table.reports(found, "fullframe")
    lines = liveness_table.overall(rows, "decisions").splitlines()
    assert [line.split(" | ")[0].lstrip("| ") for line in lines[2:]] == ["good", "blind", "both"]
    assert ["100.0 [69.2–100.0] of 10" in line for line in lines[2:]] == [False, True, False]
    assert "| nuaa | 0.0 / 0.0 (0.0) | 100.0 / 0.0 (50.0) | 0.0 / 0.0 (0.0) |" in (
        liveness_table.by_source(rows, "frames")
    )


@needs("models/minifas-celebaspoof")
@needs("models/minifasnet")
def test_rivals_run_and_never_vote() -> None:
    models_dir = SHARED / "models"
    ids = {rivals.minifasnet(models_dir).id, rivals.celebaspoof(models_dir).id}
    assert ids == {"minifasnet-v2", "minifas-celebaspoof"}
    assert "minifas-celebaspoof" not in [one.id for one in load_passive_models(models_dir)]
