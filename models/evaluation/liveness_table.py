# SPDX-License-Identifier: MIT
"""The table of docs/liveness.md: ``python -m models.evaluation.liveness_table --data DIR``.

The stock model, the border's vote, both as they ship, MiniFASNetV2, and with them, a LivenessNet
trained with the judged sources left out, the original's LivenessNet and MiniFAS of CelebA-Spoof:
the same images, full frames and tight crops apart, per frame and per decision, each rate with its
interval. Takes the extra "train";
training the LivenessNets takes some minutes, and ``--quick`` does without them.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.errors import ModelError
from models.evaluation import datasets, leave_out, rivals
from models.evaluation.compare import judged
from models.evaluation.datasets import DatasetError, Sample
from models.evaluation.liveness import (
    ALL,
    Rates,
    Report,
    Scored,
    as_json,
    between,
    percent,
    report,
    together,
)
from models.liveness.border import Border
from models.liveness.passive import STOCK, load_described

VIEWS = {"fullframe": "full frames", "crop": "tight crops"}
Judged = tuple[Sequence[Scored], float]  # a model's scores of all samples, and its threshold


def main() -> int:
    """0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    parser.add_argument("--quick", action="store_true", help="train nothing")
    parser.add_argument("--stock", type=Path, default=STOCK / "model.json", help="its description")
    parser.add_argument("--json", type=Path, help="write all rates there as well")
    options = parser.parse_args()
    try:
        samples = [one for one in datasets.read(options.data / "liveness") if one.box is not None]
        found = scored(samples, options.data / "models", options.stock, train=not options.quick)
    except (DatasetError, ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    everything = {}
    for view, title in VIEWS.items():
        rows = reports(found, view)
        everything[view] = {name: as_json(row) for name, row in rows.items()}
        for kind in ("frames", "decisions"):
            print(f"\n{title}, {kind}, %\n\n{overall(rows, kind)}\n\n{by_source(rows, kind)}")
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    return 0


def scored(
    samples: Sequence[Sample], models_dir: Path, stock: Path, *, train: bool
) -> dict[str, list[Judged]]:
    """What each row's models say of all samples; a row of several is denied by any of them."""
    rows = {
        "stock": load_described(stock),
        "border": Border.shipped(),
        "MiniFASNetV2": rivals.minifasnet(models_dir),
        "the original's LivenessNet": rivals.original(models_dir),
        "MiniFAS CelebA-Spoof": rivals.celebaspoof(models_dir),
    }
    alone: dict[str, Judged] = {
        name: (judged(samples, model), model.threshold) for name, model in rows.items()
    }
    if train:
        alone["LivenessNet, sources left out"] = (leave_out.scores(samples), 0.5)
    return {name: [one] for name, one in alone.items()} | {
        "both, as shipped": [alone["stock"], alone["border"]],
        "both and MiniFASNetV2": [alone["stock"], alone["border"], alone["MiniFASNetV2"]],
    }


def reports(found: Mapping[str, Sequence[Judged]], view: str) -> dict[str, Report]:
    """Each row's rates on the samples of one view."""
    rows = {}
    for name, models in found.items():
        seen = [([one for one in scores if one.sample.view == view], at) for scores, at in models]
        rows[name] = report(*seen[0]) if len(seen) == 1 else together(seen)
    return rows


def overall(rows: Mapping[str, Report], kind: str) -> str:
    """A Markdown table of all sources together, a row a model."""
    species = sorted(next(iter(rows.values())).frames[ALL].apcer)
    lines = _head(["model", "at", "BPCER", *(f"APCER {name}" for name in species), "EER"])
    for name, row in rows.items():
        rates = _of(row, kind)[ALL]
        apcer = [percent(rates.apcer[one]) for one in species]
        at = "each" if name.startswith("both") else f"{row.threshold:.2g}"
        lines.append(_line([name, at, percent(rates.bpcer), *apcer, _eer(rates)]))
    return "\n".join(lines)


def by_source(rows: Mapping[str, Report], kind: str) -> str:
    """A Markdown table of each source: the worst species' APCER / BPCER (EER)."""
    sources = [one for one in _of(next(iter(rows.values())), kind) if one != ALL]
    lines = _head(["source", *rows])
    for source in sources:
        lines.append(_line([source, *(_short(_of(row, kind)[source]) for row in rows.values())]))
    return "\n".join(lines)


def _of(row: Report, kind: str) -> Mapping[str, Rates]:
    return row.frames if kind == "frames" else row.decisions


def _short(rates: Rates) -> str:
    worst = max((rate.value for rate in rates.apcer.values()), default=None)
    cells = [worst, rates.bpcer.value if rates.bpcer.trials else None]
    text = " / ".join("–" if one is None else f"{100 * one:.1f}" for one in cells)
    return f"{text} ({100 * rates.eer.value:.1f})" if rates.eer else text


def _eer(rates: Rates) -> str:
    return between(rates.eer.value if rates.eer else None, rates.eer_interval)


def _head(cells: Sequence[str]) -> list[str]:
    return [_line(cells), "|" + "---|" * len(cells)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
