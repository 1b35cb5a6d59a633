# SPDX-License-Identifier: MIT
"""The border of what a face is shown on: four straight edges around it, and nothing less."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.face import Box, Face, Image
from models.liveness import border as module
from models.liveness.border import Border, border
from models.liveness.passive import load_passive_models

BOX = Box(260, 180, 120, 150)
SHIPPED = Border.shipped()
MOST = 1 - SHIPPED.threshold


def room(seed: int = 0) -> Image:
    """What has no straight edges: soft, dark blobs."""
    noise = np.random.default_rng(seed).integers(0, 140, (12, 16, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def held(turn: float, sides: str = "LRTB", width: float = 1.6) -> Image:
    """The room, and before the face a sheet, of which some sides have an edge."""
    shown, sheet = room(), room(1)
    across, down = width * BOX.width / 2, width * BOX.height / 2
    left, right = (-across if "L" in sides else -999), (across if "R" in sides else 999)
    top, bottom = (-down if "T" in sides else -999), (down if "B" in sides else 999)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    angle = np.radians(turn)
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    place = (corners @ spin + BOX.centre).astype(np.int32)
    inside = cv2.fillPoly(np.zeros((480, 640), np.uint8), [place], 1) > 0
    shown[inside] = sheet[inside] // 4 + 200
    return shown


@pytest.mark.parametrize("turn", [-12, -5, 0, 7, 12])
@pytest.mark.parametrize("width", [0.8, 1.2, 1.8])
def test_a_sheet_before_a_face_has_a_border(turn: float, width: float) -> None:
    assert border(held(turn, width=width), BOX) > MOST


def test_a_face_in_a_room_has_none() -> None:
    assert max(border(room(seed), BOX) for seed in range(20)) < MOST - 0.1


@pytest.mark.parametrize("missing", "LRTB")
def test_three_edges_are_a_door_and_no_border(missing: str) -> None:
    assert border(held(0, "LRTB".replace(missing, "")), BOX) < MOST


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_the_size_of_the_picture_says_nothing(scale: float) -> None:
    image = cv2.resize(held(0), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    box = Box(*(scale * value for value in (BOX.x, BOX.y, BOX.width, BOX.height)))
    assert border(np.asarray(image, np.uint8), box) > MOST


def test_the_end_of_the_frame_is_no_edge() -> None:
    """Of a face that fills the picture."""
    close = np.ascontiguousarray(room()[180:330, 260:380])
    assert border(close, Box(0, 0, 120, 150)) < MOST - 0.1


@settings(deadline=None, max_examples=50)
@given(
    place=st.tuples(*[st.floats(-60, 120)] * 2),
    size=st.tuples(*[st.floats(0.1, 150)] * 2),
    shape=st.tuples(*[st.integers(3, 90)] * 2),
)
def test_it_is_a_share_or_an_error_of_one_line(
    place: tuple[float, float], size: tuple[float, float], shape: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    try:
        assert 0 <= border(image, Box(*place, *size)) <= 1
    except ModelError as error:
        assert "cannot be judged" in str(error)


@pytest.mark.parametrize(
    "box", [Box(5, 5, 0, 9), Box(5, 5, 9, float("nan")), Box(5, 5, 1e9, 9), Box(9e8, 5, 40, 50)]
)
def test_a_box_that_is_none_is_no_live_face(box: Box) -> None:
    with pytest.raises(ModelError, match="cannot be judged"):
        border(room(), box)


def test_it_votes_beside_the_stock_model(tmp_path: Path) -> None:
    stock, found = load_passive_models(tmp_path)
    assert isinstance(found, Border)
    assert (stock.id, found.id, found.threshold) == ("faceauth-v2", "border", SHIPPED.threshold)
    face = Face(BOX, np.zeros((5, 2), np.float32), 1.0)
    assert found.score(held(0), face) < found.threshold < found.score(room(), face)
    assert found.calibration is not None
    assert found.calibration.decisions > 100


@pytest.mark.parametrize("text", ["", "{}", '{"threshold": 0}', '{"threshold": "x"}', "[1]"])
def test_a_damaged_description_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "border.json"
    path.write_text(text)
    monkeypatch.setattr(module, "DESCRIPTION", path)
    with pytest.raises(ModelError, match="damaged"):
        load_passive_models(tmp_path)
