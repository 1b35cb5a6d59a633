# SPDX-License-Identifier: MIT
"""``make bench`` measures, with real data and without; and it tells of a promise that is broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import __main__ as bench
from tests.bench import person
from tests.bench.ratios import ratios
from tests.bench.table import as_text
from tests.bench.times import in_turns


def test_it_measures(capsys: pytest.CaptureFixture[str]) -> None:
    """Once each: that it measures, not what."""
    assert bench.main(["--json", "--runs", "1", "--idle", "0", "--sizes", "10"]) == 0
    figures = json.loads(capsys.readouterr().out)
    for name in (
        "floor",
        "PAM module without a bus",
        "nobody enrolled",
        "login, camera in real time",
        "login, frames as fast as they come",
        "howdy's way",
        "faceauth --help",
        "daemon until it answers",
    ):
        assert figures[name]["failed"] == 0, name
        assert figures[name]["p50"] > 0
    assert figures["stages"]["embedding"] > figures["stages"]["deciding"] > 0
    assert figures["memory"]["worker"] > figures["memory"]["daemon, worker let go"] > 0
    assert figures["galleries"]["10"]["identification, each frame"] > 0
    assert "| floor |" in as_text(figures)


def test_without_real_data_it_is_a_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(person, "SHARED", tmp_path / "nothing")
    somebody = person.person(tmp_path)
    assert not somebody.live
    with person.rigged(somebody, paced=False) as rig:
        assert person.accepted(rig)


def test_a_run_that_failed_is_counted_and_not_timed() -> None:
    turns = iter([True, False, True])
    (figures,) = in_turns(3, {"work": lambda: next(turns)}).values()
    assert figures["failed"] == 1 and figures["max"] >= figures["p50"] > 0
    assert in_turns(2, {"work": lambda: False}) == {"work": {"failed": 2}}


def told(**medians: float) -> list[dict[str, Any]]:
    return ratios({name.replace("_", " "): {"p50": value} for name, value in medians.items()})


def test_a_promise_that_is_broken_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By figures that were made up: 61 ms more than the floor miss the goal, 200 break it."""
    for more, reached, broken in ((59, True, False), (61, False, False), (200, False, True)):
        (one,) = told(floor=5, nobody_enrolled=5 + more)
        assert (one["value"], one["reached"], one["broken"]) == (more, reached, broken)
        monkeypatch.setattr(bench, "measure", lambda *_, one=one: {"ratios": [one]})
        assert bench.main(["--json", "--guard"]) == (1 if broken else 0)
        assert ("slower than it was" in capsys.readouterr().err) is broken
        assert bench.main(["--json"]) == 0
