# SPDX-License-Identifier: MIT
"""verify and identify: every result has its word and its status, and only a match is a success."""

import json
from typing import Any

import pytest

from cli.exits import SCANNED, Exit
from faceauthd.results import Result
from tests.cli.conftest import Run

TO_ALL = {"frames": 14, "milliseconds": 812, "reason": "a face was refused"}
TO_ROOT = {
    **TO_ALL,
    "score": 0.71,
    "threshold": 0.62,
    "liveness": {"minifasnet-v2": 0.98},
    "face": "8d2f0a11",
    "label": "office",
}


@pytest.mark.parametrize("result", Result)
def test_only_a_match_is_a_success(result: Result, daemon: Any, faceauth: Run) -> None:
    daemon.verify.return_value = (result.value, TO_ALL)
    outcome = faceauth("verify", "alice")
    expected = (
        Exit.DONE if result == "match" else Exit.NO if result in SCANNED else Exit.UNAVAILABLE
    )
    assert outcome.status == expected
    assert outcome.out.startswith(f"{result} (a face was refused)\n")
    assert outcome.err == ""


@pytest.mark.parametrize("word", ["", "Match", "match ", "matched", "yes"])
def test_a_word_that_is_not_known_is_no_success(word: str, daemon: Any, faceauth: Run) -> None:
    daemon.verify.return_value = (word, {})
    assert faceauth("verify", "alice").status == Exit.UNAVAILABLE


def test_what_every_refusal_without_a_scan_is() -> None:
    refused = {result for result in Result if result.judged_refusal}
    assert refused < SCANNED
    assert Result.MATCH not in SCANNED
    assert Result.ERROR not in SCANNED


def test_scores_are_shown_to_whom_the_daemon_tells_them(daemon: Any, faceauth: Run) -> None:
    daemon.verify.return_value = ("match", TO_ROOT)
    out = faceauth("verify", "alice", "-s", "sudo").out
    assert "0.710 against 0.620" in out
    assert "812 ms" in out
    assert "minifasnet-v2 0.980" in out
    daemon.verify.return_value = ("match", TO_ALL)
    assert "score" not in faceauth("verify", "alice").out
    assert daemon.verify.call_args_list[0].kwargs["service"] == "sudo"


def test_json_holds_everything_and_nothing_else(daemon: Any, faceauth: Run) -> None:
    daemon.verify.return_value = ("no-match", TO_ROOT)
    outcome = faceauth("verify", "alice", "--json")
    assert outcome.status == Exit.NO
    assert json.loads(outcome.out) == {"user": "alice", "result": "no-match", **TO_ROOT}


def test_identify_says_who(daemon: Any, faceauth: Run) -> None:
    daemon.identify.return_value = ("match", "alice", TO_ROOT)
    outcome = faceauth("identify")
    assert outcome.status == Exit.DONE
    assert outcome.out.startswith("match: alice")
    daemon.identify.return_value = ("no-match", "", TO_ALL)
    outcome = faceauth("identify", "--json")
    assert outcome.status == Exit.NO
    assert json.loads(outcome.out) == {"user": "", "result": "no-match", **TO_ALL}
