# SPDX-License-Identifier: MIT
"""The verb ``models``: the networks that engines and liveness use, each known by its hash."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cli import connection, output
from cli.arguments import PATH, bus_text, config_option
from cli.exits import Exit, die, note
from cli.language import _, later
from cli.lazy import Verb, Verbs
from cli.scanning import hints
from faceauthd.config import load
from models.errors import ModelError

if TYPE_CHECKING:
    from models.registry import Model, ModelFile

VERBS = {
    "list": "cli.models:list_models",
    "install": "cli.models:install",
    "verify": "cli.models:verify",
    "remove": "cli.models:remove",
}


class Place(NamedTuple):
    """Where models are: the folder given, else the one that the configuration names."""

    config: Path
    folder: Path | None

    def resolve(self) -> Path:
        return self.folder or load(self.config).models_dir


@click.group(cls=Verbs, verbs=VERBS)
@config_option
@click.option("-d", "--dir", "folder", type=PATH, help="Another folder of models.")
@click.pass_context
def models(context: click.Context, file: Path, folder: Path | None) -> None:
    """Install and check the networks that faceauth uses."""
    context.obj = Place(file, folder)


@click.command(cls=Verb)
@click.pass_obj
def list_models(place: Place) -> None:
    """List the models there are, and which are installed."""
    from models.registry import models as registered

    folder = place.resolve()
    found = [describe(model, folder) for model in registered().values()]
    if output.wants_json():
        output.print_json({"folder": str(folder), "models": found})
    else:
        heads = (_("NAME"), _("ROLE"), _("STATE"), _("LICENCE"), _("TITLE"))
        output.table(heads, map(row, found))
    if any(one["state"] == "unknown" for one in found):
        hidden = _("you may not look into {folder}; see: sudo faceauth models list")
        note(hidden.format(folder=folder))


def describe(model: "Model", folder: Path) -> dict[str, str]:
    word, reason = state(model, folder)
    return {
        "name": model.name,
        "id": model.id,
        "role": model.role,
        "state": word,
        "reason": reason,
        "licence": model.licence,
        "home": model.home,
        "title": model.title,
    }


def row(one: dict[str, str]) -> tuple[str, ...]:
    return one["name"], one["role"], _(one["state"]), one["licence"], one["title"]


def state(model: "Model", folder: Path) -> tuple[str, str]:
    """``installed``, ``missing``, or ``damaged`` or ``unknown`` and why."""
    from models.install import verify as check

    try:
        if not model.is_installed(folder):
            return later("missing"), ""
        check(model.name, folder)
    except ModelError as error:
        hidden = isinstance(error.__cause__, PermissionError)  # the daemon's folder is its own
        return later("unknown") if hidden else later("damaged"), str(error)
    return later("installed"), ""


@click.command(cls=Verb)
@click.argument("name", callback=bus_text)
@click.option("--from", "source", type=PATH, metavar="DIR", help="Copy it from DIR.")
@click.pass_obj
def install(place: Place, name: str, source: Path | None) -> None:
    """Fetch a model from its official address, or copy it from a folder.

    Only the registered files are installed, known by their SHA-256. What finds the faces for it is
    fetched as well.
    """
    from models.engine import ENGINES, missing_parts
    from models.install import install as put

    folder = place.resolve()
    with failing(name, Exit.UNAVAILABLE), hints(bar=True) as show:

        def on_progress(file: "ModelFile", here: int) -> None:
            show(_("Fetching {file}").format(file=file.name), here / file.size)

        others = [part for part in missing_parts(name, folder) if part != name]
        for other in others if source is None else ():
            put(other, folder, None, on_progress)
        where = put(name, folder, source, on_progress)
    for other in others:
        here = _("{name} works with {other} alone, which is installed as well")
        missing = _("{name} works with {other} alone, which is missing: install it as well")
        note((here if source is None else missing).format(name=name, other=other))
    if name in ENGINES:
        again = _("faces that were not enrolled with {name} do not count with it: faceauth add")
        note(again.format(name=name))
    connection.reload(f"{name} is installed")
    line = _("Installed {name} in {folder}").format(name=name, folder=where)
    output.answer({"model": name, "folder": str(where)}, line)


@click.command(cls=Verb)
@click.argument("name", callback=bus_text)
@click.pass_obj
def verify(place: Place, name: str) -> None:
    """Check an installed model's files against their registered SHA-256."""
    from models.install import verify as check

    with failing(name, Exit.NO):
        check(name, place.resolve())
    output.answer({"model": name, "valid": True}, _("{name} is in order").format(name=name))


@click.command(cls=Verb)
@click.argument("name", callback=bus_text)
@click.pass_obj
def remove(place: Place, name: str) -> None:
    """Remove an installed model."""
    from models.install import remove as take_away

    with failing(name, Exit.NO):
        take_away(name, place.resolve())
    connection.reload(f"{name} is removed")
    output.answer({"model": name}, _("Removed {name}").format(name=name))


@contextmanager
def failing(name: str, status: Exit) -> Iterator[None]:
    """A ModelError in the block ends the command with ``status``, or with that of its cause."""
    from models.registry import models as registered

    if name not in registered():
        raise click.UsageError(f"no model is called {name!r}; there are {', '.join(registered())}")
    try:
        yield
    except ModelError as error:
        denied = isinstance(error.__cause__, PermissionError)
        die(str(error), Exit.DENIED if denied else status)
