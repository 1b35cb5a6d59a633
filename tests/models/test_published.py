# SPDX-License-Identifier: MIT
"""MiniFASNetV2 from its official weights: what another conversion of them answers."""

from pathlib import Path

import numpy as np
import pytest

from models.liveness.published import convert
from models.liveness.torchfile import WeightsError
from models.runtime import Network
from tests.harness.data import SHARED, needs

FOLDER = SHARED / "models" / "minifasnet"


@needs("models")
def test_answers_as_a_third_partys_conversion() -> None:
    ours = Network(convert(FOLDER / "2.7_80x80_MiniFASNetV2.pth"), "ours")
    theirs = Network((FOLDER / "2.7_80x80_MiniFASNetV2.onnx").read_bytes(), "theirs")
    random = np.random.default_rng(1)
    answers = []
    for _ in range(20):
        coarse = random.uniform(0, 255, (1, 3, 10, 10)).astype(np.float32)
        picture = coarse.repeat(8, axis=2).repeat(8, axis=3)
        answers.append(ours.run(picture))
        assert np.abs(answers[-1] - theirs.run(picture)).max() < 1e-5
    assert np.ptp(np.concatenate(answers), axis=0).min() > 1, "the pictures must differ for it"


@needs("models")
def test_another_networks_weights_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"V1SE\.pth holds no weights of MiniFASNetV2"):
        convert(FOLDER / "4_0_0_80x80_MiniFASNetV1SE.pth")


def test_what_is_no_weights_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be read as PyTorch weights"):
        convert(tmp_path / "x.pth")
