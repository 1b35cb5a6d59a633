# SPDX-License-Identifier: MIT
"""Frames, galleries and thresholds that make no sense end a session in an error, never a match."""

import numpy as np
import pytest

from faceauthd.results import Result
from faceauthd.sessions import Template
from models.face import Box
from tests.faceauthd.frames import ALICE, BOB, DIMENSION, Change, frame, template
from tests.faceauthd.matching import verify


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"at": 0.0}, "the frames' times do not increase"),
        ({"index": 0}, "the frames' times do not increase"),
        ({"at": float("nan")}, "a frame's measures are not finite"),
        ({"brightness": float("inf")}, "a frame's measures are not finite"),
        ({"faces": -1}, "a frame has a negative number of faces"),
        ({"box": None}, "a face has no box"),
        ({"box": Box(0, 0, float("nan"), 10)}, "a face has no box"),
        ({"box": Box(0, 0, -10, -10)}, "a face has no box"),
        ({"embedding": ALICE[:4]}, "an embedding's dimension is not the templates'; enrol again"),
        ({"embedding": ALICE * 3}, "an embedding's length is not 1"),
        ({"embedding": np.full(DIMENSION, np.nan, np.float32)}, "an embedding's length is not 1"),
        ({"embedding": np.zeros(DIMENSION, np.float32)}, "an embedding's length is not 1"),
        ({"liveness": {}}, "liveness model m gave no probability"),
        ({"liveness": {"m": 1.5}}, "liveness model m gave no probability"),
        ({"liveness": {"m": float("nan")}}, "liveness model m gave no probability"),
    ],
)
def test_a_frame_without_sense_is_an_error(second: Change, reason: str) -> None:
    session = verify(frames=2)
    assert session.feed(frame(0)) is None
    verdict = session.feed(frame(1, second))
    assert verdict is not None
    assert (verdict.result, verdict.reason) == (Result.ERROR, reason)


@pytest.mark.parametrize(
    ("gallery", "reason"),
    [
        ([], "there is no template to compare with"),
        ([Template("1", "alice", "", np.empty((0, 0), np.float32))], "there is no template"),
        (
            [template(ALICE, "alice"), template(ALICE[:4], "alice")],
            "the templates are of different",
        ),
        ([template(ALICE * 2, "alice")], "a template is damaged: its length is not 1"),
        ([template(np.full(DIMENSION, np.inf, np.float32), "alice")], "a template is damaged"),
        ([template(ALICE, "alice"), template(BOB, "bob")], "the templates are of several users"),
    ],
)
def test_a_gallery_without_sense_is_an_error_at_once(gallery: list[Template], reason: str) -> None:
    session = verify(gallery)
    assert session.verdict is not None
    assert session.verdict.result is Result.ERROR
    assert session.verdict.reason.startswith(reason)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1, float("nan")])
def test_a_threshold_that_lets_everybody_in_is_an_error_at_once(threshold: float) -> None:
    session = verify(threshold=threshold)
    assert session.verdict is not None
    assert session.verdict.reason == "the threshold is no similarity that could refuse"
