# SPDX-License-Identifier: MIT
"""dlib's network, converted: the same embeddings, and no other file taken for it."""

from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
import pytest
from numpy.typing import NDArray

from models.recognition import dlib_weights as weights
from models.runtime import Network


def dlibs_file() -> Path:
    spec = find_spec("face_recognition_models")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "models" / "dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Network:
    target = tmp_path_factory.mktemp("dlib") / "resnet.onnx"
    weights.convert(dlibs_file(), target)
    assert [path.name for path in target.parent.iterdir()] == ["resnet.onnx"]
    return Network(target.read_bytes(), "dlib")


def chips(count: int) -> list[NDArray[np.uint8]]:
    """Smooth random pictures: like noise they need no face, unlike noise they excite all layers."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (count, 10, 10, 3), dtype=np.uint8)
    return [np.ascontiguousarray(np.kron(c, np.ones((15, 15, 1), np.uint8))) for c in coarse]


def test_gives_dlibs_embeddings(converted: Network) -> None:
    network = dlib.face_recognition_model_v1(str(dlibs_file()))
    pictures = chips(20)
    batch = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)
    mine = converted.run(batch)
    dlibs = np.array([network.compute_face_descriptor(p) for p in pictures], np.float32)
    assert np.ptp(dlibs, axis=0).max() > 0.05, "the pictures must differ for the network too"
    assert weights.largest_difference(mine, dlibs) < 1e-5


def test_difference_is_infinite_for_wrong_output() -> None:
    good = np.zeros((2, 128), np.float32)
    bad = good.copy()
    bad[1, 3] = np.nan
    assert weights.largest_difference(good, good) == 0.0
    assert weights.largest_difference(bad, good) == float("inf")
    assert weights.largest_difference(good[:1], good) == float("inf")


@pytest.mark.parametrize("length", [0, 100, 50_000, 22_000_000])
def test_refuses_a_truncated_file(tmp_path: Path, length: int) -> None:
    short = tmp_path / "short.dat"
    short.write_bytes(dlibs_file().read_bytes()[:length])
    with pytest.raises(weights.DlibWeightsError):
        weights.convert(short, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_refuses_another_dlib_network() -> None:
    with pytest.raises(weights.DlibWeightsError):
        weights.read(dlibs_file().parent / "mmod_human_face_detector.dat")


def test_refuses_a_layer_of_another_shape(tmp_path: Path) -> None:
    data = bytearray(dlibs_file().read_bytes())
    at = data.find(b"con_4") + 5 + 2 + 1  # the first tensor's number of values
    data[at] ^= 0x01
    other = tmp_path / "other.dat"
    other.write_bytes(data)
    with pytest.raises(weights.DlibWeightsError):
        weights.read(other)
