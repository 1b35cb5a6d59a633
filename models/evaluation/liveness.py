# SPDX-License-Identifier: MIT
"""How good a liveness model is, by ISO/IEC 30107-3, on labelled images.

A report gives, for each source and over all: BPCER, APCER of each attack species, EER, BPCER at
APCER 5 % and ACER, per frame and per decision (a run of frames, judged by its median, as Verify
judges). Sources are never averaged: rates over all are of all their frames together, and the
species that decides is the worst one.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import picture, reading
from models.evaluation import rates
from models.evaluation.datasets import DatasetError, Sample, recordings
from models.face import Box, Image
from models.picture import PictureError
from models.silence import silence

Scorer = Callable[[Image, Box], float]
Locate = Callable[[Image], Box | None]
RUN = 10  # frames in a decision, as in Verify
ALL = "all"
SMALLEST_SIDE = 3  # of an image, which may be a face cut close; with less there is nothing to cut


@dataclass(frozen=True)
class Scored:
    """A sample, and a model's probability that its face is live."""

    sample: Sample
    score: float


@dataclass(frozen=True)
class Rates:
    """One row: what a model does at one threshold, and what it could do.

    ``eer`` and ``bpcer20`` (BPCER where no species' APCER exceeds 5 %) are None where there are
    no live faces or no attacks; ``apcer`` is empty where there are no attacks. EER and ACER are
    each made of two rates, so their intervals are cautious: that of the EER holds both of its
    rates' intervals, that of the ACER goes from the mean of the lower ends to that of the upper.
    """

    bpcer: rates.Rate
    apcer: Mapping[str, rates.Rate]
    eer: rates.EqualErrorRate | None
    bpcer20: rates.Rate | None
    acer: float | None
    eer_interval: tuple[float, float] | None
    acer_interval: tuple[float, float] | None


@dataclass(frozen=True)
class Report:
    """Source (and "all") -> its rates, per frame and per decision of ``run`` frames."""

    threshold: float
    run: int
    frames: Mapping[str, Rates]
    decisions: Mapping[str, Rates]


def score(
    samples: Iterable[Sample], scorer: Scorer, locate: Locate | None = None
) -> tuple[list[Scored], list[Path]]:
    """Every sample's score, and the images in which ``locate`` found no face.

    ``locate`` is asked where the data do not say. DatasetError for an image that cannot be read.
    """
    scored, faceless = [], []
    for sample in samples:
        image = read_image(sample.path)
        box = sample.box or (locate(image) if locate else None)
        if box is None:
            faceless.append(sample.path)
        else:
            scored.append(Scored(sample, scorer(image, box)))
    return scored, faceless


