# SPDX-License-Identifier: MIT
"""A split divides no recording, spares a test where it can, and keeps a person on one side."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.datasets import DatasetError, Sample
from models.evaluation.rates import equal_error_rate
from models.liveness.splitting import Split, split
from tests.models.recorded import recording

KINDS = ("", "print", "phone")


def parts(found: Split) -> tuple[list[Sample], ...]:
    return found.train, found.validation, found.test


def sessions(samples: Sequence[Sample]) -> set[tuple[str, str]]:
    return {(one.source, one.session) for one in samples}


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(KINDS), st.integers(1, 30)),
        min_size=1,
        max_size=24,
    ),
    st.integers(0, 99),
)
def test_it_divides_no_recording_and_loses_nothing(
    shape: list[tuple[str, str, int]], seed: int
) -> None:
    samples = [
        one
        for index, (source, kind, frames) in enumerate(shape)
        for one in recording(source, f"s{index}", frames, live=not kind, species=kind)
    ]
    try:
        found = split(samples, seed)
    except DatasetError as error:
        assert "are left for" in str(error)
        return
    sides = [sessions(part) for part in parts(found)]
    units = sides if found.unit == "session" else [{(s, "") for s, _ in side} for side in sides]
    assert sum(map(len, units)) == len(set.union(*units))
    assert sorted(one.path for part in parts(found) for one in part) == sorted(
        one.path for one in samples
    )
    for part in (found.train, found.validation, found.test or found.train):
        assert {one.live for one in part} == {True, False}
    assert found == split(samples, seed)


def recorded(per_kind: int, kinds: Sequence[str] = KINDS, source: str = "cam") -> list[Sample]:
    return [
        one
        for kind in kinds
        for number in range(per_kind)
        for one in recording(source, f"{kind}{number}", 10, live=not kind, species=kind)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_with_three_of_each_there_is_a_test_and_training_has_each_species(seed: int) -> None:
    found = split(recorded(3), seed)
    assert [sorted({one.species for one in part}) for part in parts(found)] == [sorted(KINDS)] * 3
    assert [len(part) for part in parts(found)] == [30, 30, 30]


def test_with_two_of_each_what_chooses_also_judges() -> None:
    found = split(recorded(2), 0)
    assert not found.test
    assert found.judged == found.validation
    assert [len(part) for part in parts(found)] == [30, 30, 0]


def test_what_chooses_nothing_trains_on_all_that_does_not_judge() -> None:
    two, three = (split(recorded(count), 0) for count in (2, 3))
    assert [len(part) for part in parts(two.without_choice())] == [30, 0, 30]
    assert two.without_choice().test == two.validation
    assert [len(part) for part in parts(three.without_choice())] == [60, 0, 30]
    assert three.without_choice().test == three.test


def test_one_recording_of_each_species_still_trains() -> None:
    samples = recorded(2, [""]) + recorded(1, ["print", "phone"])
    found = split(samples, 0)
    assert {one.species for one in found.train} | {one.species for one in found.validation} == {
        *KINDS
    }


def test_one_recording_of_a_kind_cannot_be_split() -> None:
    with pytest.raises(DatasetError, match="at least 2 sessions"):
        split(recorded(1, ["", "print"]), 0)


def test_many_sources_are_split_by_source() -> None:
    samples = [one for name in "abcdef" for one in recorded(1, KINDS, name)]
    found = split(samples, 0)
    assert found.unit == "source"
    sources = [{one.source for one in part} for part in parts(found)]
    assert all(sources)
    assert sum(map(len, sources)) == 6


def test_one_person_at_many_cameras_is_split_by_camera() -> None:
    samples = [one for name in "abcd" for one in recorded(1, KINDS, name)]
    assert {one.subject for one in samples} == {"p"}
    assert split(samples, 0).unit == "source"


def test_sources_of_one_person_stay_together() -> None:
    samples = [
        replace(one, subject="ann" if name in "ab" else name)
        for name in "abcdefg"
        for one in recorded(1, KINDS, name)
    ]
    for seed in range(10):
        sides = [{one.source for one in part} for part in parts(split(samples, seed))]
        assert all(side >= {"a", "b"} or not side & {"a", "b"} for side in sides)


def memory(train: Sequence[Sample], judged: Sequence[Sample], looks: dict[str, int]) -> float:
    """The error of the best memory there is: a frame is what most like it were in training."""
    known: dict[int, list[bool]] = {}
    for one in train:
        known.setdefault(looks[one.path.name], []).append(one.live)
    live, attacks = (
        [np.mean(known.get(looks[one.path.name], [0.5])) for one in judged if one.live == kind]
        for kind in (True, False)
    )
    return equal_error_rate(live, attacks).value


def test_a_signal_of_the_session_alone_is_worth_nothing_across_the_split() -> None:
    """Each recording looks like itself alone. By frames that is remembered, by recordings not."""
    samples = recorded(8, ["", "print"])
    looks = {one.path.name: hash(one.session) for one in samples}
    found = split(samples, 3)
    assert memory(found.train, found.judged, looks) == 0.5
    shuffled = np.random.default_rng(0).permutation(len(samples))
    by_frame = [samples[index] for index in shuffled]
    assert memory(by_frame[:80], by_frame[80:], looks) == 0.0
