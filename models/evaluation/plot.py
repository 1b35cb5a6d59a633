# SPDX-License-Identifier: MIT
"""Plots and tables for a report's page, as inline SVG and HTML.

Drawn here, so that a page needs neither a plotting library nor a network. Whatever is text is
escaped.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, MARGIN = 560, 360, 48  # of a plot, pixels
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#6a4c93", "#b8860b", "#5f6b6d")
TICKS = 4  # steps of an axis
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .2rem .7rem; text-align: left }
tr:nth-child(even) { background: #f4f4f4 } svg { max-width: 100% } text { font: 12px sans-serif }
figure { display: inline-block; margin: .4rem; font-size: 12px } figcaption { max-width: 12rem }
"""

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Curve:
    """A named line through (x, y) points."""

    name: str
    points: Sequence[tuple[float, float]]


def document(title: str, body: Iterable[str]) -> str:
    """A whole page, complete in itself; ``body`` is HTML."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>{''.join(body)}</html>\n"
    )


def table(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Rows of cells under their columns."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def trade_off(curves: Sequence[Curve], across: str, down: str) -> str:
    """Two error rates against each other, both axes logarithmic; points at 0 are left out."""
    seen = [value for curve in curves for point in curve.points for value in point if value > 0]
    powers = range(math.floor(math.log10(min(seen, default=1e-3))), 1)
    x, y = _across(powers[0], 0), _down(powers[0], 0)
    parts = [_axis_x((x(power), f"1e{power}") for power in powers)]
    parts += [_axis_y((y(power), f"1e{power}") for power in powers), _labels(across, down)]
    logarithmic = [
        Curve(one.name, [(math.log10(a), math.log10(b)) for a, b in one.points if a > 0 and b > 0])
        for one in curves
    ]
    return _svg([*parts, *_drawn(logarithmic, x, y)])


def plot(
    curves: Sequence[Curve], across: str, down: str, extent: tuple[float, float], unit: str = ""
) -> str:
    """Lines over an x axis from ``extent[0]`` to ``extent[1]``; y from 0, in percent or plain."""
    top = max((y for curve in curves for _, y in curve.points), default=0.0) or 1e-9
    x, y = _across(*extent), _down(0, top)
    steps = [extent[0] + (extent[1] - extent[0]) * step / TICKS for step in range(TICKS + 1)]
    heights = (0.0, top)
    names = [f"{100 * one:.0f} %" if unit == "%" else f"{one:.3g}" for one in heights]
    parts = [_axis_x((x(step), f"{step:.3g}") for step in steps), _labels(across, down)]
    parts.append(_axis_y((y(one), name) for one, name in zip(heights, names, strict=True)))
    return _svg([*parts, *_drawn(curves, x, y)])


def _drawn(curves: Sequence[Curve], x: Scale, y: Scale) -> list[str]:
    """Each curve in its colour, and their names."""
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(curves))]
    lines = [
        _line([(x(a), y(b)) for a, b in curve.points], colour)
        for curve, colour in zip(curves, colours, strict=True)
    ]
    return [*lines, _legend([(one.name, c) for one, c in zip(curves, colours, strict=True)])]


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
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
        f'<text x="8" y="{MARGIN - 16}">{escape(down)}</text>'
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
