# SPDX-License-Identifier: MIT
"""Installing a trained model: only one that is not worse, in one step, and back again."""

import hashlib
import json
from pathlib import Path

import pytest

from models.errors import ModelError
from models.evaluation.liveness import Scored
from models.liveness import install
from models.liveness.passive import load_passive_models
from tests.harness.data import SHARED, needs
from tests.models.recorded import recording, sample


def scores(live: list[float], **species: list[float]) -> list[Scored]:
    """One decision for each score: recordings of a single frame."""
    kinds: dict[str, list[float]] = {"": live, **species}
    return [
        Scored(sample("cam", f"{kind}{n}", 0, live=not kind, species=kind), score)
        for kind, values in kinds.items()
        for n, score in enumerate(values)
    ]


GOOD = scores([0.9] * 30, print=[0.1] * 30, phone=[0.1] * 30)


def test_as_good_a_model_passes() -> None:
    assert install.compare(GOOD, GOOD, (0.5, 0.5)).passed


@pytest.mark.parametrize(
    ("candidate", "word"),
    [
        (scores([0.9] * 29 + [0.1], print=[0.1] * 30, phone=[0.1] * 30), "refuses live faces"),
        (scores([0.9] * 30, print=[0.1] * 30, phone=[0.1] * 29 + [0.9]), "takes phone for live"),
    ],
)
def test_one_more_error_of_any_kind_is_worse(candidate: list[Scored], word: str) -> None:
    verdict = install.compare(candidate, GOOD, (0.5, 0.5))
    assert [word in line for line in verdict.worse] == [True]
    assert install.compare(GOOD, candidate, (0.5, 0.5)).passed  # the other way round it is better


def test_too_few_decisions_say_how_many_more() -> None:
    few = scores([0.9] * 30, print=[0.1] * 12)
    assert install.compare(few, few, (0.5, 0.5)).missing == {"print": 18}
    live_only = scores([0.9] * 40)
    assert install.compare(live_only, live_only, (0.5, 0.5)).missing == {"attacks": 30}


def test_recordings_a_model_has_seen_do_not_count() -> None:
    samples = recording("cam", "a", 2, live=True) + recording("cam", "b", 2, live=True)
    about = {"trained": {"recordings": [["cam", "a"]]}}
    assert {one.session for one in install.unseen(samples, about, {})} == {"b"}


PASSED = install.Comparison((), {})


def trained(folder: Path, threshold: float, network: bytes) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(network)
    about = {
        "id": "x",
        "file": "model.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "input": {"size": 80},
        "crop": 2.7,
        "output": "logits",
        "live": 1,
        "threshold": threshold,
    }
    (folder / "model.json").write_text(json.dumps(about))
    return folder


def own(models_dir: Path) -> list[float]:
    """The thresholds of the trained models in use."""
    return [one.threshold for one in load_passive_models(models_dir) if one.id == "personal"]


@needs("models/minifasnet")
def test_install_replaces_in_one_step_and_rolls_back(tmp_path: Path) -> None:
    network = (SHARED / "models/minifasnet/2.7_80x80_MiniFASNetV2.onnx").read_bytes()
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    with pytest.raises(ModelError, match="no version to go back to"):
        install.rollback(models_dir, "personal")
    install.install(trained(tmp_path / "one", 0.4, network), models_dir, "personal", PASSED)
    assert own(models_dir) == [0.4]
    # Bytes after the graph's end do not matter to it but make another file.
    other = network + b"\x72\x00"
    install.install(trained(tmp_path / "two", 0.6, other), models_dir, "personal", PASSED)
    assert own(models_dir) == [0.6]
    install.rollback(models_dir, "personal")
    assert own(models_dir) == [0.4]
    install.rollback(models_dir, "personal")
    assert own(models_dir) == [0.6]


@needs("models/minifasnet")
def test_a_refused_or_damaged_model_leaves_the_installed_one(tmp_path: Path) -> None:
    network = (SHARED / "models/minifasnet/2.7_80x80_MiniFASNetV2.onnx").read_bytes()
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    good = trained(tmp_path / "good", 0.4, network)
    install.install(good, models_dir, "personal", PASSED)
    worse = install.Comparison(("it refuses live faces",), {"print": 3})
    with pytest.raises(ModelError, match="refuses live faces; to tell, it takes 3 more decisions"):
        install.install(good, models_dir, "personal", worse)
    damaged = trained(tmp_path / "damaged", 0.9, network)
    (damaged / "model.onnx").write_bytes(network[:-100])
    with pytest.raises(ModelError):
        install.install(damaged, models_dir, "personal", PASSED)
    for name in ("minifasnet", "../x", ".x", ""):
        with pytest.raises(ModelError, match="cannot name"):
            install.install(good, models_dir, name, PASSED)
    assert own(models_dir) == [0.4]
