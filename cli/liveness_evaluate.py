# SPDX-License-Identifier: MIT
"""The verb ``liveness evaluate``: how good liveness models are, on anybody's recordings."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.arguments import PATH, config_option, models_option
from cli.exits import note
from cli.lazy import Verb
from cli.liveness_data import failing, look, naming, samples_of
from cli.scanning import hints
from faceauthd.config import load

if TYPE_CHECKING:
    from models.evaluation.datasets import Sample
    from models.evaluation.liveness import Report, Scored
    from models.liveness.dataset import Looked
    from models.liveness.passive import PassiveModel


@click.command(cls=Verb)
@click.argument("data", type=PATH, metavar="DATA")
@click.option("-m", "--model", "named", multiple=True, metavar="MODEL",
              help="What train wrote, a model's JSON description, or stock.")  # fmt: skip
@click.option("--view", type=click.Choice(("fullframe", "crop")), help="Only these images.")
@click.option("--source", "sources", multiple=True, help="Only this source; may be repeated.")
@click.option("--unseen", is_flag=True, help="Only recordings that none of the models trained on.")
@click.option("--html", type=PATH, metavar="FILE",
              help="Write a page with plots too.")  # fmt: skip
@config_option
@models_option
def evaluate(
    data: Path,
    named: tuple[str, ...],
    view: str | None,
    sources: tuple[str, ...],
    unseen: bool,
    html: Path | None,
    file: Path,
    models_dir: Path | None,
) -> None:
    """Error rates of liveness models (ISO/IEC 30107-3), by frame and by decision.

    Of the models in use, each and all together, or of those given with -m, which may be anybody's:
    ONNX, TFLite or Keras with a JSON description (docs/training.md).
    """
    from models.evaluation import compare
    from models.evaluation.liveness_page import page

    config = load(file)
    place = models_dir or config.models_dir
    with failing():
        models = chosen(named, place)
        samples = fair(samples_of(data, view, sources), named, place, unseen)
        with hints(bar=True) as show:
            looked = look(samples, config.engine, place, show)
            scored = {model.id: judged(looked.samples, model, show) for model in models}
        reports = compare.reports(models, scored)
    answer(reports, looked)
    if html is not None:  # last: what took an hour to compute is not lost with it
        output.page(html, page("Liveness models", reports, scored))


def chosen(named: tuple[str, ...], models_dir: Path) -> "list[PassiveModel]":
    """The models given, or those in use; ModelError where one of these cannot be loaded."""
    from models.liveness.passive import load_passive_models

    if not named:
        return load_passive_models(models_dir)
    if len(set(named)) < len(named):
        raise click.UsageError("a model is given twice")
    found = [given(name) for name in named]
    ids = Counter(model.id for model in found)
    for name, model in zip(named, found, strict=True):
        if ids[model.id] > 1:  # as whoever trains twice has them
            model.id = f"{model.id} ({name})"
    return found


def given(name: str) -> "PassiveModel":
    from models.evaluation import foreign

    if name == "stock":
        return foreign.stock()
    with naming():
        return foreign.load(PATH.convert(name, None, None))


def fair(
    samples: "list[Sample]", named: tuple[str, ...], models_dir: Path, only_unseen: bool
) -> "list[Sample]":
    """The samples to judge by; says so where a model has seen some of them."""
    from models.evaluation.datasets import DatasetError, recordings
    from models.liveness.seen import Seen
    from models.liveness.seen import unseen as not_seen

    if named:
        paths = [Path(name) for name in named if name != "stock"]
        folders = [path if path.is_dir() else path.parent for path in paths]
    else:
        folders = sorted(path for path in models_dir.glob("*") if path.is_dir())
    new = not_seen(samples, map(Seen.by, folders))
    known = len(recordings(samples)) - len(recordings(new))
    if known and not only_unseen:
        note(
            f"{known} of the {len(recordings(samples))} recordings trained one of the models: its "
            "figures flatter; --unseen leaves them out"
        )
    kept = new if only_unseen else samples
    if not kept:
        raise DatasetError("no recording is left to judge by")
    return kept


def judged(samples: "list[Sample]", model: "PassiveModel", show: Any) -> "list[Scored]":
    """The model's scores."""
    from models.evaluation.compare import judged as score

    found = []
    for number, sample in enumerate(samples, 1):
        found += score([sample], model)
        show(f"{model.id}: {number} of {len(samples)}", number / len(samples))
    return found


def answer(reports: "dict[str, Report]", looked: "Looked") -> None:
    from models.evaluation.liveness import COLUMNS, as_json, rows

    faceless = [str(path) for path in looked.faceless]
    if output.wants_json():
        left_out = {"unreadable": looked.unreadable, "faceless": faceless}
        models = {name: as_json(report) for name, report in reports.items()}
        output.print_json({"models": models, **left_out})
        return
    for name, report in reports.items():
        output.say(f"{name}, threshold {report.threshold:.3g}; percent")
        output.table([column.upper() for column in COLUMNS], rows(report))
        output.say("")
    run = next(iter(reports.values())).run
    output.say(f"In brackets: 95 % intervals. A decision: {run} frames, by their lower median.")
    if faceless or looked.unreadable:
        output.say(f"Left out: {len(faceless)} without a face, {len(looked.unreadable)} unreadable")
