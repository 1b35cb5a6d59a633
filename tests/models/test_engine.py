# SPDX-License-Identifier: MIT
"""Engines: the same person near, another one far; "auto"; and nothing that was changed."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from models.engine import ENGINES, Engine, load_engine
from models.errors import ModelError
from models.face import Box, Face, Image
from models.recognition import dlib_resnet, dlib_weights
from models.recognition.calibration import calibration_for
from models.registry import model
from tests.harness.data import SHARED, needs

NOWHERE = Path("/nonexistent")


@pytest.fixture(
    scope="module",
    params=["dlib", pytest.param("mobilefacenet", marks=needs("models/mobilefacenet"))],
)
def engine(request: pytest.FixtureRequest) -> Engine:
    return load_engine(request.param, SHARED / "models")


def astronaut() -> Image:
    picture: Image = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return picture


def embedding(engine: Engine, image: Image) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    (face,) = engine.detect(image)
    vector = engine.embed(image, face)
    assert vector.shape == (engine.dimension,) == (128,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    return vector


def test_a_face_matches_itself_in_other_light_size_and_turn(engine: Engine) -> None:
    picture = astronaut()
    threshold = calibration_for(engine.model).threshold(1e-4)
    template = embedding(engine, picture)
    turn = cv2.getRotationMatrix2D((225.0, 115.0), 10, 1.0)
    for changed in (
        cv2.convertScaleAbs(picture, alpha=0.6),
        cv2.resize(picture, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA),
        cv2.warpAffine(picture, turn, (512, 512)),
        np.ascontiguousarray(picture[:, ::-1]),
    ):
        assert template @ embedding(engine, changed) > threshold


def test_embedded_once_is_without_the_mirror_image(engine: Engine) -> None:
    picture = astronaut()
    (face,) = engine.detect(picture)
    once, both = engine.embed(picture, face, once=True), engine.embed(picture, face)
    assert once.dtype == np.float32 and np.linalg.norm(once) == pytest.approx(1, abs=1e-5)
    mirrored = both * 2 * float(once @ both) - once  # as `both` is half-way between the two
    assert np.linalg.norm(mirrored) == pytest.approx(1, abs=1e-5)
    assert 0.8 < float(once @ mirrored) < 0.999


@needs("video/talking-head")
def test_people_are_told_apart_on_video(engine: Engine) -> None:
    """In six people's clips a later frame matches the person's own first frame and no other."""
    clips = sorted((SHARED / "video" / "talking-head").glob("*.mp4"))[:6]
    assert len(clips) == 6
    early, late = zip(*(two_frames(clip) for clip in clips), strict=True)
    first = np.stack([embedding(engine, frame) for frame in early])
    second = np.stack([embedding(engine, frame) for frame in late])
    matches = first @ second.T >= calibration_for(engine.model).threshold(1e-4)
    assert np.array_equal(matches, np.eye(6, dtype=bool)), (first @ second.T).round(3)


def two_frames(clip: Path) -> tuple[Image, Image]:
    video = cv2.VideoCapture(str(clip))
    frames = [video.read()[1] for _ in range(25)]
    return frames[0], frames[24]


def test_dlibs_two_ways_give_the_same() -> None:
    weights = model("dlib").path(dlib_resnet.WEIGHTS, NOWHERE)
    rng = np.random.default_rng(5)
    chips = rng.integers(0, 256, (2, 15, 15, 3), dtype=np.uint8).repeat(10, 1).repeat(10, 2)
    converted, own = dlib_resnet.ConvertedNetwork(weights), dlib_resnet.DlibNetwork(weights)
    assert np.abs(converted(chips) - own(chips)).max() < 1e-5
    assert isinstance(dlib_resnet.chip_network(weights), dlib_resnet.ConvertedNetwork)


def test_dlibs_own_network_is_used_where_the_converted_one_differs(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def wrong(
        _self: object, chips: dlib_resnet.Chips
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return np.zeros((len(chips), 128), np.float32)

    monkeypatch.setattr(dlib_resnet.ConvertedNetwork, "__call__", wrong)
    weights = model("dlib").path(dlib_resnet.WEIGHTS, NOWHERE)
    assert isinstance(dlib_resnet.chip_network(weights), dlib_resnet.DlibNetwork)
    assert dlib_resnet.SLOW in caplog.text


def test_dlibs_own_network_is_used_where_none_can_be_converted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(*_arguments: object) -> bytes:
        raise ImportError("no module named onnx")

    monkeypatch.setattr(dlib_weights, "to_onnx", missing)
    weights = model("dlib").path(dlib_resnet.WEIGHTS, NOWHERE)
    assert isinstance(dlib_resnet.chip_network(weights), dlib_resnet.DlibNetwork)
    assert f"{dlib_resnet.SLOW}: no module named onnx" in caplog.text


def test_dlib_embeds_only_what_its_own_detector_found() -> None:
    engine = load_engine("dlib", NOWHERE)
    face = Face(Box(180, 60, 90, 90), np.zeros((5, 2), np.float32), 1.0)
    with pytest.raises(ModelError, match="another detector"):
        engine.embed(astronaut(), face)


def test_auto_is_dlib_where_nothing_is_installed() -> None:
    assert load_engine("auto", NOWHERE).name == "dlib"


@needs("models/mobilefacenet")
def test_auto_takes_the_best_and_does_not_step_down_from_a_damaged_one(tmp_path: Path) -> None:
    for name in ("mobilefacenet", "yunet"):
        shutil.copytree(SHARED / "models" / name, tmp_path / name)
    (tmp_path / "sface").mkdir()
    assert load_engine("auto", tmp_path).name == "mobilefacenet"
    network = tmp_path / "mobilefacenet" / "MobileFaceNet.onnx"
    network.chmod(0o644)
    network.write_bytes(network.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        load_engine("auto", tmp_path)


def test_every_engine_says_what_is_missing() -> None:
    for name in set(ENGINES) - {"dlib"}:
        with pytest.raises(ModelError, match="is not installed; run: faceauth models install"):
            load_engine(name, NOWHERE)
    with pytest.raises(ModelError, match='no engine is called "facenet"'):
        load_engine("facenet", NOWHERE)