def read_image(path: Path) -> Image:
    """The image as BGR, its size checked before it is decoded; DatasetError where it cannot be."""
    try:
        data = reading.read(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
    # What is wrong is said by us, in one line. Not where images are read by several threads: they
    # were looked at before, and one descriptor is not put aside by many.
    alone = threading.current_thread() is threading.main_thread()
    try:
        with silence() if alone else nullcontext():
            return picture.decode(data, str(path), SMALLEST_SIDE)
    except PictureError as error:
        raise DatasetError(str(error)) from None


def report(scored: Sequence[Scored], threshold: float, run: int = RUN) -> Report:
    """The rates of these scores at ``threshold``."""
    frames = [(one.sample, one.score) for one in scored]
    decisions = _decisions(scored, run)
    return Report(threshold, run, _by_source(frames, threshold), _by_source(decisions, threshold))


def together(models: Sequence[tuple[Sequence[Scored], float]], run: int = RUN) -> Report:
    """The rates of several models (scores of the same samples, threshold) that may each deny.

    Each score is brought to a scale on which its threshold is 1/2, and the lowest one counts.
    """
    scaled = [
        [Scored(one.sample, _scaled(one.score, threshold)) for one in scored]
        for scored, threshold in models
    ]
    frames = [
        (votes[0].sample, min(vote.score for vote in votes)) for votes in zip(*scaled, strict=True)
    ]
    runs = [_decisions(scored, run) for scored in scaled]
    decisions = [
        (votes[0][0], min(score for _, score in votes)) for votes in zip(*runs, strict=True)
    ]
    return Report(0.5, run, _by_source(frames, 0.5), _by_source(decisions, 0.5))


def _scaled(score: float, threshold: float) -> float:
    if score < threshold:
        return score / threshold / 2
    return 0.5 + (score - threshold) / max(1 - threshold, 1e-9) / 2


def live_decisions(scored: Sequence[Scored], run: int = RUN) -> list[float]:
    """The scores of whole decisions on live faces."""
    return [score for sample, score in _decisions(scored, run) if sample.live]


def as_json(found: Report) -> dict[str, Any]:
    """The report as plain values, each rate with its interval."""
    return {
        "threshold": found.threshold,
        "run": found.run,
        "frames": {source: _row(row) for source, row in found.frames.items()},
        "decisions": {source: _row(row) for source, row in found.decisions.items()},
    }


COLUMNS = ("source", "per", "BPCER", "APCER, each species", "ACER", "EER", "BPCER at APCER 5 %")


def rows(found: Report) -> list[tuple[str, ...]]:
    """The report for people, below ``COLUMNS``; percent, with 95 % intervals."""
    return [
        (source, kind, *_cells(row))
        for kind, by_source in (("frame", found.frames), ("decision", found.decisions))
        for source, row in by_source.items()
    ]


def as_table(found: Report) -> str:
    """The report as a Markdown table."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows(found))])


def _cells(row: Rates) -> tuple[str, ...]:
    species = "; ".join(f"{name} {percent(rate)}" for name, rate in row.apcer.items())
    return (
        percent(row.bpcer),
        species or "–",
        between(row.acer, row.acer_interval),
        between(row.eer.value if row.eer else None, row.eer_interval),
        percent(row.bpcer20),
    )


def _decisions(scored: Sequence[Scored], run: int) -> list[tuple[Sample, float]]:
    by_path = {one.sample.path: one.score for one in scored}
    return [
        (samples[0], float(decision))
        for samples in recordings(one.sample for one in scored).values()
        for decision in rates.decisions([by_path[sample.path] for sample in samples], run)
    ]


def _by_source(scores: Sequence[tuple[Sample, float]], threshold: float) -> dict[str, Rates]:
    sources = sorted({sample.source for sample, _ in scores})
    rows = {
        source: _rates([pair for pair in scores if pair[0].source == source], threshold)
        for source in sources
    }
    return rows | {ALL: _rates(scores, threshold)}


def _rates(scores: Sequence[tuple[Sample, float]], threshold: float) -> Rates:
    live = [value for sample, value in scores if sample.live]
    attacks: dict[str, list[float]] = {}
    for sample, value in scores:
        if not sample.live:
            attacks.setdefault(sample.species, []).append(value)
    apcer = {name: rates.apcer(attacks[name], threshold) for name in sorted(attacks)}
    bpcer = rates.bpcer(live, threshold)
    if not live or not attacks:
        return Rates(bpcer, apcer, None, None, None, None, None)
    everything = np.concatenate(list(attacks.values()))
    eer = rates.equal_error_rate(live, everything)
    at_eer = (rates.bpcer(live, eer.threshold), rates.apcer(everything, eer.threshold))
    ends = [rate.interval for rate in at_eer]
    worst = rates.worst_apcer(attacks, threshold)[1].interval
    return Rates(
        bpcer=bpcer,
        apcer=apcer,
        eer=eer,
        bpcer20=rates.bpcer_at(live, attacks)[0],
        acer=rates.acer(attacks, live, threshold),
        eer_interval=(min(low for low, _ in ends), max(high for _, high in ends)),
        acer_interval=((bpcer.interval[0] + worst[0]) / 2, (bpcer.interval[1] + worst[1]) / 2),
    )


def _row(row: Rates) -> dict[str, Any]:
    return {
        "bpcer": _rate(row.bpcer),
        "apcer": {name: _rate(rate) for name, rate in row.apcer.items()},
        "eer": {**asdict(row.eer), "interval": row.eer_interval} if row.eer else None,
        "bpcer_at_apcer_5_percent": _rate(row.bpcer20),
        "acer": None if row.acer is None else {"value": row.acer, "interval": row.acer_interval},
    }


def _rate(rate: rates.Rate | None) -> dict[str, Any] | None:
    if rate is None or not rate.trials:
        return None
    return {
        "errors": rate.errors,
        "trials": rate.trials,
        "value": rate.value,
        "interval": list(rate.interval),
    }


def percent(rate: rates.Rate | None) -> str:
    """The rate in percent with its interval and what it is of, or a dash."""
    if rate is None or not rate.trials:
        return "–"
    return f"{between(rate.value, rate.interval)} of {rate.trials}"


def between(value: float | None, interval: tuple[float, float] | None) -> str:
    """A share in percent with its interval, or a dash."""
    if value is None or interval is None:
        return "–"
    return f"{100 * value:.1f} [{100 * interval[0]:.1f}–{100 * interval[1]:.1f}]"
