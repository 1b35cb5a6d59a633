# SPDX-License-Identifier: MIT
"""A recognition report as one HTML file: tables, DET curves and score histograms, all inline.

The plots are SVG, drawn here, so that the page needs neither a plotting library nor a network.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from models.evaluation.recognition import BINS, Report
from models.evaluation.recognition_text import COLUMNS, facts, rows

WIDTH, HEIGHT, MARGIN = 560, 360, 48  # of a plot, pixels
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#6a4c93", "#b8860b")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .2rem .7rem; text-align: left }
tr:nth-child(even) { background: #f4f4f4 } svg { max-width: 100% } text { font: 12px sans-serif }
"""

Scale = Callable[[float], float]


def page(title: str, reports: Sequence[Report]) -> str:
    """The whole page."""
    body = [f"<h1>{escape(title)}</h1>", f"<p>{escape(reports[0].test)}.</p>"]
    body += [f"<p>{escape(facts(report))}.</p>" for report in reports]
    body += [_table(COLUMNS, rows(reports))]
    body += ["<h2>Detection error trade-off</h2>", det_plot(reports), "<h2>Scores</h2>"]
    body += [score_plot(report) for report in reports]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style>{''.join(body)}</html>\n"
    )


def det_plot(reports: Sequence[Report]) -> str:
    """FNMR over FMR, both logarithmic, an engine a line."""
    everything = [
        value for one in reports for point in one.det for value in (point.fmr, point.fnmr)
    ]
    least = min((value for value in everything if value > 0), default=1e-3)
    decades = range(math.floor(math.log10(least)), 1)
    x, y = _across(decades[0], 0), _down(decades[0], 0)
    parts = [_axis_x((x(power), f"1e{power}") for power in decades)]
    parts += [_axis_y((y(power), f"1e{power}") for power in decades), _labels("FMR", "FNMR")]
    for report, colour in zip(reports, COLOURS, strict=False):
        line = [
            (x(math.log10(point.fmr)), y(math.log10(point.fnmr)))
            for point in report.det
            if point.fmr > 0 and point.fnmr > 0
        ]
        parts.append(_line(line, colour))
    parts.append(
        _legend([(report.engine, colour) for report, colour in zip(reports, COLOURS, strict=False)])
    )
    return _svg(parts)


def score_plot(report: Report) -> str:
    """The share of genuine and of impostor comparisons at each cosine."""
    shares = [_shares(report.genuine), _shares(report.impostors)]
    top = max(float(max(share.max() for share in shares)), 1e-9)
    x, y = _across(-1, 1), _down(0, top)
    ticks = (-1.0, -0.5, 0.0, 0.5, 1.0)
    parts = [_axis_x((x(tick), f"{tick:g}") for tick in ticks), _labels("cosine", "share")]
    parts.append(_axis_y((y(value), f"{100 * value:.0f} %") for value in (0.0, top)))
    centres = -1 + (np.arange(BINS) + 0.5) * 2 / BINS
    for share, colour in zip(shares, COLOURS, strict=False):
        line = zip(centres.tolist(), share.tolist(), strict=True)
        parts.append(_line([(x(centre), y(value)) for centre, value in line], colour))
    names = (f"{report.engine}: genuine", f"{report.engine}: impostors")
    parts.append(_legend(list(zip(names, COLOURS, strict=False))))
    return _svg(parts)


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return counts / max(int(counts.sum()), 1)


def _across(low: float, high: float) -> Scale:
    return lambda value: MARGIN + (value - low) / ((high - low) or 1) * (WIDTH - 2 * MARGIN)


def _down(low: float, high: float) -> Scale:
    return lambda value: (
        HEIGHT - MARGIN - (value - low) / ((high - low) or 1) * (HEIGHT - 2 * MARGIN)
    )


def _axis_x(ticks: Iterable[tuple[float, str]]) -> str:
    low = HEIGHT - MARGIN
    return "".join(
        f'<path d="M{at:.1f} {MARGIN}V{low}" stroke="#ddd"/>'
        f'<text x="{at:.1f}" y="{low + 16}" text-anchor="middle">{name}</text>'
        for at, name in ticks
    )


def _axis_y(ticks: Iterable[tuple[float, str]]) -> str:
    return "".join(
        f'<path d="M{MARGIN} {at:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>'
        f'<text x="{MARGIN - 4}" y="{at + 4:.1f}" text-anchor="end">{name}</text>'
        for at, name in ticks
    )


def _labels(across: str, down: str) -> str:
    return (
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{across}</text>'
        f'<text x="8" y="{MARGIN - 16}">{down}</text>'
    )


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f'<text x="{WIDTH - MARGIN}" y="{MARGIN + 16 * row}" text-anchor="end" fill="{colour}">'
        f"{escape(name)}</text>"
        for row, (name, colour) in enumerate(entries, 1)
    )


def _svg(parts: Iterable[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}">{"".join(parts)}</svg>'


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells
    )
    return f"<table><tr>{head}</tr>{body}</table>"
