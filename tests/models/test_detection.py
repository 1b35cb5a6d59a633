# SPDX-License-Identifier: MIT
"""Detectors: where a face is, in any size of picture, and quietly nothing where there is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from models.detection.hog import DlibFace, HogDetector, landmarks
from models.detection.yunet import OVERLAP, SURE, YuNetDetector, decoded
from models.engine import Detector
from models.errors import ModelError
from models.face import Box, Image
from models.registry import model
from models.runtime import SizedNetwork
from models.scaling import scaled
from tests.harness.data import SHARED, needs

# The astronaut's face as seen in the picture, 512 x 512 pixels.
EYES_AND_MOUTH = np.array([[207, 105], [242, 101], [225, 121], [214, 141], [242, 138]], np.float32)


def astronaut(size: int = 512) -> Image:
    way = cv2.INTER_AREA if size < 512 else cv2.INTER_CUBIC
    picture: Image = cv2.resize(data.astronaut()[:, :, ::-1], (size, size), interpolation=way)
    return picture


@pytest.fixture(scope="module", params=["hog", pytest.param("yunet", marks=needs("models/yunet"))])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "hog":
        return HogDetector(model("dlib"), Path("/nonexistent"))
    return YuNetDetector(model("yunet"), SHARED / "models")


@pytest.mark.parametrize("size", [300, 512, 1500])
def test_finds_the_face_and_its_landmarks(detector: Detector, size: int) -> None:
    (face,) = detector.detect(astronaut(size))
    points = face.landmarks * (512 / size)
    assert face.landmarks.shape == (5, 2) and face.landmarks.dtype == np.float32
    assert np.linalg.norm(points - EYES_AND_MOUTH, axis=1).max() < 12, points
    x, y = face.box.centre
    assert np.hypot(x * 512 / size - 225, y * 512 / size - 115) < 25
    assert 60 < face.box.width * 512 / size < 130


def test_a_mirrored_face_has_mirrored_landmarks(detector: Detector) -> None:
    """So right and left are the subject's, as models.face.Face says."""
    picture = astronaut()
    (face,) = detector.detect(picture)
    (mirrored,) = detector.detect(np.ascontiguousarray(picture[:, ::-1]))
    expected = face.landmarks[[1, 0, 2, 4, 3]] * (-1, 1) + (511, 0)
    assert np.abs(mirrored.landmarks - expected).max() < 10


def test_counts_two_faces(detector: Detector) -> None:
    face = astronaut()[:400, 60:400]
    assert len(detector.detect(np.hstack([face, face[:, ::-1]]))) == 2


@pytest.mark.parametrize(("x", "y"), [(0, 0), (12, -9), (-14, 6)])
def test_a_face_that_moved_a_little_is_followed(detector: Detector, x: int, y: int) -> None:
    picture = astronaut()
    (before,) = detector.detect(picture)
    shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
    moved = cv2.warpAffine(picture, shift, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    wanted = max(detector.detect(moved), key=lambda face: face.score)
    (found,) = detector.follow(moved, before)
    assert found.box.overlap(wanted.box) > 0.6
    assert np.abs(found.landmarks - wanted.landmarks).max() < 14


def test_a_face_that_is_gone_is_not_followed(detector: Detector) -> None:
    (before,) = detector.detect(astronaut())
    assert detector.follow(np.full((512, 512, 3), 120, np.uint8), before) == []
    for shape in ((40, 30), (3, 2)):  # no camera changes its size; nothing may come of it
        assert detector.follow(np.full((*shape, 3), 120, np.uint8), before) == []


def test_a_second_face_beside_the_followed_one_is_seen(detector: Detector) -> None:
    """YuNet's glance is of the whole frame. HOG's crop reaches half a face beyond the face's box,
    so this one is between thorough looks not seen, and ends the run at the next one."""
    face = astronaut()[:400, 60:400]
    nobody = np.full_like(face, 120)
    (before,) = detector.detect(np.hstack([face, nobody]))
    both = np.hstack([face, face])
    seen = len(detector.follow(both, before))
    assert seen == (1 if isinstance(detector, HogDetector) else 2)
    assert len(detector.detect(both)) == 2


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 3), (1, 4000), (4000, 1), (17, 31), (480, 640), (3000, 3000)]
)
def test_finds_nothing_in_a_grey_picture_of_any_size(
    detector: Detector, shape: tuple[int, int]
) -> None:
    assert detector.detect(np.full((*shape, 3), 120, np.uint8)) == []


def test_a_face_at_the_edge_is_no_error(detector: Detector) -> None:
    picture = astronaut()
    for left, top in ((180, 60), (200, 0), (0, 90)):
        for face in detector.detect(np.ascontiguousarray(picture[top : top + 160, left:260])):
            assert np.isfinite(face.landmarks).all()


@needs("models/yunet")
@pytest.mark.parametrize("size", [512 * 5 + 1, 512 * 6 + 3])
def test_a_large_face_has_its_landmarks_where_they_are(size: int) -> None:
    """Halved twice before it is seen again, with odd sides."""
    yunet = YuNetDetector(model("yunet"), SHARED / "models")
    (small,), (large,) = yunet.detect(astronaut()), yunet.detect(astronaut(size))
    apart = (large.landmarks + 0.5) * (512 / size) - 0.5 - small.landmarks
    assert np.abs(apart).max() < 1.5


