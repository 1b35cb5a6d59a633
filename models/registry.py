# SPDX-License-Identifier: MIT
"""The models that can be installed, from registry.toml, and the only way to their bytes.

``Model.read`` hands out a file's bytes only when their SHA-256 is the registered one, so whoever
loads from these bytes cannot load anything else. A model lives in ``<models_dir>/<name>/``; one
with a ``package`` lives inside that installed Python package, which is never imported.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models.errors import ModelError

REGISTRY = Path(__file__).with_name("registry.toml")


@dataclass(frozen=True)
class ModelFile:
    """One registered file; ``url`` is empty where no address serves exactly these bytes.

    ``made_from`` is the official file that a conversion of ours makes it from. The conversion's
    bytes are known too, by ``made_sha256``, and as good.
    """

    name: str
    size: int
    sha256: str
    url: str = ""
    made_from: "ModelFile | None" = None
    made_sha256: str = ""

    def is_right(self, data: bytes) -> bool:
        return hashlib.sha256(data).hexdigest() in (self.sha256, self.made_sha256)


@dataclass(frozen=True)
class Model:
    """One registered model; ``table`` has what else its kind needs (input, liveness, ...)."""

    name: str
    id: str
    role: str
    title: str
    licence: str
    home: str
    package: str
    files: tuple[ModelFile, ...]
    table: Mapping[str, Any]

    def directory(self, models_dir: Path) -> Path:
        """Where its files are, or would be."""
        if not self.package:
            return models_dir / self.name
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise ModelError(f"{self.name}: the Python package {self.package} is not installed")
        return Path(spec.origin).parent / "models"

    def is_installed(self, models_dir: Path) -> bool:
        """Whether its folder is there; whether what it holds is right, ``read`` tells.

        Of a Python package it is the files, for a distribution may leave out those that it may not
        pass on. Raises ModelError where that cannot be seen: a model that is there must not count
        as none.
        """
        if self.package and find_spec(self.package) is None:
            return False
        try:
            folder = self.directory(models_dir)
            if self.package:
                return all((folder / file.name).exists() for file in self.files)
            return folder.is_dir()
        except OSError as error:
            raise ModelError(f"{models_dir}: cannot be read: {error.strerror}") from error

    def path(self, file_name: str, models_dir: Path) -> Path:
        """Where this file is, checked now; for libraries that can only load from a path."""
        self.read(file_name, models_dir)
        return self.directory(models_dir) / file_name

    def read(self, file_name: str, models_dir: Path) -> bytes:
        """The file's bytes; ModelError where it is missing, unreadable or not the right one."""
        file = next(file for file in self.files if file.name == file_name)
        path = self.directory(models_dir) / file.name
        try:
            with path.open("rb") as stream:
                data = stream.read(file.size + 1)
        except FileNotFoundError:
            advice = f"run: faceauth models install {self.name}"
            raise ModelError(f"the model {self.name} is not installed; {advice}") from None
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
        if not file.is_right(data):
            raise ModelError(f"{path}: not the registered file (SHA-256 differs); it is not loaded")
        return data

    def only_file(self, models_dir: Path) -> bytes:
        """``read`` for a model of one file."""
        (file,) = self.files
        return self.read(file.name, models_dir)


@cache
def models() -> Mapping[str, Model]:
    """All registered models by name, in the order of the file."""
    tables = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    return MappingProxyType({name: _model(name, table) for name, table in tables.items()})


def model(name: str) -> Model:
    """The registered model of this name; ModelError for an unknown one."""
    if name not in models():
        raise ModelError(f'no model is called "{name}"; there are {", ".join(models())}')
    return models()[name]


def _model(name: str, table: dict[str, Any]) -> Model:
    return Model(
        name=name,
        id=table["id"],
        role=table["role"],
        title=table["title"],
        licence=table["licence"],
        home=table["home"],
        package=table.get("package", ""),
        files=tuple(_file(file) for file in table["files"]),
        table=MappingProxyType(table),
    )


def _file(table: dict[str, Any]) -> ModelFile:
    official = table.get("made_from")
    return ModelFile(
        name=table["name"],
        size=table["bytes"],
        sha256=table["sha256"],
        url=table.get("url", ""),
        made_from=_file(official) if official else None,
        made_sha256=table.get("made_sha256", ""),
    )
