# SPDX-License-Identifier: MIT
"""A recognition report as one HTML file: tables, DET curves and score histograms, all inline."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from models.evaluation.plot import Curve, document, plot, table, trade_off
from models.evaluation.recognition import BINS, Report
from models.evaluation.recognition_text import COLUMNS, facts, rows


def page(title: str, reports: Sequence[Report]) -> str:
    """The whole page."""
    body = [f"<p>{escape(reports[0].test)}.</p>"]
    body += [f"<p>{escape(facts(report))}.</p>" for report in reports]
    body += [table(COLUMNS, rows(reports))]
    body += ["<h2>Detection error trade-off</h2>", det_plot(reports), "<h2>Scores</h2>"]
    body += [score_plot(report) for report in reports]
    return document(title, body)


def det_plot(reports: Sequence[Report]) -> str:
    """FNMR over FMR, both logarithmic, an engine a line."""
    curves = [
        Curve(report.engine, [(point.fmr, point.fnmr) for point in report.det])
        for report in reports
    ]
    return trade_off(curves, "FMR", "FNMR")


def score_plot(report: Report) -> str:
    """The share of genuine and of impostor comparisons at each cosine."""
    kinds = {"genuine": report.genuine, "impostors": report.impostors}
    curves = [Curve(f"{report.engine}: {name}", _shares(one)) for name, one in kinds.items()]
    return plot(curves, "cosine", "share", (-1.0, 1.0), "%")


def _shares(counts: NDArray[np.int64]) -> list[tuple[float, float]]:
    centres = -1 + (np.arange(BINS) + 0.5) * 2 / BINS
    shares = counts / max(int(counts.sum()), 1)
    return list(zip(centres.tolist(), shares.tolist(), strict=True))
