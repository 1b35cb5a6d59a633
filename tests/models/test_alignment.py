# SPDX-License-Identifier: MIT
"""Alignment: it undoes any turn, scale and shift, and refuses what has none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.recognition.alignment import SIZE, TEMPLATE, aligned, similarity, unit


@settings(deadline=None)
@given(
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(0.05, 20),
    x=st.floats(-1000, 1000),
    y=st.floats(-1000, 1000),
)
def test_finds_the_similarity_that_made_the_points(
    angle: float, scale: float, x: float, y: float
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (TEMPLATE @ turn.T + (x, y)).astype(np.float32)
    matrix = similarity(moved, TEMPLATE)
    back = moved @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(back - TEMPLATE).max() < 0.05


def test_never_mirrors() -> None:
    mirrored = TEMPLATE * (-1, 1)
    assert np.linalg.det(similarity(mirrored.astype(np.float32), TEMPLATE)[:, :2]) > 0


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0, 8.0])
def test_the_face_is_the_same_at_any_size(scale: float) -> None:
    """A large face must be averaged down: skipped pixels would be noise in the embedding."""
    rng = np.random.default_rng(3)
    face = cv2.resize(rng.integers(0, 256, (28, 28, 3), dtype=np.uint8), (SIZE, SIZE))
    size = round(SIZE * scale)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(face, (size, size), interpolation=way)
    noisy = np.clip(picture + rng.normal(0, 20, picture.shape) * (scale > 2), 0, 255)
    landmarks = ((TEMPLATE + 0.5) * scale - 0.5).astype(np.float32)
    result = aligned(noisy.astype(np.uint8), landmarks)
    assert result.shape == (SIZE, SIZE, 3) and result.dtype == np.uint8
    inner = np.abs(result.astype(float) - face)[8:-8, 8:-8]
    assert inner.mean() < 12


@pytest.mark.parametrize("scale", [1.0, 3.0, 4.6, 9.0])
@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_what_is_at_a_place_of_the_face_stays_there(scale: float, turn: float) -> None:
    """To a tenth of a pixel: the middle of a soft spot, at the tip of the nose."""
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    landmarks = (TEMPLATE - SIZE / 2) @ rotation.T + scale * SIZE
    columns, rows = np.meshgrid(*[np.arange(round(2 * scale * SIZE))] * 2)
    away = (columns - landmarks[2, 0]) ** 2 + (rows - landmarks[2, 1]) ** 2
    picture = np.rint(255 * np.exp(-away / (2 * (5 * scale) ** 2))).astype(np.uint8)
    found = aligned(picture, landmarks.astype(np.float32)).astype(float)
    columns, rows = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    middle = [(found * columns).sum() / found.sum(), (found * rows).sum() / found.sum()]
    assert np.abs(middle - TEMPLATE[2]).max() < 0.1


@pytest.mark.parametrize("value", [5.0, np.nan, np.inf])
def test_refuses_points_without_extent(value: float) -> None:
    with pytest.raises(ModelError, match="cannot be aligned"):
        similarity(np.full((5, 2), value, np.float32), TEMPLATE)


def test_refuses_points_that_no_similarity_brings_near() -> None:
    square = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    with pytest.raises(ModelError, match="nothing like a face"):
        similarity(square, square * np.array([1, -1], np.float32))


@pytest.mark.parametrize("scale", [1.0, 4.6, 9.0])
@pytest.mark.parametrize("turn", [0.0, 0.4, np.pi])
def test_what_lies_beyond_the_picture_is_black(scale: float, turn: float) -> None:
    """Of a grey picture that shows the upper half of a face alone, however large and turned."""
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([scale * SIZE, 0])  # the picture's upper edge crosses the face's middle
    landmarks = ((TEMPLATE - SIZE / 2) @ rotation.T + middle).astype(np.float32)
    picture = np.full((round(2 * scale * SIZE), round(2 * scale * SIZE), 3), 200, np.uint8)
    across = np.array([np.sin(turn), np.cos(turn)])  # the picture's downward axis, in the face
    columns, rows = np.meshgrid(*[np.arange(SIZE) + 0.5 - SIZE / 2] * 2)
    depth = columns * across[0] + rows * across[1]
    result = aligned(picture, landmarks)
    assert (result[depth > 2] == 200).all()
    assert (result[depth < -2] == 0).all()


def test_landmarks_far_beyond_the_picture_show_nothing() -> None:
    picture = np.full((48, 64, 3), 200, np.uint8)
    assert aligned(picture, TEMPLATE * 20 + np.float32(1e4)).max() == 0


@pytest.mark.parametrize("times", [1e3, 1e18, 1e36])
def test_a_picture_of_a_face_without_end_has_an_end(times: float) -> None:
    picture = np.full((48, 64, 3), 200, np.uint8)
    assert aligned(picture, TEMPLATE * np.float32(times)).shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_refuses_a_vector_without_direction(value: float) -> None:
    with pytest.raises(ModelError, match="no direction"):
        unit(np.full(128, value, np.float32))
    assert np.linalg.norm(unit(np.full(128, 3, np.float32))) == pytest.approx(1)
