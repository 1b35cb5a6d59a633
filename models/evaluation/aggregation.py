# SPDX-License-Identifier: MIT
"""By which rule to judge a run of frames, and at which threshold.

``python -m models.evaluation.aggregation --data ../shared/data``

Each recording of the full frames is cut into runs, as Verify has them, and each run is judged by
several rules; once as recorded, and once as a worse camera would have shown it
(models/liveness/augment.py), where there are enough errors to tell the rules apart. Then, by the
lower median, what each threshold costs: live faces refused (BPCER), and attacks of the worst
species passed (APCER).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.evaluation import datasets, rates
from models.evaluation.compare import judged
from models.evaluation.datasets import DatasetError, Sample, recordings
from models.evaluation.liveness import ALL, RUN, Rates, Scored, percent, read_image, report
from models.face import Face
from models.liveness.augment import webcam
from models.liveness.passive import STOCK, PassiveModel, load_described

Scores = NDArray[np.float64]
NO_POINTS = np.zeros((5, 2), np.float32)
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def _log_odds(scores: Scores) -> float:
    sure = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(1 / (1 + np.exp(-np.log(sure / (1 - sure)).mean())))


RULES: dict[str, Callable[[Scores], float]] = {
    "every frame": lambda scores: float(scores.min()),
    "all but one": lambda scores: float(np.sort(scores)[1]),
    "lower quartile": lambda scores: float(np.sort(scores)[len(scores) // 4]),
    "lower median": lambda scores: float(np.sort(scores)[(len(scores) - 1) // 2]),
    "mean": lambda scores: float(scores.mean()),
    "mean of log odds": _log_odds,
}


def main() -> int:
    """0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    parser.add_argument("--model", type=Path, default=STOCK / "model.json", help="its description")
    options = parser.parse_args()
    try:
        samples = [
            one
            for one in datasets.read(options.data / "liveness")
            if one.view == "fullframe" and one.box is not None
        ]
        model = load_described(options.model)
        for worse in (False, True):
            print(f"\n{'on a worse camera' if worse else 'as recorded'}\n")
            print(table(scored(samples, model, worse=worse), model.threshold))
        print(f"\nby threshold\n\n{thresholds(judged(samples, model))}")
    except (DatasetError, ModelError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def scored(
    samples: Sequence[Sample], model: PassiveModel, *, worse: bool
) -> list[tuple[bool, Scores]]:
    """Whether it is live, and the scores of its frames (RUN,), for each run."""
    found = []
    number = 0
    for frames in recordings(samples).values():
        scores = []
        for sample in frames:
            assert sample.box is not None, "only samples with a box are scored"
            image = read_image(sample.path)
            if worse:
                image = webcam(image, np.random.default_rng(number))
            scores.append(model.score(image, Face(sample.box, NO_POINTS, 1.0)))
            number += 1
        runs = len(scores) // RUN
        found += [
            (frames[0].live, np.array(scores[run * RUN : (run + 1) * RUN])) for run in range(runs)
        ]
    return found


def table(runs: Sequence[tuple[bool, Scores]], threshold: float) -> str:
    """A Markdown table, a row a rule; in percent, as a table of liveness.md."""
    lines = ["| rule | BPCER | APCER | EER | BPCER at APCER 5 % |", "|---|---|---|---|---|"]
    for name, rule in RULES.items():
        live = [rule(scores) for is_live, scores in runs if is_live]
        attacks = [rule(scores) for is_live, scores in runs if not is_live]
        cells = (
            rates.bpcer(live, threshold).value,
            rates.apcer(attacks, threshold).value,
            rates.equal_error_rate(live, attacks).value,
            rates.bpcer_at(live, {"any": attacks})[0].value,
        )
        lines.append(f"| {name} | {' | '.join(f'{100 * cell:.1f}' for cell in cells)} |")
    return "\n".join(lines)


def thresholds(frames: Sequence[Scored]) -> str:
    """A Markdown table, a row a threshold; percent, with intervals."""
    heads = [f"{rate}, {unit}" for unit in ("frame", "decision") for rate in ("BPCER", "APCER")]
    lines = [f"| threshold | {' | '.join(heads)} |", "|---|---|---|---|---|"]
    for threshold in THRESHOLDS:
        found = report(frames, threshold)
        cells = [*_pair(found.frames[ALL]), *_pair(found.decisions[ALL])]
        lines.append(f"| {threshold} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pair(row: Rates) -> tuple[str, str]:
    name, worst = max(row.apcer.items(), key=lambda pair: pair[1].value)
    return percent(row.bpcer), f"{percent(worst)} ({name})"


if __name__ == "__main__":
    sys.exit(main())
