# SPDX-License-Identifier: MIT
"""PyTorch's weights: read where they are such, and nothing that a file says is run."""

import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.liveness.torchfile import WeightsError, read_weights
from tests.harness.data import SHARED, needs


def torch_file(tensors: Any, tail: bytes = b"") -> bytes:
    pickles = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, tensors, []]
    return b"".join(pickle.dumps(one, 2) for one in pickles) + tail


class Evil:
    """What a hostile file would hold: a call of os.system when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return (os.system, ("touch /tmp/faceauth-was-here",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a newer file",
        torch_file(OrderedDict(a=Evil())),
        torch_file(OrderedDict(a=1), struct.pack("<q", 1)),
        torch_file(OrderedDict())[:40],
    ],
)
def test_a_strange_weights_file_is_one_line_and_runs_nothing(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    assert not Path("/tmp/faceauth-was-here").exists()


def test_a_file_that_nobody_writes_to_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="Not a regular file"):
        read_weights(tmp_path / "weights.pth")


@needs("models/minifasnet")
def test_the_published_weights() -> None:
    weights = read_weights(SHARED / "models/minifasnet/2.7_80x80_MiniFASNetV2.pth")
    assert weights["conv1.conv.weight"].shape == (32, 3, 3, 3)
    assert weights["prob.weight"].shape == (3, 128)
    assert all(np.isfinite(values).all() for values in weights.values())
