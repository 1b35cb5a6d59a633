# SPDX-License-Identifier: MIT
"""Training on several machines at once, as TensorFlow's TF_CONFIG describes them.

Each machine runs the same command on the same data with the same seed. Each reads its own share of
the stream, the gradients are averaged after each step, so that all have the same network at any
time; the first one writes the result.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

from models.evaluation.datasets import DatasetError

VARIABLE = "TF_CONFIG"


@dataclass(frozen=True)
class Team:
    """How many workers there are, which one this is, and TensorFlow's strategy for them."""

    workers: int
    number: int
    strategy: Any

    @property
    def is_chief(self) -> bool:
        return self.number == 0


def team() -> Team:
    """The workers that TF_CONFIG names, or this process alone; DatasetError where it is wrong.

    Waits until all workers are there.
    """
    import tensorflow as tf

    text = os.environ.get(VARIABLE, "")
    if not text:
        return Team(1, 0, tf.distribute.get_strategy())
    workers, number = _read(text)
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    return Team(workers, number, strategy)


def _read(text: str) -> tuple[int, int]:
    """How many workers TF_CONFIG names, and the number of this one."""
    try:
        table = json.loads(text)
        workers = table["cluster"]["worker"]
        task = table["task"]
        number = int(task["index"])
        right = task["type"] == "worker" and 0 <= number < len(workers)
    except (ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise DatasetError(
            f"{VARIABLE} must name the workers and this one of them: "
            '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}'
        )
    return len(workers), number