def test_a_place_counts_by_both_of_the_networks_numbers() -> None:
    """The score is the geometric mean of the two, so one of them may lie below it."""
    places = 4 * 4  # of a picture of 32 x 32, at the finest level
    counts = (places, 4, 1)
    outputs = [
        np.zeros((1, count, width), np.float32) for width in (1, 1, 4, 10) for count in counts
    ]
    outputs[0][0, 5, 0], outputs[3][0, 5, 0] = 0.55, 1.0  # 0.74
    outputs[0][0, 9, 0], outputs[3][0, 9, 0] = 0.55, 0.8  # 0.66
    (row,) = decoded(outputs, (32, 32))
    assert row[14] == pytest.approx(0.55**0.5)
    assert row[:4].tolist() == [8 - 4, 8 - 4, 8, 8]


@needs("models/yunet")
@pytest.mark.parametrize("shape", [(480, 640), (8, 8), (9, 11), (1, 50), (2000, 37)])
def test_no_box_is_too_large_or_too_small_to_look_again(shape: tuple[int, int]) -> None:
    """The network's boxes are as large as its logarithms say. Nothing is seen in a grey picture."""
    yunet = YuNetDetector(model("yunet"), SHARED / "models")
    picture = np.full((*shape, 3), 120, np.uint8)
    for box in (
        *(Box(-size / 2, 0, size, size) for size in (1e-3, 399, 1300, 1e7)),
        Box(3, 3, 5000, 3),
        Box(1e5, 1e5, 50, 50),
    ):
        assert yunet._look_again(picture, box) is None


def test_dlibs_own_points_stay_with_the_face() -> None:
    (face,) = HogDetector(model("dlib"), Path("/nonexistent")).detect(astronaut())
    assert isinstance(face, DlibFace)
    assert face.points.shape == (5, 2)
    assert np.allclose(landmarks(face.points), face.landmarks)
    outer_left, inner_left, outer_right, inner_right = face.points[:4, 0]
    assert outer_left > inner_left > inner_right > outer_right


@needs("models/yunet")
def test_a_damaged_yunet_is_not_loaded(tmp_path: Path) -> None:
    source = SHARED / "models" / "yunet" / "face_detection_yunet_2023mar.onnx"
    target = tmp_path / "yunet" / source.name
    target.parent.mkdir()
    target.write_bytes(source.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        YuNetDetector(model("yunet"), tmp_path)


@needs("models/yunet")
@pytest.mark.parametrize("long_side", [320, 250, 160])
def test_yunets_answer_is_decoded_as_opencv_does(long_side: int) -> None:
    pictures = [astronaut(), np.zeros((100, 90, 3), np.uint8), np.hstack([astronaut()] * 3)]
    yunet = model("yunet")
    network = SizedNetwork(yunet.only_file(SHARED / "models"), yunet.name)
    path = SHARED / "models" / "yunet" / "face_detection_yunet_2023mar.onnx"
    opencv = cv2.FaceDetectorYN.create(str(path), "", (1, 1), SURE, OVERLAP)
    faces = []
    for picture in pictures:
        small, _ = scaled(picture, long_side)
        opencv.setInputSize((small.shape[1], small.shape[0]))
        wanted = opencv.detect(small)[1]
        found = decoded(network.run(small), small.shape[:2])
        faces.append(len(found))
        if wanted is None:
            wanted = np.zeros((0, 15))
        assert found.shape == wanted.shape
        assert np.allclose(found, wanted, atol=1e-3)
    assert faces[:2] == [1, 0] and faces[2] == (0 if long_side == 160 else 3)


@needs("models/yunet")
@needs("video/genuine/krzysiek354_real.mp4")
@needs("video/talking-head/liveportrait_d10.mp4")
@pytest.mark.parametrize("height", [0.45, 0.5, 0.55])
def test_a_photograph_before_a_face_does_not_lend_it_its_landmarks(height: float) -> None:
    """Else the person in the photograph is recognised, and the face behind it is live."""
    picture = frame("genuine/krzysiek354_real.mp4")
    detector = YuNetDetector(model("yunet"), SHARED / "models")
    (face,) = detector.detect(picture)
    other = frame("talking-head/liveportrait_d10.mp4")
    (shown,) = detector.detect(other)
    box, rim = shown.box, 0.15 * shown.box.width
    rows = slice(max(int(box.y - rim), 0), int(box.y + box.height + rim))
    photograph = other[rows, max(int(box.x - rim), 0) : int(box.x + box.width + rim)]
    size = int(face.box.width * 0.4)
    shape = size, int(size * photograph.shape[0] / photograph.shape[1])
    photograph = cv2.resize(photograph, shape, interpolation=cv2.INTER_AREA)
    x = int(face.box.centre[0] - size / 2)
    y = int(face.box.y + face.box.height * height) - len(photograph) // 2
    picture[y : y + len(photograph), x : x + size] = photograph
    for seen in detector.detect(picture):
        eyes, mouth = seen.landmarks[:2].mean(axis=0), seen.landmarks[3:].mean(axis=0)
        assert np.linalg.norm(mouth - eyes) > 0.25 * seen.box.height


def frame(clip: str) -> Image:
    """The sixth picture of a clip."""
    film = cv2.VideoCapture(str(SHARED / "video" / clip))
    for _ in range(6):
        ok, picture = film.read()
        assert ok
    return np.asarray(picture, np.uint8)
