# SPDX-License-Identifier: MIT
"""The observer: what is measured on which face, and what is left out."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from models.engine import Engine
from models.face import Box, Face, Image
from models.liveness.passive import Description, PassiveModel
from models.observer import Observer
from models.preprocessing import Preprocessing
from models.recognition.alignment import TEMPLATE
from tests.models.tiny import affine

IMAGE = np.full((240, 320, 3), 90, np.uint8)


@dataclass
class Seen:
    """A detector and embedder that remembers whom it embedded."""

    faces: list[Face]
    glimpsed: list[Face] = field(default_factory=list)
    dimension: int = 2
    embedded: list[Face] = field(default_factory=list)
    once: list[bool] = field(default_factory=list)

    def detect(self, _image: Image) -> list[Face]:
        return self.faces

    def follow(self, _image: Image, _before: Face) -> list[Face]:
        return self.glimpsed

    def embed(self, _image: Image, face: Face, once: bool = False) -> NDArray[np.float32]:
        self.embedded.append(face)
        self.once.append(once)
        return np.array([1, 0], np.float32)


def face(width: float, x: float = 50) -> Face:
    scale = width / 112
    return Face(Box(x, 60, width, width), TEMPLATE * np.float32(scale) + np.float32(x), 0.9)


def live() -> PassiveModel:
    about = Description("tiny", Preprocessing(8), 2.7, "probabilities", 1, 0.5)
    return PassiveModel(about, affine(np.zeros((2, 3)), np.array([0.25, 0.75])))


def observer(*faces: Face) -> tuple[Observer, Seen]:
    seen = Seen(list(faces))
    return Observer(Engine("fake", "fake-1", seen, seen), [live()], 60), seen


def test_one_face_is_measured_whole() -> None:
    wanted = face(100)
    watcher, seen = observer(face(30, x=200), wanted)
    seen_frame = watcher.observe(IMAGE, 3, 0.1, embed=True, liveness=True)
    assert (seen_frame.index, seen_frame.at, seen_frame.size) == (3, 0.1, (320, 240))
    assert (seen_frame.faces, seen_frame.small) == (1, 1)
    assert seen_frame.box == wanted.box
    assert seen_frame.landmarks is wanted.landmarks
    assert seen_frame.brightness == pytest.approx(90, abs=0.1)
    assert seen.embedded == [wanted], "identity is judged on the face that is reported"
    assert seen_frame.embedding is not None and seen_frame.embedding.tolist() == [1, 0]
    assert seen_frame.liveness == {"tiny": pytest.approx(0.75)}


def test_the_dear_parts_are_left_out_when_not_asked_for() -> None:
    watcher, seen = observer(face(100))
    frame = watcher.observe(IMAGE, 0, 0.0, embed=False, liveness=False)
    assert frame.faces == 1 and frame.embedding is None and frame.liveness == {}
    assert not seen.embedded


@pytest.mark.parametrize("widths", [(), (59.9,), (100, 60), (100, 100, 20)])
def test_nothing_is_judged_without_exactly_one_usable_face(widths: tuple[float, ...]) -> None:
    watcher, seen = observer(*(face(width) for width in widths))
    frame = watcher.observe(IMAGE, 0, 0.0, embed=True, liveness=True)
    usable = sum(width >= 60 for width in widths)
    assert (frame.faces, frame.small) == (usable, len(widths) - usable)
    assert frame.box is None and frame.landmarks is None
    assert frame.embedding is None and frame.liveness == {}
    assert frame.brightness == pytest.approx(90, abs=0.1)
    assert not seen.embedded


@pytest.mark.parametrize(("share", "faces"), [(1.0, 1), (0.75, 1), (0.6, 2), (0.3, 2)])
def test_landmarks_of_a_photograph_before_the_face_are_a_second_face(
    share: float, faces: int
) -> None:
    """The template's eyes are 0.36 of its height above its mouth."""
    whole = face(100)
    centre = np.float32(50 + 50)
    shrunk = Face(whole.box, (whole.landmarks - centre) * np.float32(share) + centre, 0.9)
    watcher, seen = observer(shrunk)
    frame = watcher.observe(IMAGE, 0, 0.0, embed=True, liveness=True)
    assert (frame.faces, frame.small) == (faces, 0)
    assert bool(seen.embedded) is (frame.box is not None) is (faces == 1)


def test_a_face_at_the_same_place_is_followed() -> None:
    watcher, seen = observer()
    seen.glimpsed = [face(30, x=200), face(102, x=52)]
    look = watcher.follow(IMAGE, 3, 0.1, face(100))
    assert look is not None and look.face is seen.glimpsed[1]
    assert (look.observation.index, look.observation.at) == (3, 0.1)
    assert (look.observation.faces, look.observation.small) == (1, 1)
    assert look.observation.box == seen.glimpsed[1].box
    assert look.observation.embedding is None and not seen.embedded


@pytest.mark.parametrize(
    "glimpsed",
    [
        pytest.param([], id="nobody"),
        pytest.param([face(59)], id="too small"),
        pytest.param([face(100, x=150)], id="elsewhere"),
        pytest.param([face(100), face(100, x=180)], id="two"),
        pytest.param([face(100), face(61, x=200)], id="a smaller one beside it"),
    ],
)
def test_anything_else_calls_for_a_thorough_look(glimpsed: list[Face]) -> None:
    watcher, seen = observer()
    seen.glimpsed = glimpsed
    assert watcher.follow(IMAGE, 3, 0.1, face(100)) is None
