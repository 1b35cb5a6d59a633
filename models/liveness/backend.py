# SPDX-License-Identifier: MIT
"""TensorFlow, imported without its greetings, for those who train or measure with it."""

import os
from importlib.util import find_spec
from pathlib import Path

from models.errors import ModelError

MISSING = "this needs TensorFlow; run: pip install 'faceauth-login[train]'"


class MissingError(ModelError):
    """TensorFlow is not installed."""


def start() -> None:
    """Import it; MissingError where it is not installed.

    Some of its libraries write to the descriptor of standard error before they can be told not to.
    """
    if find_spec("tensorflow") is None:
        raise MissingError(MISSING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    told = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(told, 2)
        os.close(told)


def has_gpu() -> bool:
    """Whether there is a GPU that it can use."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
