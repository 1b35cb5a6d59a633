# SPDX-License-Identifier: MIT
"""The models: is there one to recognise with, one for liveness, and are all what is registered."""

from collections.abc import Iterator

from cli.checks.finding import Finding, ok, problem, unknown, warning
from cli.checks.machine import Machine
from models.engine import missing_parts
from models.errors import ModelError
from models.install import verify
from models.liveness.passive import load_passive_models
from models.registry import Model, models


def check(machine: Machine) -> Iterator[Finding]:
    folder = machine.config.models_dir
    installed: set[str] = set()  # roles
    hidden = False
    for model in models().values():
        try:
            if not model.is_installed(folder):
                continue
            verify(model.name, folder)
        except ModelError as error:
            if isinstance(error.__cause__, PermissionError):
                hidden = True
            else:
                yield problem(str(error), advice(model))
            continue
        installed.add(model.role)
        yield ok(f"{model.name} ({model.role}) is what is registered")
        for part in missing_parts(model.name, folder):
            yield warning(
                f"{model.name} is of no use without {part}", f"faceauth models install {part}"
            )
    if hidden:
        yield unknown(f"the models in {folder}: you may not look", "sudo faceauth doctor")
        return
    if "recognition" not in installed:
        text = "no model to recognise faces with is installed"
        yield problem(text, "faceauth models install mobilefacenet")
    yield liveness(machine)


def liveness(machine: Machine) -> Finding:
    """Whether what judges liveness is there and unchanged: the model that ships, and all others."""
    wanted = [machine.config.verify.liveness] + [
        service.liveness or () for service in machine.config.services.values()
    ]
    try:
        found = [model.id for model in load_passive_models(machine.config.models_dir)]
    except ModelError as error:
        return problem(
            f"liveness: {error}", "mend it, or install faceauth again: no scan can start"
        )
    if found or not any("passive" in cues for cues in wanted):
        return ok(f"liveness is judged by {', '.join(found) or 'no model'}")
    text = "no liveness model is installed, so every scan that asks for one is refused"
    return problem(text, "install faceauth again, or: faceauth models install minifasnet")


def advice(model: Model) -> str:
    name = model.name
    if model.package:
        return f"install the Python package {model.package} again"
    return f"faceauth models remove {name}; faceauth models install {name}"
