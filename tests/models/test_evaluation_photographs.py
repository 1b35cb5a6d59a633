# SPDX-License-Identifier: MIT
"""Photographs before faces: always of somebody else, over the face, and passed by a face alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.evaluation import photographs
from models.evaluation.datasets import Sample
from models.face import Box, Face, Image
from models.liveness.passive import Description, PassiveModel
from tests.models.tiny import affine

FACE = Face(Box(40, 40, 40, 50), photographs.NO_POINTS, 1.0)
RED, BLUE = (0, 0, 200), (200, 0, 0)


def person(folder: Path, name: str, colour: tuple[int, int, int]) -> Sample:
    image = np.full((140, 120, 3), 90, np.uint8)
    image[30:110, 30:90] = colour
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), image)
    return Sample(path, True, "", "cam", name, name, "fullframe", FACE.box)


@pytest.mark.parametrize("width", photographs.WIDTHS)
def test_a_paste_covers_the_middle_of_the_face_and_no_more_than_asked(
    tmp_path: Path, width: float
) -> None:
    holder, victim = person(tmp_path, "a", RED), person(tmp_path, "b", BLUE)
    image = photographs._pasted(holder, victim, width, np.random.default_rng(0))
    assert tuple(image[65, 60]) == BLUE, "the middle of the holder's face is still seen"
    assert tuple(image[2, 2]) == (90, 90, 90)
    blue = (image == BLUE).all(axis=2).any(axis=0).sum()
    assert blue == pytest.approx(width * FACE.box.width, abs=2)


def test_nobody_holds_their_own_photograph(tmp_path: Path) -> None:
    people = [person(tmp_path, name, RED) for name in "abc"]
    rng = np.random.default_rng(0)
    for holder in people * 5:
        assert photographs._other(people, holder, rng).subject != holder.subject


def test_only_a_single_face_that_is_called_live_counts_as_passed() -> None:
    def model(name: str, blue: float) -> PassiveModel:
        table = {"id": name, "input": {"size": 8}, "crop": 1.0, "output": "logits", "live": 1}
        weights = np.array([[0, 0, 0], [blue, 0, 0]])
        about = Description.read({**table, "threshold": 0.5}, name)
        return PassiveModel(about, affine(weights, np.array([0.0, -1.0])))

    image: Image = np.full((140, 120, 3), 100, np.uint8)
    found = [("paste", image, [FACE]), ("paste", image, [FACE, FACE]), ("paste", image, [])]
    text = photographs.table(
        iter(found), [model("open", 1.0), model("shut", 0.0)], model("rival", 1.0)
    )
    passed, refused = "33.3 [0.8–90.6] of 3", "0.0 [0.0–70.8] of 3"
    assert "| attack | open | shut | together | rival |" in text
    assert f"| paste | {passed} | {refused} | {refused} | {passed} |" in text
