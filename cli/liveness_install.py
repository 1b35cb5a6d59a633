# SPDX-License-Identifier: MIT
"""The verbs ``liveness install``, ``rollback`` and ``list``: a model of one's own, in use or not.

What is installed can only deny, beside the model that ships. A daemon that runs takes it at once;
where its worker cannot, the version before comes back.
"""

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import connection, output
from cli.arguments import PATH, bus_text, config_option, models_option
from cli.exits import Exit, die
from cli.language import _
from cli.lazy import Verb
from cli.liveness_data import look, name_option, naming, samples_of
from cli.scanning import hints
from faceauthd.config import load
from faceauthd.results import FaceAuthError
from models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.liveness.install import Comparison
    from models.liveness.passive import PassiveModel

STARTS_WITHIN = 180.0  # seconds that the daemon gives a worker to load its models
ASK_EVERY = 0.2  # seconds


@click.command(cls=Verb)
@click.argument("model", type=PATH, metavar="MODEL")
@click.argument("data", type=PATH, metavar="DATA")
@name_option
@click.option("-n", "--dry-run", is_flag=True, help="Only say whether it would be installed.")
@config_option
@models_option
def install(
    model: Path, data: Path, name: str, dry_run: bool, file: Path, models_dir: Path | None
) -> None:
    """Put the trained MODEL (the folder that train wrote) in use, if it is not worse.

    It is compared with the models in use on the recordings in DATA that none of them has seen.
    """
    config = load(file)
    place = models_dir or config.models_dir
    with failing(Exit.NO):
        verdict = compared(model, data, name, place, config.engine)
        if dry_run:
            worse = {"worse": list(verdict.worse), "missing": dict(verdict.missing)}
            refused = _("it would not be installed: {why}").format(why=verdict)
            words = refused if str(verdict) else _("it is not worse")
            output.answer({"model": name, "would_install": verdict.passed, **worse}, words)
            raise SystemExit(int(Exit.DONE if verdict.passed else Exit.NO))
        from models.liveness.install import install as put

        version = put(model, place, name, verdict).name
        take(place, name, f"{name} is installed")
    answer = {"model": name, "version": version, "folder": str(place / name)}
    line = _("Installed {name} {version} in {folder}; back: faceauth liveness rollback")
    output.answer(answer, line.format(name=name, version=version, folder=place))


@click.command(cls=Verb)
@click.argument("version", required=False, default="", callback=bus_text)
@name_option
@config_option
@models_option
def rollback(version: str, name: str, file: Path, models_dir: Path | None) -> None:
    """Go back to the version that was in use before, or to VERSION (the start of its id)."""
    from models.liveness.install import NONE
    from models.liveness.install import rollback as go_back

    place = models_dir or load(file).models_dir
    with failing(Exit.NO):
        found = go_back(place, name, version)
    connection.reload(f"{name} is rolled back")
    words = _("{name} is no longer in use") if found == NONE else _("{name} is {version} again")
    line = words.format(name=name, version=found)
    output.answer({"model": name, "version": None if found == NONE else found}, line)


@click.command(cls=Verb)
@name_option
@config_option
@models_option
def list_versions(name: str, file: Path, models_dir: Path | None) -> None:
    """List the installed versions of a trained model."""
    from models.liveness.install import list_versions as listed

    place = models_dir or load(file).models_dir
    with failing(Exit.UNAVAILABLE):
        found = listed(place, name)
    if output.wants_json():
        versions = [{**vars(one), "installed": one.installed.isoformat()} for one in found]
        output.print_json({"model": name, "folder": str(place), "versions": versions})
    elif not found:
        output.say(_("no model {name} is installed in {folder}").format(name=name, folder=place))
    else:
        rows = (
            (one.id, f"{one.installed:%Y-%m-%d %H:%M}", _("in use") if one.in_use else
             _("before") if one.previous else "")
            for one in found
        )  # fmt: skip
        output.table((_("VERSION"), _("INSTALLED"), _("STATE")), rows)


def compared(model: Path, data: Path, name: str, models_dir: Path, engine: str) -> "Comparison":
    """The model beside those in use, on the recordings that none of them has seen."""
    from models.evaluation.datasets import DatasetError
    from models.liveness.install import judge
    from models.liveness.passive import load_described, load_passive_models
    from models.liveness.seen import DESCRIPTION, Seen, unseen

    with naming():
        candidate = load_described(model / DESCRIPTION)
    in_use = load_passive_models(models_dir)
    folders = [model, *(path for path in models_dir.glob("*") if path.is_dir())]
    try:
        samples = unseen(samples_of(data), map(Seen.by, folders))
        if not samples:
            raise DatasetError(
                f"all recordings in {data} trained one of the models; collect new ones"
            )
        with hints(bar=True) as show:
            looked = look(samples, engine, models_dir, show)
            show(_("Comparing with the models in use"), 1.0)
            return judge(looked.samples, candidate, in_use, by_name(in_use, name))
    except DatasetError as error:
        die(str(error), Exit.USAGE)


def by_name(models: "list[PassiveModel]", name: str) -> "PassiveModel | None":
    return next((model for model in models if model.id == name), None)


def take(models_dir: Path, name: str, done: str) -> None:
    """Have a running daemon take the model; where its worker cannot, go back and end."""
    connection.reload(done)
    trouble = worker_trouble()
    if trouble:
        from models.liveness.install import rollback as go_back

        go_back(models_dir, name)
        connection.reload(f"{name} is rolled back")
        die(f"faceauthd cannot work with it ({trouble}), so it is rolled back", Exit.UNAVAILABLE)


def worker_trouble() -> str:
    """Why the daemon's worker failed to start; "" where it works, or no daemon runs."""
    until = time.monotonic() + STARTS_WITHIN
    try:
        daemon = connection.connect()
        while (state := daemon.get_status())["worker"] in ("starting", "stopped"):
            if time.monotonic() > until:
                return "its worker does not start"
            time.sleep(ASK_EVERY)
    except FaceAuthError:
        return ""
    if state["worker"] != "failed":
        return ""
    return next((one for one in state["warnings"] if "worker" in one), "its worker failed")


@contextmanager
def failing(status: Exit) -> "Iterator[None]":
    """A ModelError ends the command with ``status``, or with that of its cause."""
    try:
        yield
    except ModelError as error:
        denied = isinstance(error.__cause__, PermissionError)
        full = isinstance(error.__cause__, OSError)
        die(str(error), Exit.DENIED if denied else Exit.UNAVAILABLE if full else status)
