# SPDX-License-Identifier: MIT
"""Installing a model that a person trained: only when it is not worse, and never for good.

All models are compared on the same recordings, which none of them has seen, each at its own
threshold and by whole decisions, as Verify decides. A new one may be installed where

- alone it takes no more attacks of any species for live, and refuses no more live faces, than the
  one whose place it takes (or the one that ships, where it is the first);
- all models together make no more errors of any kind with it than without;
- there were enough decisions to tell.

A trained model only adds a vote that denies: the stock model and other installed ones keep theirs.
What its thresholds cost (calibration.py) is kept as measured on these recordings.

Versions live in ``<models_dir>/.<name>-versions/<first of a sha256>/``; ``<models_dir>/<name>`` is
a link to the one in use, so changing over and rolling back are one atomic step.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models import reading
from models.errors import ModelError
from models.evaluation import rates
from models.evaluation.compare import judged
from models.evaluation.datasets import Sample
from models.evaluation.liveness import (
    ALL,
    RUN,
    Rates,
    Scored,
    live_decisions,
    report,
    together,
)
from models.liveness import border
from models.liveness.calibration import Calibration, measured
from models.liveness.files import NAME, make_folder, write_folder
from models.liveness.passive import STOCK, PassiveModel, load_described, read_description
from models.liveness.seen import CONTENTS, DESCRIPTION
from models.owner import as_owner
from models.registry import models

# With no error in 30 trials a rate is below 10 % at 95 % confidence (the rule of three).
ENOUGH = 30
NONE = "none"  # what stands for no version at all

Votes = Sequence[tuple[Sequence[Scored], float]]  # each model's scores and threshold


@dataclass(frozen=True)
class Comparison:
    """Why a candidate may not be installed; nothing in either means that it may.

    worse     a line for each rate that is worse than it was
    missing   how many more decisions it takes to tell, for "live" and each species
    calibration  what the candidate's thresholds cost on the live faces of the comparison
    """

    worse: tuple[str, ...]
    missing: Mapping[str, int]
    calibration: Calibration | None = None

    @property
    def passed(self) -> bool:
        return not self.worse and not self.missing

    def __str__(self) -> str:
        more = [f"{count} more decisions of {name}" for name, count in self.missing.items()]
        tell = f"to tell, it takes {', '.join(more)}, of {RUN} frames each" if more else ""
        return "; ".join([*self.worse, *([tell] if tell else [])])


@dataclass(frozen=True)
class Version:
    """One installed version of a trained model."""

    id: str
    installed: datetime
    in_use: bool
    previous: bool


def judge(
    samples: Sequence[Sample],
    candidate: PassiveModel,
    in_use: Sequence[PassiveModel],
    replaced: PassiveModel | None,
) -> Comparison:
    """The candidate on samples that no model has seen, beside the models in use (stock first).

    ``replaced`` is the one of them whose place it takes.
    """
    scored = {model.id: (judged(samples, model), model.threshold) for model in in_use}
    new = (judged(samples, candidate), candidate.threshold)
    peer = scored[(replaced or in_use[0]).id]
    kept = [scored[model.id] for model in in_use if model is not replaced]
    return compare(new, peer, (list(scored.values()), [*kept, new]))


def compare(
    candidate: tuple[Sequence[Scored], float],
    installed: tuple[Sequence[Scored], float],
    votes: tuple[Votes, Votes] | None = None,
    run: int = RUN,
) -> Comparison:
    """The candidate beside the installed model, scored on the same samples in the same order.

    ``votes`` are those of all models together without the candidate, and with it.
    """
    if [one.sample for one in candidate[0]] != [one.sample for one in installed[0]]:
        raise ValueError("the two models were scored on different samples")
    new, old = (report(*one, run).decisions[ALL] for one in (candidate, installed))
    worse = _worse(new, old, "it", "the installed one")
    if votes is not None:
        before, after = (together(one, run).decisions[ALL] for one in votes)
        worse += _worse(after, before, "with it, all models together", "without it")
    trials = {"live": new.bpcer.trials, **{name: one.trials for name, one in new.apcer.items()}}
    missing = {name: ENOUGH - count for name, count in trials.items() if count < ENOUGH}
    if not new.apcer:
        missing["attacks"] = ENOUGH
    return Comparison(tuple(worse), missing, measured(live_decisions(candidate[0], run), run))


def _worse(new: Rates, old: Rates, who: str, other: str) -> list[str]:
    """A line for each kind of error that is more frequent than before."""
    pairs = {"live": (new.bpcer, old.bpcer)}
    pairs |= {species: (rate, old.apcer[species]) for species, rate in new.apcer.items()}
    return [
        _line(name, one, before, who, other)
        for name, (one, before) in pairs.items()
        if one.errors > before.errors
    ]


def _line(name: str, new: rates.Rate, old: rates.Rate, who: str, other: str) -> str:
    many = who != "it"
    refuses, takes = ("refuse", "take") if many else ("refuses", "takes")
    did = f"{refuses} live faces" if name == "live" else f"{takes} {name} for live"
    return f"{who} {did} in {new.errors} of {new.trials} decisions, {other} in {old.errors}"


def install(trained: Path, models_dir: Path, name: str, verdict: Comparison) -> Path:
    """Put a trained model's folder in use as ``name``; ModelError where that may not be.

    Returns the version's folder. The version that was in use is kept, for ``rollback``.
    """
    require_name(name)
    if not verdict.passed:
        raise ModelError(f"not installed: {verdict}")
    load_described(trained / DESCRIPTION)  # a damaged or changed model ends here
    try:
        about = {**json.loads(reading.read(trained / DESCRIPTION)), "id": name}
        # Looked at anew: root reads a folder of somebody else's, and a path would lead out of it.
        if about["file"] != Path(about["file"]).name:
            raise ModelError(f"{trained}: it was changed while it was installed")
        if verdict.calibration is not None:  # of more faces than training held out
            about["calibration"] = verdict.calibration.as_table()
        files = {
            about["file"]: reading.read(trained / about["file"]),
            DESCRIPTION: (json.dumps(about, indent=1) + "\n").encode(),
        }
        with suppress(FileNotFoundError):
            files[CONTENTS] = reading.read(trained / CONTENTS)
        digest = hashlib.sha256(b"".join(files.values())).hexdigest()
        version = _versions(models_dir, name) / digest[:16]
        with as_owner(models_dir):
            if not version.exists():
                make_folder(version.parent)
                write_folder(version, files)
            load_described(version / DESCRIPTION)  # what runs is what was written
            _use(models_dir, name, version.name)
    except OSError as error:
        raise ModelError(f"{name}: cannot be installed: {error.strerror or error}") from error
    return version


def rollback(models_dir: Path, name: str, version: str = "") -> str:
    """Put the version back in use that was in use before, or the one that ``version`` begins.

    Returns its id; NONE where there was no model of this name before. ModelError where there is
    nothing to go back to, or what is there is damaged.
    """
    require_name(name)
    found = list_versions(models_dir, name)
    wanted = [one.id for one in found if version and one.id.startswith(version)]
    if version and len(wanted) != 1:
        raise ModelError(f"{name}: {len(wanted)} versions begin with {version}")
    try:
        chosen = wanted[0] if wanted else _target(_versions(models_dir, name) / "previous")
        if chosen == NONE and not (models_dir / name).is_symlink():
            raise FileNotFoundError
        if chosen != NONE:
            load_described(_versions(models_dir, name) / chosen / DESCRIPTION)
        with as_owner(models_dir):
            _use(models_dir, name, chosen)
    except FileNotFoundError:
        raise ModelError(f"{name}: there is no version to go back to") from None
    except OSError as error:
        raise ModelError(f"{name}: cannot go back: {error.strerror or error}") from error
    return chosen


def list_versions(models_dir: Path, name: str) -> list[Version]:
    """The installed versions, the latest first."""
    require_name(name)
    folder = _versions(models_dir, name)
    try:
        used, before = (_target(link, "") for link in (models_dir / name, folder / "previous"))
        paths = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read: {error.strerror}") from error
    found = [
        Version(
            path.name,
            datetime.fromtimestamp(path.stat().st_mtime).astimezone(),
            path.name == used,
            path.name == before,
        )
        for path in paths
        if not path.name.startswith(".")
    ]
    return sorted(found, key=lambda one: one.installed, reverse=True)


def require_name(name: str) -> None:
    """ModelError unless a trained model may be called that."""
    if not NAME.fullmatch(name):
        raise ModelError(f'"{name}" cannot name a model: letters, digits and . _ + - are allowed')
    if name in _taken():
        raise ModelError(f'"{name}" is the name of another model')


def _taken() -> set[str]:
    """The names and ids of other models: two of one id would be refused at every load."""
    known = {one for name, model in models().items() for one in (name, model.id)}
    return known | {border.ID, read_description(STOCK / DESCRIPTION)[0].id}


def _versions(models_dir: Path, name: str) -> Path:
    return models_dir / f".{name}-versions"


def _use(models_dir: Path, name: str, version: str) -> None:
    """Change over to a version, or to NONE, and remember what was in use."""
    link, folder = models_dir / name, _versions(models_dir, name)
    current = _target(link, NONE)
    if current == version:
        return
    _point(folder / "previous", Path(current))
    if version == NONE:
        link.unlink()
    else:
        _point(link, (folder / version).relative_to(models_dir))


def _target(link: Path, missing: str | None = None) -> str:
    """The name of what a link points to; ``missing``, or FileNotFoundError, where there is none."""
    if not link.is_symlink() and missing is not None:
        return missing
    return link.readlink().name


def _point(link: Path, target: Path) -> None:
    """Make ``link`` point to ``target``, in one step."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
