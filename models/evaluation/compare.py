# SPDX-License-Identifier: MIT
"""Liveness models side by side on the same images: ``python -m models.evaluation.compare``.

Each model is given by the JSON description beside its network (see
models/liveness/passive.py), so that anybody's model gets the same treatment as ours.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.errors import ModelError
from models.evaluation import datasets
from models.evaluation.datasets import DatasetError, Sample
from models.evaluation.liveness import Report, Scored, as_json, as_table, report, score, together
from models.face import Box, Face, Image
from models.liveness.passive import PassiveModel, load_described

NO_POINTS = np.zeros((5, 2), np.float32)


def main() -> int:
    """0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled images")
    parser.add_argument("--view", help="only these images: fullframe or crop")
    parser.add_argument("--source", action="append", help="only this source; may be repeated")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("model", type=Path, nargs="+", help="a model's JSON description")
    options = parser.parse_args()
    try:
        samples = [
            sample
            for sample in datasets.read(options.data)
            if options.view in (None, sample.view)
            and (not options.source or sample.source in options.source)
        ]
        datasets.require_both_kinds(samples)
        found = compare(samples, [load_described(path) for path in options.model])
    except (DatasetError, ModelError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({name: as_json(one) for name, one in found.items()}, indent=1))
    else:
        for name, one in found.items():
            print(f"{name}, threshold {one.threshold:.3g}\n\n{as_table(one)}\n")
    return 0


def compare(samples: Sequence[Sample], models: Sequence[PassiveModel]) -> dict[str, Report]:
    """A report for each model, and for all of them together where there are several."""
    scored = [(judged(samples, model), model.threshold) for model in models]
    found = {model.id: report(*pair) for model, pair in zip(models, scored, strict=True)}
    return found | ({"together": together(scored)} if len(models) > 1 else {})


def judged(samples: Sequence[Sample], model: PassiveModel) -> list[Scored]:
    """The model's scores of the samples whose faces' places are known."""

    def probability(image: Image, box: Box) -> float:
        return model.score(image, Face(box, NO_POINTS, 1.0))

    return score(samples, probability)[0]


if __name__ == "__main__":
    sys.exit(main())
