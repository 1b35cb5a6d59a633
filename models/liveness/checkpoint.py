# SPDX-License-Identifier: MIT
"""What it takes to go on with a training that was killed: one file, replaced after each epoch.

It holds the network's and the optimiser's variables (the random generators of dropout among
them), the best weights so far and the history, so that a training that goes on ends as one that
was never interrupted. ``purpose`` says of which training it is; another one's is not taken up.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.datasets import DatasetError

Arrays = list[NDArray[Any]]
PARTS = ("model", "optimizer", "best")


@dataclass
class State:
    """A training between two epochs: the variables' values, and what is told of each epoch."""

    model: Arrays = field(default_factory=list)
    optimizer: Arrays = field(default_factory=list)
    best: Arrays = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def save(path: Path, state: State, purpose: str) -> None:
    """Replace the checkpoint in one step. OSError: the disk; the one before is still there."""
    arrays = {
        f"{part}{number}": value
        for part in PARTS
        for number, value in enumerate(getattr(state, part))
    }
    about = json.dumps({"purpose": purpose, "history": state.history})
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("wb") as file:
            np.savez(file, about=np.array(about), **arrays)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def load(path: Path, purpose: str) -> State:
    """The state in the checkpoint; DatasetError where it is damaged or of another training."""
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            parts = {part: _numbered(file, part) for part in PARTS}
    except FileNotFoundError:
        raise DatasetError("there is no interrupted training to go on with") from None
    except Exception:  # zipfile's, numpy's and json's own
        raise DatasetError(f"{path} is damaged; remove the folder it is in to begin anew") from None
    if about["purpose"] != purpose:
        raise DatasetError(
            f"{path} is of a training with other data or settings; give the same, or remove "
            "the folder it is in to begin anew"
        )
    return State(**parts, history=about["history"])


def _numbered(file: Any, part: str) -> Arrays:
    """The arrays of one part, in their order."""
    names = [name for name in file.files if name.removeprefix(part).isdigit()]
    return [file[f"{part}{number}"] for number in range(len(names))]
