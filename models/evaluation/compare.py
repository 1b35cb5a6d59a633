# SPDX-License-Identifier: MIT
"""Liveness models side by side on the same images, each alone and all together."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.evaluation.datasets import Sample
from models.evaluation.liveness import Report, Scored, report, score, together
from models.face import Box, Face, Image
from models.liveness.passive import PassiveModel

NO_POINTS = np.zeros((5, 2), np.float32)
TOGETHER = "together"


def compare(samples: Sequence[Sample], models: Sequence[PassiveModel]) -> dict[str, Report]:
    """A report for each model, and for all of them together where there are several."""
    return reports(models, {model.id: judged(samples, model) for model in models})


def reports(
    models: Sequence[PassiveModel], scored: Mapping[str, Sequence[Scored]]
) -> dict[str, Report]:
    """The same from scores that are there already, by the model's id."""
    found = {model.id: report(scored[model.id], model.threshold) for model in models}
    if len(models) > 1:
        found[TOGETHER] = together([(scored[model.id], model.threshold) for model in models])
    return found


def judged(samples: Sequence[Sample], model: PassiveModel) -> list[Scored]:
    """The model's scores of the samples whose faces' places are known."""

    def probability(image: Image, box: Box) -> float:
        return model.score(image, Face(box, NO_POINTS, 1.0))

    return score(samples, probability)[0]
