# SPDX-License-Identifier: MIT
"""The runtime: the right numbers, and a ModelError for all that gives none."""

import subprocess
import sys

import numpy as np
import pytest

from models.errors import ModelError
from models.runtime import Network
from tests.models.tiny import affine


def test_runs_a_network() -> None:
    weights, bias = np.array([[1, 0, 0], [0, 2, 3]]), np.array([0.5, -1])
    batch = np.zeros((2, 3, 8, 8), np.float32)
    batch[0, 0], batch[1, 1], batch[1, 2] = 4, 5, 6
    output = Network(affine(weights, bias), "tiny").run(batch)
    assert output.tolist() == [[4.5, -1], [0.5, 27]]


def test_an_answer_survives_the_next_run() -> None:
    network = Network(affine(np.eye(3), np.zeros(3)), "tiny")
    first = network.run(np.full((1, 3, 8, 8), 1, np.float32))
    network.run(np.full((1, 3, 8, 8), 2, np.float32))
    assert first.tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("data", [b"", b"garbage" * 50, affine(np.eye(3), np.zeros(3))[:60]])
def test_refuses_what_is_no_network(data: bytes) -> None:
    with pytest.raises(ModelError, match=r"^tiny: .*cannot read"):
        Network(data, "tiny")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_refuses_an_answer_that_is_no_number(bad: float) -> None:
    network = Network(affine(np.eye(3), np.array([0, bad, 0])), "tiny")
    with pytest.raises(ModelError, match="not a number"):
        network.run(np.zeros((1, 3, 8, 8), np.float32))


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (1, 8)])
def test_refuses_a_batch_of_another_shape(shape: tuple[int, ...]) -> None:
    network = Network(affine(np.eye(3), np.zeros(3)), "tiny")
    with pytest.raises(ModelError, match="cannot take"):
        network.run(np.zeros(shape, np.float32))


def test_runs_where_no_memory_may_become_executable() -> None:
    """systemd's MemoryDenyWriteExecute, as prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN) sets it."""
    script = """
import ctypes, errno, sys
import numpy as np
if ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0):
    sys.exit("old kernel" if ctypes.get_errno() == errno.EINVAL else 1)
from models.runtime import Network
from tests.models.tiny import affine
print(Network(affine(np.eye(3), np.zeros(3)), "tiny").run(np.ones((1, 3, 8, 8), np.float32)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if done.stderr.strip() == "old kernel":
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert done.stdout.strip() == "[[1. 1. 1.]]", done.stderr


def test_what_needs_no_pictures_loads_no_library_for_them() -> None:
    script = (
        "import sys, models.observation, models.registry, models.recognition.calibration\n"
        "print({'cv2', 'dlib', 'onnxruntime', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
