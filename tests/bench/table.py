# SPDX-License-Identifier: MIT
"""The figures as tables in Markdown, ready for a page."""

from collections.abc import Iterable, Mapping

from tests.bench.times import Figures


def as_text(figures: Figures) -> str:
    machine = figures["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']:.1f}, "
        f"Python {machine['python']}; "
        f"clip: {figures['clip']}; engine: {figures['engine']['model']}; {figures['runs']} runs.",
    ]
    lines += table("milliseconds | p50 | p95 | max | failed", whole_programs(figures))
    lines += table("one frame | ms", numbers(figures["stages"], ".1f"))
    lines += table("memory (PSS) | MB", numbers(figures["memory"], ".0f"))
    wakeups = dict(figures["wake-ups"])
    seconds = wakeups.pop("seconds")
    lines += table(f"wake-ups in {seconds:.0f} s at rest | times", numbers(wakeups, ".0f"))
    lines += table(
        f"enrolled | {' | '.join(figures['galleries'])}", by_column(figures["galleries"])
    )
    for name in ("dlib's network", "the original's way", "training"):
        if name in figures:
            lines += table(f"{name} | ", numbers(figures[name], ".1f"))
    lines += table(
        "promise | value | goal | reached",
        (
            (one["what"], f"{one['value']:.4g}", f"{one['goal']:g}", yes(one["reached"]))
            for one in figures["ratios"]
        ),
    )
    return "\n".join(lines)


def yes(what: bool) -> str:
    return "yes" if what else "**no**"


def table(heading: str, rows: Iterable[Iterable[str]]) -> list[str]:
    columns = heading.count("|") + 1
    body = [f"| {' | '.join(row)} |" for row in rows]
    return ["", f"| {heading} |", f"|{'---|' * columns}", *body]


def whole_programs(figures: Figures) -> Iterable[list[str]]:
    for name, values in figures.items():
        if isinstance(values, dict) and "failed" in values:
            times = (
                f"{values[key]:.0f}" if key in values else "–" for key in ("p50", "p95", "max")
            )
            yield [name, *times, str(values["failed"])]


def numbers(values: Mapping[str, float], form: str) -> Iterable[tuple[str, str]]:
    return ((name, format(value, form)) for name, value in values.items())


def by_column(columns: Mapping[str, Mapping[str, float]]) -> Iterable[list[str]]:
    names = next(iter(columns.values()))
    return ([name, *(f"{column[name]:.2f} ms" for column in columns.values())] for name in names)
