# SPDX-License-Identifier: MIT
"""What a personal head is worth: ``python -m models.evaluation.personal --data ../shared/data``.

For each source that shows both kinds, heads (models/liveness/head.py) are learnt from some of its
recordings and judged, beside the stock model, by the others, so that each recording is judged once.
Where a source has one recording of a kind, its recordings are cut in two in time, and a tenth of
them between the halves is left out; the halves resemble each other, and the table says so.

``--arch minifasnet`` trains all layers (TensorFlow) in place of a head; the epoch that is kept is
best on what trained it, since one recording of a kind leaves none to choose by.

``--gate`` asks what ``faceauth liveness install`` makes of such heads: each is learnt from a third
of a source, compared with the stock model on the second and, if it is installed, judged by the
third, in turns. Few sources have the 30 decisions of each kind that it takes, so the gate is tried
as it is, and with single frames in the place of decisions.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple

from models.errors import ModelError
from models.evaluation import datasets
from models.evaluation.compare import judged
from models.evaluation.datasets import DatasetError, Sample, recordings
from models.evaluation.liveness import ALL, RUN, Rates, Scored, report
from models.liveness import backend, install, networks
from models.liveness.distribution import team
from models.liveness.export import export
from models.liveness.passive import STOCK, PassiveModel, load_described
from models.liveness.presets import preset
from models.liveness.splitting import Split
from models.liveness.train import HEAD_THRESHOLD, fitted, learnt_head, passive

FEWEST = 20  # images of a kind; with fewer, a source tells nothing
FOLDS = 4
BETWEEN = 0.1  # of one recording, what lies between its parts
HEAD, ALL_LAYERS = "minifasnet-head", "minifasnet"
Parts = list[list[Sample]]


class Source(NamedTuple):
    """A source in parts; ``apart`` where no recording is in two of them."""

    name: str
    parts: Parts
    apart: bool


def main() -> int:
    """0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    parser.add_argument("--gate", action="store_true", help="what install makes of the heads")
    parser.add_argument("--arch", choices=(HEAD, ALL_LAYERS), default=HEAD)
    parser.add_argument("--source", action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    try:
        everything = datasets.read(options.data / "liveness")
        wanted = options.source or {one.source for one in everything}
        samples = [one for one in everything if one.box is not None and one.source in wanted]
        stock = load_described(STOCK / "model.json")
        told = gate_lines if options.gate else lines
        for line in told(samples, stock, options.arch):
            print(line, flush=True)
    except (DatasetError, ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def lines(samples: Sequence[Sample], stock: PassiveModel, arch: str) -> Iterator[str]:
    """A Markdown table: stock and what was learnt, each source's ACER."""
    yield f"| source | recordings | images | learnt | stock | {arch} | seconds |"
    yield "|" + "---|" * 7
    for source in sources(samples, FOLDS, 2):
        started, scored = process_time(), []
        for out, part in enumerate(source.parts):
            rest = [one for index, own in enumerate(source.parts) if index != out for one in own]
            # Of halves of one recording, the second alone is judged: as a camera goes on.
            if source.apart or out == len(source.parts) - 1:
                scored += judged(part, learnt(rest, arch))
        seconds = process_time() - started
        known = judged([one.sample for one in scored], stock)
        times = len(source.parts) if source.apart else 1
        yield (
            f"| {source.name} | {'apart' if source.apart else 'halves of one'} | {len(scored)} "
            f"| {times} times | {acer(known, stock.threshold)} | {acer(scored, HEAD_THRESHOLD)} "
            f"| {seconds / times:.1f} |"
        )


def gate_lines(samples: Sequence[Sample], stock: PassiveModel, arch: str) -> Iterator[str]:
    """A Markdown table: what the gate makes of each, and how it is on what comes after."""
    yield f"| source | recordings | gate | with frames as decisions | stock | {arch} |"
    yield "|" + "---|" * 6
    for source in sources(samples, 3, 3):
        for turn in range(3):
            own, compared, later = (source.parts[(turn + part) % 3] for part in range(3))
            model = learnt(own, arch)
            candidate, known = judged(compared, model), judged(compared, stock)
            after, before = judged(later, model), judged(later, stock)
            verdicts = [verdict(candidate, known, stock.threshold, run) for run in (RUN, 1)]
            yield (
                f"| {source.name} | {'apart' if source.apart else 'thirds of one'} "
                f"| {verdicts[0]} | {verdicts[1]} | {acer(before, stock.threshold)} "
                f"| {acer(after, HEAD_THRESHOLD)} |"
            )


def verdict(candidate: Sequence[Scored], known: Sequence[Scored], at: float, run: int) -> str:
    """What the gate says, in a word or two."""
    new, old = (candidate, HEAD_THRESHOLD), (known, at)
    found = install.compare(new, old, ([old], [old, new]), run)
    if found.worse:
        return "worse"
    return "too few" if found.missing else "accepted"


def learnt(samples: Sequence[Sample], arch: str) -> PassiveModel:
    """The stock model with a head learnt from these images, or the first of its networks trained.

    Both weigh live faces and attacks alike, so both take 1/2 for a threshold.
    """
    settings, architecture = preset(arch, finetune=True), networks.architecture(arch)
    with tempfile.TemporaryDirectory() as work:
        if architecture.head:
            network = learnt_head(samples, settings, Path(work))
        else:
            backend.start()
            parts = Split("session", list(samples), list(samples))
            model, _ = fitted(parts, settings, architecture, Path(work), team())
            network = export(model)
    return passive(network, architecture, HEAD_THRESHOLD)


def sources(samples: Sequence[Sample], most: int, fewest: int) -> Iterator[Source]:
    """The sources with enough images of both kinds, in up to ``most`` parts, or in ``fewest``."""
    for name in sorted({one.source for one in samples}):
        own = [one for one in samples if one.source == name]
        kinds = [recordings(one for one in own if one.live == live) for live in (True, False)]
        if min(sum(map(len, kind.values())) for kind in kinds) < FEWEST:
            continue
        count = min(most, *map(len, kinds))
        if count >= fewest:
            yield Source(name, whole(kinds, count), apart=True)
        else:
            yield Source(name, in_time(kinds, fewest), apart=False)


def whole(kinds: Sequence[Mapping[tuple[str, str], list[Sample]]], count: int) -> Parts:
    """Whole recordings in ``count`` parts, of each kind about as many images in each."""
    parts: Parts = [[] for _ in range(count)]
    for kind in kinds:
        taken = [0] * count
        for frames in sorted(kind.values(), key=len, reverse=True):
            part = taken.index(min(taken))
            parts[part].extend(frames)
            taken[part] += len(frames)
    return parts


def in_time(kinds: Sequence[Mapping[tuple[str, str], list[Sample]]], count: int) -> Parts:
    """All of a kind's frames, cut into ``count`` parts with a gap between."""
    parts: Parts = [[] for _ in range(count)]
    for kind in kinds:
        frames = [one for own in kind.values() for one in own]
        length = len(frames) * (1 - (count - 1) * BETWEEN) / count
        for part in range(count):
            start = part * (length + BETWEEN * len(frames))
            parts[part].extend(frames[round(start) : round(start + length)])
    return parts


def acer(scored: Sequence[Scored], threshold: float) -> str:
    """ACER, its interval, and (APCER of the worst species / BPCER), per frame, in percent."""
    row: Rates = report(scored, threshold).frames[ALL]
    worst = max(rate.value for rate in row.apcer.values())
    assert row.acer is not None and row.acer_interval is not None, "each part has both kinds"
    low, high = (f"{100 * bound:.1f}" for bound in row.acer_interval)
    errors = f"({100 * worst:.1f} / {100 * row.bpcer.value:.1f})"
    return f"{100 * row.acer:.1f} [{low}–{high}] {errors}"


if __name__ == "__main__":
    sys.exit(main())
