# SPDX-License-Identifier: MIT
"""Installing a model that a person trained: only when it is not worse, and never for good.

Two models are compared on the same recordings, which neither has seen, each at its own threshold
and by whole decisions, as Verify decides. The new one may be installed when it takes no more
attacks of any species for live, and refuses no more live faces, than the old one; and when there
were enough decisions to tell. A trained model only adds a vote that denies: the stock model and
other installed ones keep theirs.

Versions live in ``<models_dir>/.<name>-versions/<first of sha256>/``; ``<models_dir>/<name>`` is a
link to the one in use, so changing over and rolling back are one atomic step.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.evaluation import rates
from models.evaluation.datasets import Sample
from models.evaluation.liveness import ALL, RUN, Scored, report
from models.liveness.files import write_folder
from models.liveness.passive import load_described
from models.registry import models

# With no error in 30 trials a rate is below 10 % at 95 % confidence (the rule of three).
ENOUGH = 30
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Comparison:
    """Why a candidate may not be installed; nothing in either means that it may.

    worse     a line for each rate that is worse than the old model's
    missing   how many more decisions it takes to tell, for "live" and each species
    """

    worse: tuple[str, ...]
    missing: Mapping[str, int]

    @property
    def passed(self) -> bool:
        return not self.worse and not self.missing


def unseen(samples: Iterable[Sample], *descriptions: Mapping[str, Any]) -> list[Sample]:
    """The samples of recordings that no described model was trained or tuned on."""
    seen = {
        tuple(recording)
        for description in descriptions
        for recording in description.get("trained", {}).get("recordings", [])
    }
    return [sample for sample in samples if (sample.source, sample.session) not in seen]


def compare(
    candidate: Sequence[Scored],
    installed: Sequence[Scored],
    thresholds: tuple[float, float],
    run: int = RUN,
) -> Comparison:
    """The candidate beside the installed model, scored on the same samples in the same order.

    ``thresholds`` are the candidate's and the installed one's.
    """
    if [one.sample for one in candidate] != [one.sample for one in installed]:
        raise ValueError("the two models were scored on different samples")
    new = report(candidate, thresholds[0], run).decisions[ALL]
    old = report(installed, thresholds[1], run).decisions[ALL]
    pairs = {"live": (new.bpcer, old.bpcer)}
    pairs |= {species: (rate, old.apcer[species]) for species, rate in new.apcer.items()}
    worse = tuple(
        _line(name, *pair) for name, pair in pairs.items() if pair[0].errors > pair[1].errors
    )
    missing = {
        name: ENOUGH - pair[0].trials for name, pair in pairs.items() if pair[0].trials < ENOUGH
    }
    if not new.apcer:
        missing["attacks"] = ENOUGH
    return Comparison(worse, missing)


def install(trained: Path, models_dir: Path, name: str, verdict: Comparison) -> Path:
    """Put a trained model's folder in use as ``name``; ModelError where that may not be.

    Returns the version's folder. The version that was in use is kept, for ``rollback``.
    """
    if not name or name in models() or name.startswith(".") or Path(name).name != name:
        raise ModelError(f'"{name}" cannot name a trained model')
    if not verdict.passed:
        raise ModelError(f"not installed: {'; '.join(_reasons(verdict))}")
    load_described(trained / DESCRIPTION)  # a damaged or changed model ends here
    try:
        text = (trained / DESCRIPTION).read_text(encoding="utf-8")
        about = {**json.loads(text), "id": name}
        network = (trained / about["file"]).read_bytes()
        version = _versions(models_dir, name) / str(about["sha256"])[:16]
        if not version.exists():
            data = (json.dumps(about, indent=1) + "\n").encode()
            write_folder(version, {about["file"]: network, DESCRIPTION: data})
        load_described(version / DESCRIPTION)  # what runs is what was written
        _use(models_dir, name, version)
    except OSError as error:
        raise ModelError(f"{name}: cannot be installed: {error}") from error
    return version


def rollback(models_dir: Path, name: str) -> Path:
    """Put the version back in use that was in use before; returns its folder, or ModelError."""
    try:
        before = (_versions(models_dir, name) / "previous").readlink()
        version = _versions(models_dir, name) / before.name
        load_described(version / DESCRIPTION)
        _use(models_dir, name, version)
    except OSError:
        raise ModelError(f"{name}: there is no version to go back to") from None
    return version


def _versions(models_dir: Path, name: str) -> Path:
    return models_dir / f".{name}-versions"


def _use(models_dir: Path, name: str, version: Path) -> None:
    link = models_dir / name
    if link.is_symlink():
        current = Path(link.readlink().name)
        if current.name == version.name:
            return
        _point(_versions(models_dir, name) / "previous", current)
    _point(link, version.relative_to(models_dir))


def _point(link: Path, target: Path) -> None:
    """Make ``link`` point to ``target``, in one step."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def _reasons(verdict: Comparison) -> list[str]:
    more = [f"{count} more decisions of {name}" for name, count in verdict.missing.items()]
    return [*verdict.worse, *([f"to tell, it takes {', '.join(more)}"] if more else [])]


def _line(name: str, new: rates.Rate, old: rates.Rate) -> str:
    did = "refuses live faces" if name == "live" else f"takes {name} for live"
    return f"it {did} in {new.errors} of {new.trials} decisions, the installed one in {old.errors}"
