# SPDX-License-Identifier: MIT
"""What a personal head is worth: ``python -m models.evaluation.personal --data ../shared/data``.

For each source that shows both kinds: a head (models/liveness/head.py) is learnt from half of its
recordings and judged, beside the stock model, by the other half. Where a source has one recording
of a kind, that is cut in two in time, and a tenth of it between the halves is left out; its halves
resemble each other, and the table says so.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from models.errors import ModelError
from models.evaluation import datasets
from models.evaluation.compare import judged
from models.evaluation.datasets import DatasetError, Sample, recordings
from models.evaluation.liveness import ALL, Scored, report
from models.liveness import head, networks
from models.liveness.dataset import crop_of
from models.liveness.passive import STOCK, PassiveModel, load_described
from models.liveness.train import passive

FEWEST = 20  # images of a kind; with fewer, a source tells nothing
THRESHOLD = 0.5  # a head weighs live faces and attacks alike, so this is its middle
BETWEEN = 0.1  # of one recording, what lies between its halves


@dataclass(frozen=True)
class Halves:
    """A source's images to learn from and to judge by; ``apart`` where no recording is in both."""

    learnt: list[Sample]
    judged: list[Sample]
    apart: bool


def main() -> int:
    """0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    options = parser.parse_args()
    try:
        samples = [one for one in datasets.read(options.data / "liveness") if one.box is not None]
        print("| source | recordings | learnt from | judged by | stock | with a head | seconds |")
        print("|" + "---|" * 7)
        for source in sorted({one.source for one in samples}):
            _row(source, [one for one in samples if one.source == source])
    except (DatasetError, ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _row(source: str, samples: Sequence[Sample]) -> None:
    counts = [sum(one.live == live for one in samples) for live in (True, False)]
    if min(counts) < FEWEST:
        return
    halves = divided(samples)
    stock = load_described(STOCK / "model.json")
    started = process_time()
    personal = learnt(halves.learnt)
    seconds = process_time() - started
    cells = [_acer(judged(halves.judged, model), model) for model in (stock, personal)]
    kind = "apart" if halves.apart else "halves of one"
    sizes = (len(halves.learnt), len(halves.judged))
    print(
        f"| {source} | {kind} | {sizes[0]} | {sizes[1]} | {cells[0]} | {cells[1]} "
        f"| {seconds:.1f} |",
        flush=True,
    )


def learnt(samples: Sequence[Sample]) -> PassiveModel:
    """The stock model with a head learnt from these images."""
    architecture = networks.architecture("minifasnet-head")
    crops = np.stack([crop_of(one, architecture.scale, architecture.size) for one in samples])
    live = np.array([one.live for one in samples])
    network = (STOCK / "model.onnx").read_bytes()
    return passive(head.learn(network, architecture.live, crops, live), architecture, THRESHOLD)


def divided(samples: Sequence[Sample]) -> Halves:
    """Whole recordings of each kind to either side, or the halves of the only one."""
    sides: tuple[list[Sample], list[Sample]] = ([], [])
    apart = True
    for live in (True, False):
        own = recordings(one for one in samples if one.live == live)
        if len(own) == 1:
            (frames,) = own.values()
            half = round(len(frames) * (1 - BETWEEN) / 2)
            sides[0].extend(frames[:half])
            sides[1].extend(frames[-half:])
            apart = False
            continue
        taken = [0, 0]
        for frames in sorted(own.values(), key=len, reverse=True):
            side = int(taken[0] > taken[1])
            sides[side].extend(frames)
            taken[side] += len(frames)
    return Halves(*sides, apart)


def _acer(scored: Sequence[Scored], model: PassiveModel) -> str:
    row = report(scored, model.threshold).frames[ALL]
    worst = max(rate.value for rate in row.apcer.values())
    assert row.acer is not None, "a source has both kinds on either side"
    return f"{100 * row.acer:.1f} ({100 * worst:.1f} / {100 * row.bpcer.value:.1f})"


if __name__ == "__main__":
    sys.exit(main())
