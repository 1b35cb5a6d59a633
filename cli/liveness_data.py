# SPDX-License-Identifier: MIT
"""What the verbs of ``liveness`` have in common: labelled images, their faces, what is wrong."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.arguments import bus_text
from cli.exits import Exit, cannot_load, die, note
from cli.language import _
from models.errors import ModelError

if TYPE_CHECKING:
    from models.evaluation.datasets import Sample
    from models.liveness.dataset import Locate, Looked


def model_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse at once what install would refuse at the end; for click's callbacks."""
    from models.liveness.install import require_name

    bus_text(context, parameter, value)
    try:
        require_name(value)
    except ModelError as error:
        raise click.BadParameter(str(error)) from None
    return value


name_option = click.option(
    "--name", default="personal", show_default=True, callback=model_name, help="Its name."
)


@contextmanager
def failing() -> Iterator[None]:
    """What is wrong with the data, a start or a model ends the command with one line."""
    from models.evaluation.datasets import DatasetError
    from models.liveness.export import ExportError
    from models.liveness.torchfile import WeightsError

    try:
        yield
    except (DatasetError, WeightsError) as error:
        die(str(error), Exit.USAGE)
    except (ModelError, ExportError) as error:
        cannot_load(error)


@contextmanager
def naming() -> Iterator[None]:
    """A model that the command line names, and that is not one, ends the command."""
    from models.liveness.backend import MissingError

    try:
        yield
    except MissingError:
        raise
    except ModelError as error:
        denied = isinstance(error.__cause__, PermissionError)
        die(str(error), Exit.DENIED if denied else Exit.USAGE)


def samples_of(data: Path, view: str | None = None, sources: Sequence[str] = ()) -> "list[Sample]":
    """The labelled images of this view and these sources; DatasetError where there are none."""
    from models.evaluation import datasets

    if not data.is_dir():
        raise datasets.DatasetError(f"{data} is not a folder of labelled images")
    found = [
        one
        for one in datasets.read(data)
        if view in (None, one.view) and (not sources or one.source in sources)
    ]
    if not found:
        raise datasets.DatasetError(f"{data} has no images of that view and source")
    return found


def locator(samples: "list[Sample]", engine: str, models_dir: Path) -> "Locate | None":
    """What finds the largest face, where the data do not say where it is."""
    if all(one.box for one in samples):
        return None
    from models.engine import load_engine

    detector = load_engine(engine, models_dir)

    def largest(image: Any) -> Any:
        faces = detector.detect(image)
        return max(faces, key=lambda face: face.box.area).box if faces else None

    return largest


def look(samples: "list[Sample]", engine: str, models_dir: Path, show: Any) -> "Looked":
    """The samples that can be used; DatasetError where none can."""
    from models.evaluation.datasets import DatasetError
    from models.liveness import dataset

    def progress(done: int, of: int) -> None:
        show(_("Looking at the images: {done} of {of}").format(done=done, of=of), done / of)

    found = dataset.look(samples, locator(samples, engine, models_dir), progress)
    if not found.samples:
        raise DatasetError(f"no image can be used: {(found.unreadable or ['no face is found'])[0]}")
    tell_left_out(found.unreadable, found.faceless)
    return found


def tell_left_out(unreadable: Sequence[str], faceless: Sequence[Path]) -> list[str]:
    """A line for each image that could not be used; says how many, and names the first."""
    left_out = [*unreadable, *(f"{path}: no face is found" for path in faceless)]
    if left_out:
        many = "1 image is" if len(left_out) == 1 else f"{len(left_out)} images are"
        note(f"{many} left out: {left_out[0]}{', …' if len(left_out) > 1 else ''}")
    return left_out
