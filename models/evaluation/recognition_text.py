# SPDX-License-Identifier: MIT
"""A recognition report as rows of a table, and as plain values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from models.evaluation.gates import Gate
from models.evaluation.rates import Rate
from models.evaluation.recognition import Point, Report

COLUMNS = ("engine", "FMR wanted", "threshold", "FMR", "FNMR", "FNMR by person", "FAR", "FRR")

GATE_COLUMNS = ("gate", "limit", "refuses", "FNMR of the rest")


def rows(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """The operating points of all engines, a row each, under `COLUMNS`."""
    return [_row(report, point) for report in reports for point in report.points]


def facts(report: Report) -> str:
    """What was compared and what failed, one line."""
    genuine, impostors = report.comparisons
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(report.failures.items()))
    eer = f"{100 * report.eer.value:.2f} %" if report.eer else "not measurable"
    return (
        f"{report.engine} ({report.model}): {report.people:,} people, {genuine:,} genuine and "
        f"{impostors:,} impostor comparisons; EER {eer}; FTA {share(report.fta)}"
        f"{f' ({why})' if why else ''}; FTE {share(report.fte)}"
    )


def share(rate: Rate) -> str:
    """``1.2 % [0.9, 1.6] of 4,000``; small rates as ``8.3e-05 […]``."""
    if not rate.trials:
        return "–"
    low, high = rate.interval
    if high < 0.01:
        return f"{_small(rate.value)} [{_small(low)}, {_small(high)}] of {rate.trials:,}"
    return f"{100 * rate.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {rate.trials:,}"


def _small(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def as_json(report: Report) -> dict[str, Any]:
    """Plain values; a rate is its errors, trials, value and interval."""
    genuine, impostors = report.comparisons
    return {
        "engine": report.engine,
        "model": report.model,
        "test": report.test,
        "people": report.people,
        "comparisons": {"genuine": genuine, "impostor": impostors},
        "fta": _rate(report.fta),
        "fte": _rate(report.fte),
        "failures": dict(report.failures),
        "eer": asdict(report.eer) if report.eer else None,
        "points": [_point(point) for point in report.points],
        "det": [asdict(point) for point in report.det],
        "scores": {
            "from": -1,
            "to": 1,
            "genuine": report.genuine.tolist(),
            "impostor": report.impostors.tolist(),
        },
    }


def gate_row(gate: Gate) -> tuple[str, ...]:
    """A row under `GATE_COLUMNS`."""
    limit = "–" if gate.limit is None else f"{gate.limit:.3g}"
    return gate.name, limit, share(gate.refused), share(gate.fnmr)


def gate_as_json(gate: Gate) -> dict[str, Any]:
    return {
        "name": gate.name,
        "limit": gate.limit,
        "refused": _rate(gate.refused),
        "fnmr": _rate(gate.fnmr),
    }


def _row(report: Report, point: Point) -> tuple[str, ...]:
    by_person = "–"
    if point.by_person and point.fnmr.trials:
        low, high = point.by_person
        by_person = f"[{100 * low:.1f}, {100 * high:.1f}]"
    return (
        report.engine,
        f"{point.wanted:.0e}, {point.kind}",
        f"{point.threshold:.3f}",
        *(share(rate) for rate in (point.fmr, point.fnmr)),
        by_person,
        *(share(rate) for rate in (point.far, point.frr)),
    )


def _point(point: Point) -> dict[str, Any]:
    rates = ("fmr", "fnmr", "far", "frr")
    return {
        "wanted_fmr": point.wanted,
        "kind": point.kind,
        "threshold": point.threshold,
        **{name: _rate(getattr(point, name)) for name in rates},
        "fnmr_by_person": list(point.by_person) if point.by_person else None,
    }


def _rate(rate: Rate) -> dict[str, Any] | None:
    if not rate.trials:
        return None
    return {
        "errors": rate.errors,
        "trials": rate.trials,
        "value": rate.value,
        "interval": list(rate.interval),
    }
