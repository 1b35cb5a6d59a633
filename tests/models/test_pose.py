# SPDX-License-Identifier: MIT
"""Poses: what a flat picture cannot change, and what a head that moves does."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detection.points68 import FacePoints, nod, openness
from models.detection.yunet import YuNetDetector
from models.errors import ModelError
from models.face import Box, Face, Image
from models.pose import Pose, skewed, turn
from models.poser import Poser, load_poser
from models.recognition.alignment import TEMPLATE
from models.registry import model
from tests.harness.clips import frames
from tests.harness.data import SHARED, needs

MODELS = SHARED / "models"
CLIP = SHARED / "video" / "genuine" / "krzysiek354_real.mp4"
# Frames of CLIP: he looks at the camera, turns to his left, to his right, and bends his head.
AHEAD, LEFT, RIGHT, BENT = 5, 43, 58, 96

NUMBER = st.floats(-100, 100)


@given(
    st.lists(NUMBER, min_size=8, max_size=8),
    st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    st.tuples(NUMBER, NUMBER),
)
def test_an_affine_map_leaves_skewed_coordinates_as_they_are(
    numbers: list[float], matrix: list[float], shift: tuple[float, float]
) -> None:
    origin, right, down, point = np.array(numbers).reshape(4, 2)
    linear = np.array(matrix).reshape(2, 2)
    area = abs(np.cross(np.append(right, 0), np.append(down - origin, 0))[2])
    if area < 1 or abs(np.linalg.det(linear)) < 0.05:
        return
    mapped = [linear @ one + shift for one in (origin, down, point)]
    before = skewed(origin, right, down, point)
    after = skewed(mapped[0], linear @ right, mapped[1], mapped[2])
    assert after == pytest.approx(before, rel=1e-4, abs=1e-4)


def test_points_on_a_line_say_nothing() -> None:
    line = [np.array([float(x), 0.0]) for x in range(4)]
    assert skewed(line[0], line[1], line[2], line[3]) == (0.0, 0.0)


def test_who_turns_to_their_own_left_turns_to_the_image_s_right() -> None:
    turned = TEMPLATE.copy()
    turned[2, 0] += 10
    assert turn(turned) > turn(TEMPLATE) + 0.2
    assert abs(turn(TEMPLATE)) < 0.05


@pytest.fixture(scope="module")
def poser() -> Poser:
    found = load_poser("mobilefacenet", Path("/nonexistent"))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def detector() -> YuNetDetector:
    return YuNetDetector(model("yunet"), MODELS)


@pytest.fixture(scope="module")
def seen() -> dict[int, Image]:
    wanted = (AHEAD, LEFT, RIGHT, BENT)
    return {at: image for at, image in enumerate(frames(CLIP)) if at in wanted}


def face_in(image: Image, detector: YuNetDetector) -> Face:
    (face,) = detector.detect(image)
    return face


@needs("video")
@needs("models")
def test_a_head_that_moves_is_seen_to(
    seen: dict[int, Image], poser: Poser, detector: YuNetDetector
) -> None:
    poses = {at: poser.measure(image, face_in(image, detector)) for at, image in seen.items()}
    ahead = poses[AHEAD]
    assert abs(ahead.turn) < 0.1
    assert poses[LEFT].turn > ahead.turn + 0.35
    assert poses[RIGHT].turn < ahead.turn - 0.35
    assert poses[BENT].nod > ahead.nod + 0.12
    assert min(pose.eyes for pose in poses.values()) > 0.6 * ahead.eyes, "he has them open"


def tilted(picture: Image, about: str, degrees: float) -> Image:
    """The picture as a card 18 cm high, 50 cm from the camera, turned about an axis of its own."""
    height, width = picture.shape[:2]
    half = np.array([0.09 * width / height, 0.09])
    corners = np.array([[x, y] for x, y in itertools.product((-1, 1), (-1, 1))]) * half
    angle = np.radians(degrees)
    axis, other = (0, 1) if about == "vertical" else (1, 0)
    space = np.zeros((4, 3))
    space[:, axis], space[:, other] = corners[:, axis] * np.cos(angle), corners[:, other]
    space[:, 2] = 0.5 + corners[:, axis] * np.sin(angle)
    there = space[:, :2] / space[:, 2:] * 600 + (320, 240)
    here = (corners / half + 1) / 2 * (width - 1, height - 1)
    warp = cv2.getPerspectiveTransform(here.astype(np.float32), there.astype(np.float32))
    return np.asarray(
        cv2.warpPerspective(picture, warp, (640, 480), borderValue=(120, 120, 120)), np.uint8
    )


def cards(picture: Image) -> Iterator[tuple[str, float, Image]]:
    for about, degrees in itertools.product(("vertical", "horizontal"), (-40, -20, 20, 40)):
        yield about, degrees, tilted(picture, about, degrees)


@needs("video")
@needs("models")
def test_a_photograph_that_is_turned_and_tilted_makes_no_movement(
    seen: dict[int, Image], poser: Poser, detector: YuNetDetector
) -> None:
    box = face_in(seen[AHEAD], detector).box
    left, top = round(box.x - box.width / 2), max(round(box.y - box.height / 3), 0)
    picture = seen[AHEAD][top : top + round(1.6 * box.height), left : left + round(2 * box.width)]
    straight = tilted(picture, "vertical", 0)
    ahead = poser.measure(straight, face_in(straight, detector))
    for about, degrees, image in cards(picture):
        pose = poser.measure(image, face_in(image, detector))
        assert abs(pose.turn - ahead.turn) < 0.125, (about, degrees)
        assert abs(pose.nod - ahead.nod) < 0.1, (about, degrees)
        assert pose.eyes > 0.6 * ahead.eyes, (about, degrees)


def eye(points: NDArray[np.float32], number: int, gap: float) -> None:
    """Put an eye, whose lids are so far apart, into the points."""
    x = 30 if number == 36 else 70
    lids = [(-10, 0), (-4, -gap / 2), (4, -gap / 2), (10, 0), (4, gap / 2), (-4, gap / 2)]
    points[number : number + 6] = [(x + dx, 40 + dy) for dx, dy in lids]


def test_lids_and_the_tip_of_the_nose_are_measured_by_the_face_s_height() -> None:
    points = np.zeros((68, 2), np.float32)
    eye(points, 36, 6)
    eye(points, 42, 8)
    points[30], points[33] = (50, 68), (50, 80)
    assert nod(points) == pytest.approx(28 / 40)
    assert openness(points) == pytest.approx(7 / 40)
    # Tilted, it is less high and no less open.
    assert openness(points * (1, 0.5)) == pytest.approx(7 / 40)


def test_without_the_68_points_only_turns_are_seen() -> None:
    poser = Poser(None)
    face = Face(Box(0, 0, 112, 112), TEMPLATE, 0.9)
    assert poser.parts == ("turn",)
    assert poser.measure(np.zeros((9, 9, 3), np.uint8), face) == Pose(turn(TEMPLATE))


def test_dlib_s_own_detector_shows_no_pose() -> None:
    assert load_poser("dlib", Path("/nonexistent")) is None


def test_another_file_than_the_registered_one_is_never_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = model("points68")
    monkeypatch.setattr(type(about), "directory", lambda *_: tmp_path)
    found = load_poser("mobilefacenet", Path("/nonexistent"))
    assert found is not None
    assert found.parts == ("turn",), "where it is missing"
    (tmp_path / about.files[0].name).write_bytes(b"x")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        load_poser("mobilefacenet", Path("/nonexistent"))
    with pytest.raises(ModelError, match="SHA-256 differs"):
        FacePoints(about, Path("/nonexistent"))
