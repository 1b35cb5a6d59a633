# SPDX-License-Identifier: MIT
"""The one way to run a network: OpenCV's own ONNX runtime (why: docs/decisions/0002-runtime.md).

A network is loaded from bytes, never from a path: what runs is what was hashed.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

# Frames come one by one and other work runs beside us: one thread, and predictable times. The
# number belongs to the process, not to a network.
THREADS = 1


def prepare() -> None:
    """Set OpenCV up for this process; whoever loads a model calls it first."""
    cv2.setNumThreads(THREADS)
    # It warns on stderr at every load that its new graph engine has only one target.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


class Network:
    """An ONNX network with one input and one output."""

    def __init__(self, model: bytes, name: str) -> None:
        """Load ``model``; ``name`` is for messages. Raises ModelError where it cannot be read."""
        prepare()
        self._name = name
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        except cv2.error as error:
            raise ModelError(f"{name}: the runtime cannot read this network") from error

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output for ``batch`` (n, channels, height, width) float32, as float32.

        Raises ModelError where the network takes no such batch, or answers with anything but
        finite numbers: no score may be made of those.
        """
        try:
            self._net.setInput(batch)
            output = np.array(self._net.forward(), np.float32)  # a copy: the next run overwrites it
        except cv2.error as error:
            raise ModelError(f"{self._name}: the network cannot take {batch.shape}") from error
        if not np.isfinite(output).all():
            raise ModelError(f"{self._name}: the network's answer is not a number")
        return output
