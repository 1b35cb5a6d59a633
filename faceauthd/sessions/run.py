# SPDX-License-Identifier: MIT
"""The user's frames in a row: their mean face, and what the liveness models say over them.

One frame's probability dips for real people, so a median decides and not the worst frame. It is
the lower median, which reaches a threshold just where more than half of the frames do: no single
high score outweighs a low one. Three medians must pass, for the reasons given in
docs/decisions/0003-liveness-over-the-run.md and 0005-following.md:

- over the run, because it is the face of the run that is let in;
- over the run's frames that were recognised, because it is the face that is recognised there;
- over the scan, because a recapture that wavers must not get a new try with each frame.
"""

import statistics
from collections import deque
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from faceauthd.sessions.sight import mean_direction
from faceauthd.sessions.verdict import CannotJudgeError


def required_models(
    cues: Mapping[str, Mapping[str, float]], required: Iterable[str]
) -> dict[str, float]:
    """Liveness model id -> the probability below which it denies, for the required cues.

    Raises CannotJudgeError where a cue has no model, or one that could not deny.
    """
    models: dict[str, float] = {}
    for cue in required:
        if not cues.get(cue):
            raise CannotJudgeError(
                f"liveness cue {cue} is required, and no model for it is installed"
            )
        for model, threshold in cues[cue].items():
            if not 0 < threshold <= 1:
                raise CannotJudgeError(f"liveness model {model} has no threshold that could deny")
            models[model] = max(threshold, models.get(model, 0.0))
    return models


# Frames of a run that must have been recognised, where it has as many: of fewer a median is none.
RECOGNISED = 3


class Run:
    """The last ``length`` frames of the user that followed each other."""

    def __init__(self, length: int, models: Mapping[str, float]) -> None:
        """``models`` as ``required_models`` gives them."""
        self._models = models
        self._run: deque[Mapping[str, float]] = deque(maxlen=length)
        # Of each frame of the run, None where the face was followed and not recognised.
        self._embeddings: deque[NDArray[np.float32] | None] = deque(maxlen=length)
        self._scan: list[Mapping[str, float]] = []

    def add(self, liveness: Mapping[str, float], embedding: NDArray[np.float32] | None) -> bool:
        """One more frame; whether every model calls this frame by itself live.

        ``embedding`` is None where the user's face was followed there. Raises CannotJudgeError
        where a model gave no probability.
        """
        for model in self._models:
            if not 0 <= liveness.get(model, -1.0) <= 1:
                raise CannotJudgeError(f"liveness model {model} gave no probability")
        self._run.append(liveness)
        self._embeddings.append(embedding)
        self._scan.append(liveness)
        return all(liveness[model] >= least for model, least in self._models.items())

    def restart(self) -> None:
        """The next frame is the first in a row; what the scan has seen stays."""
        self._run.clear()
        self._embeddings.clear()

    def __len__(self) -> int:
        return len(self._run)

    @property
    def complete(self) -> bool:
        """Whether it is as long as it must be, and enough of it was recognised."""
        length = self._run.maxlen
        recognised = sum(each is not None for each in self._embeddings)
        return len(self._run) == length and recognised >= min(RECOGNISED, length)

    @property
    def face(self) -> NDArray[np.float32]:
        """The mean direction of the run's embeddings; at least one frame was recognised."""
        return mean_direction([each for each in self._embeddings if each is not None])

    @property
    def denied(self) -> bool:
        """Whether a model denies, over any of the three."""
        medians = self.medians()
        return not all(medians[model] >= least for model, least in self._models.items())

    def medians(self) -> dict[str, float]:
        """Each model's smaller median; empty where the user was not seen."""
        recognised = [
            liveness
            for liveness, embedding in zip(self._run, self._embeddings, strict=True)
            if embedding is not None
        ]
        samples = [sample for sample in (self._run, recognised, self._scan) if sample]
        return {
            model: min(
                statistics.median_low(frame[model] for frame in sample) for sample in samples
            )
            for model in self._models
            if samples
        }
