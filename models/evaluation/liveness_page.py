# SPDX-License-Identifier: MIT
"""Liveness reports as HTML: tables, DET curves and score histograms by species, all inline."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from models.evaluation.liveness import COLUMNS, Report, Scored, rows
from models.evaluation.plot import Curve, document, plot, table, trade_off

BINS = 40  # of a histogram
NOTE = (
    "ISO/IEC 30107-3. BPCER: live faces refused. APCER: attacks of one species taken for live; "
    "the worst species counts. In brackets: 95 % intervals (Clopper and Pearson). Frames of one "
    "recording resemble each other, so the intervals per frame are too narrow; those per decision "
    "say more."
)


def page(title: str, reports: Mapping[str, Report], scored: Mapping[str, Sequence[Scored]]) -> str:
    """Several models side by side; ``scored`` may lack the ones that are made of others."""
    body = [f"<p>{NOTE}</p>"]
    for name, report in reports.items():
        body += [f"<h2>{escape(name)}, threshold {report.threshold:.3g}</h2>", figures(report)]
    body += ["<h2>Detection error trade-off, worst species</h2>", det(scored), "<h2>Scores</h2>"]
    for name, one in scored.items():
        body += [f"<h3>{escape(name)}</h3>", histogram(one)]
    return document(title, body)


def figures(report: Report) -> str:
    """The table of one report."""
    return table(COLUMNS, rows(report))


def det(scored: Mapping[str, Sequence[Scored]]) -> str:
    """BPCER over the worst species' APCER, per frame, a model a line."""
    return trade_off([Curve(name, _det(one)) for name, one in scored.items()], "APCER", "BPCER")


def histogram(scored: Sequence[Scored]) -> str:
    """How the scores of live faces and of each species are spread."""
    curves = [Curve(name, _shares(values)) for name, values in by_kind(scored).items()]
    return plot(curves, "probability of live", "share", (0.0, 1.0), "%")


def by_kind(scored: Sequence[Scored]) -> dict[str, list[float]]:
    """The scores of live faces ("live") and of each species."""
    kinds: dict[str, list[float]] = {}
    for one in sorted(scored, key=lambda one: (not one.sample.live, one.sample.species)):
        name = "live" if one.sample.live else one.sample.species
        kinds.setdefault(name, []).append(one.score)
    return kinds


def _det(scored: Sequence[Scored]) -> list[tuple[float, float]]:
    kinds = {name: np.sort(values) for name, values in by_kind(scored).items()}
    live = kinds.pop("live", np.empty(0))
    if not live.size or not kinds:
        return []
    thresholds = np.unique(np.concatenate([live, *kinds.values()]))
    refused = np.searchsorted(live, thresholds) / live.size
    taken = [1 - np.searchsorted(values, thresholds) / values.size for values in kinds.values()]
    return list(zip(np.max(taken, axis=0).tolist(), refused.tolist(), strict=True))


def _shares(values: Sequence[float]) -> list[tuple[float, float]]:
    counts, edges = np.histogram(values, bins=BINS, range=(0.0, 1.0))
    centres = (edges[:-1] + edges[1:]) / 2
    return list(zip(centres.tolist(), (counts / len(values)).tolist(), strict=True))
