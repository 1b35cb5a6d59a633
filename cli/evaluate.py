# SPDX-License-Identifier: MIT
"""The verb ``evaluate``: how good the engines are, on anybody's own images."""

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.arguments import PATH, config_option, models_option
from cli.exits import Exit, cannot_load, die
from cli.lazy import Verb, Verbs
from cli.scanning import hints
from faceauthd.config import load
from models.errors import ModelError

if TYPE_CHECKING:
    from models.evaluation.gates import Gate
    from models.evaluation.recognition import Report, Test

VERBS = {"recognition": "cli.evaluate:recognition"}


@click.group(cls=Verbs, verbs=VERBS)
def evaluate() -> None:
    """Measure how good the models are, on images of your choice."""


@click.command(cls=Verb)
@click.argument("folder", type=PATH, metavar="DIR", required=False)
@click.option("--pairs", type=PATH, metavar="FILE", help="A list of pairs, as LFW's.")
@click.option("--cross", is_flag=True, help="With --pairs: impostors are every two listed images.")
@click.option(
    "-e", "--engine", "engines", multiple=True, help="An engine; give it again for several."
)
@click.option("--gates", is_flag=True, help="Also what quality gates would do.")
@click.option("--html", type=PATH, metavar="FILE", help="Write a page with plots too.")
@click.option("--cache", type=PATH, metavar="DIR", help="Where embeddings are kept.")
@click.option("--no-cache", is_flag=True, help="Keep no embeddings.")
@config_option
@models_option
def recognition(
    folder: Path | None,
    pairs: Path | None,
    cross: bool,
    engines: tuple[str, ...],
    gates: bool,
    html: Path | None,
    cache: Path | None,
    no_cache: bool,
    file: Path,
    models_dir: Path | None,
) -> None:
    """Error rates of recognition (ISO/IEC 19795-1).

    DIR holds a folder for each person, with images, or with recorded sessions (folders of images,
    or clips). With --pairs it is where the listed images are; left out, beside the list.
    """
    from models.evaluation.datasets import DatasetError
    from models.evaluation.page import page

    kept = None if no_cache else cache or default_cache()
    place = models_dir or load(file).models_dir
    try:
        test = chosen_test(folder, pairs, cross)
        found = [measured(test, name, place, kept, gates) for name in engines or ("auto",)]
    except DatasetError as error:
        die(str(error), Exit.USAGE)
    except ModelError as error:
        cannot_load(error)
    reports = [report for report, _ in found]
    if output.wants_json():
        output.print_json([as_json(*one) for one in found])
    else:
        show(reports)
        for report, rows in found:
            show_gates(report.engine, rows)
    if html is not None:  # last: what took an hour to compute is not lost with it
        output.page(html, page("Recognition by faceauth's engines", reports))


def default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "faceauth"
    except RuntimeError:  # a user without a name, and no $HOME
        die("you have no home folder to keep embeddings in; use --cache or --no-cache", Exit.USAGE)


def chosen_test(folder: Path | None, pairs: Path | None, cross: bool) -> "Test":
    """What the command line asks to compare; DatasetError where it cannot be."""
    from models.evaluation.recognition import of_folder, of_pairs

    if pairs is not None:
        return of_pairs(pairs, folder or pairs.parent, cross=cross)
    if folder is None:
        raise click.UsageError("give a folder of people, or a list of pairs with --pairs")
    if cross:
        raise click.UsageError("--cross is about --pairs; a folder's images all are compared")
    return of_folder(folder)


def measured(
    test: "Test", name: str, models_dir: Path, cache: Path | None, gates: bool
) -> tuple["Report", list["Gate"]]:
    """One engine's report and, where asked for, its gates."""
    from models.engine import load_engine
    from models.evaluation.embeddings import Cache
    from models.evaluation.gates import of_test
    from models.evaluation.recognition import evaluate as judge

    engine = load_engine(name, models_dir)
    with closing(Cache(cache, engine)) as kept, hints(bar=True) as show_progress:

        def progress(done: int, of: int) -> None:
            show_progress(f"{engine.name}: {done:,} of {of:,} files", done / of)

        report = judge(test, engine, kept, progress)
        return report, of_test(test, engine, kept) if gates else []


def as_json(report: "Report", gates: list["Gate"]) -> dict[str, object]:
    from models.evaluation import recognition_text

    listed = [recognition_text.gate_as_json(gate) for gate in gates]
    return recognition_text.as_json(report) | ({"gates": listed} if gates else {})


def show(reports: list["Report"]) -> None:
    from models.evaluation import recognition_text

    output.say(f"Compared: {reports[0].test}")
    for report in reports:
        output.say(recognition_text.facts(report))
    rows = recognition_text.rows(reports)
    if rows:
        output.say("")
        output.table(recognition_text.COLUMNS, rows)
    output.say("In brackets: 95 % intervals. FAR and FRR count failures to acquire and to enrol.")


def show_gates(engine: str, gates: list["Gate"]) -> None:
    from models.evaluation import recognition_text

    if gates:
        output.say(f"\nQuality gates, {engine}: FNMR at FMR 1e-4 of what passes")
        output.table(recognition_text.GATE_COLUMNS, map(recognition_text.gate_row, gates))
