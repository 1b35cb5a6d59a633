# SPDX-License-Identifier: MIT
"""Installing a trained model: only one that is not worse, in one step, and back again."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelError
from models.evaluation.liveness import Scored
from models.liveness import install
from models.liveness.passive import PassiveModel, load_described, load_passive_models
from models.liveness.seen import Seen, content, unseen
from tests.models.foreign import NOBODY, foreign_folder, needs_root
from tests.models.recorded import recording, sample
from tests.models.tiny import affine


def scores(live: list[float], **species: list[float]) -> list[Scored]:
    """One decision for each score: recordings of a single frame."""
    kinds: dict[str, list[float]] = {"": live, **species}
    return [
        Scored(sample("cam", f"{kind}{n}", 0, live=not kind, species=kind), score)
        for kind, values in kinds.items()
        for n, score in enumerate(values)
    ]


GOOD = scores([0.9] * 30, print=[0.1] * 30, phone=[0.1] * 30)


def at(scored: list[Scored]) -> tuple[list[Scored], float]:
    return scored, 0.5


def test_as_good_a_model_passes() -> None:
    assert install.compare(at(GOOD), at(GOOD)).passed


@pytest.mark.parametrize(
    ("candidate", "word"),
    [
        (scores([0.9] * 29 + [0.1], print=[0.1] * 30, phone=[0.1] * 30), "refuses live faces"),
        (scores([0.9] * 30, print=[0.1] * 30, phone=[0.1] * 29 + [0.9]), "takes phone for live"),
    ],
)
def test_one_more_error_of_any_kind_is_worse(candidate: list[Scored], word: str) -> None:
    verdict = install.compare(at(candidate), at(GOOD))
    assert [word in line for line in verdict.worse] == [True]
    assert install.compare(at(GOOD), at(candidate)).passed  # the other way round it is better


def test_errors_at_other_places_make_the_login_worse() -> None:
    """Both refuse one live face in thirty, but not the same one: together they refuse two."""
    one = scores([0.1] + [0.9] * 29, print=[0.1] * 30)
    other = scores([0.9] * 29 + [0.1], print=[0.1] * 30)
    assert install.compare(at(other), at(one)).passed
    verdict = install.compare(at(other), at(one), ([at(one)], [at(one), at(other)]))
    assert verdict.worse == (
        "with it, all models together refuse live faces in 2 of 30 decisions, without it in 1",
    )


def test_losing_the_old_vote_makes_the_login_worse() -> None:
    """The one it replaces caught a print that the stock model takes; the new one takes another."""
    stock = scores([0.9] * 30, print=[0.9] * 2 + [0.1] * 28)
    old = scores([0.9] * 30, print=[0.1, 0.9] + [0.1] * 28)
    new = scores([0.9] * 30, print=[0.1] * 2 + [0.9] + [0.1] * 27)
    votes = ([at(stock), at(old)], [at(stock), at(new)])
    assert install.compare(at(new), at(old), votes).passed
    assert install.compare(at(old), at(new), (votes[1], votes[0])).worse == (
        "with it, all models together take print for live in 1 of 30 decisions, without it in 0",
    )


def test_too_few_decisions_say_how_many_more() -> None:
    few = scores([0.9] * 30, print=[0.1] * 12)
    verdict = install.compare(at(few), at(few))
    assert verdict.missing == {"print": 18}
    assert str(verdict) == "to tell, it takes 18 more decisions of print, of 10 frames each"
    live_only = scores([0.9] * 40)
    assert install.compare(at(live_only), at(live_only)).missing == {"attacks": 30}


def test_images_a_model_has_seen_do_not_count_whatever_they_are_called(tmp_path: Path) -> None:
    samples = recording("cam", "a", 2, live=True) + recording("cam", "b", 2, live=True)
    samples += recording("other", "c", 2, live=True)
    samples = [replace(one, path=tmp_path / one.path.name) for one in samples]
    for one in samples:
        one.path.write_text(one.path.name)
    (tmp_path / "model.json").write_text('{"trained": {"recordings": [["cam", "a"]]}}')
    seen = Seen.by(tmp_path)
    assert {one.session for one in unseen(samples, [seen])} == {"b", "c"}
    (tmp_path / "trained-on.txt").write_text(content(samples[2].path) + "\n")
    assert {one.session for one in unseen(samples, [Seen.by(tmp_path)])} == {"c"}
    assert unseen(samples, [Seen.by(tmp_path / "none")]) == samples
    (tmp_path / "model.json").write_text('{"trained": {"recordings": 3}}')
    with pytest.raises(ModelError, match="what it was trained on"):
        Seen.by(tmp_path)


PASSED = install.Comparison((), {})


def trained(folder: Path, threshold: float, network: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(network)
    (folder / "trained-on.txt").write_text("abc\n")
    about = {
        "id": "x",
        "file": "model.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "input": {"size": 8},
        "crop": 2.7,
        "output": "logits",
        "live": 1,
        "threshold": threshold,
    }
    (folder / "model.json").write_text(json.dumps(about))
    return folder


NETWORK = affine(np.zeros((2, 3)), np.zeros(2))


def own(models_dir: Path) -> list[float]:
    """The thresholds of the trained models in use."""
    return [one.threshold for one in load_passive_models(models_dir) if one.id == "personal"]


def states(models_dir: Path) -> list[tuple[bool, bool]]:
    listed = sorted(install.list_versions(models_dir, "personal"), key=lambda one: one.in_use)
    return [(one.in_use, one.previous) for one in listed]


def test_install_replaces_in_one_step_and_rolls_back(tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    with pytest.raises(ModelError, match="no version to go back to"):
        install.rollback(models_dir, "personal")
    first = install.install(trained(tmp_path / "one", 0.4, NETWORK), models_dir, "personal", PASSED)
    assert own(models_dir) == [0.4]
    assert Seen.by(models_dir / "personal").contents == {"abc"}
    # The same network at another threshold is another version.
    install.install(trained(tmp_path / "two", 0.6, NETWORK), models_dir, "personal", PASSED)
    assert own(models_dir) == [0.6]
    assert states(models_dir) == [(False, True), (True, False)]
    assert install.rollback(models_dir, "personal") == first.name
    assert own(models_dir) == [0.4]
    install.rollback(models_dir, "personal")
    assert own(models_dir) == [0.6]
    assert install.rollback(models_dir, "personal", first.name[:6]) == first.name
    assert own(models_dir) == [0.4]
    with pytest.raises(ModelError, match="0 versions begin with zz"):
        install.rollback(models_dir, "personal", "zz")


def test_the_first_version_goes_back_to_none(tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    install.install(trained(tmp_path / "one", 0.4, NETWORK), models_dir, "personal", PASSED)
    assert install.rollback(models_dir, "personal") == install.NONE
    assert own(models_dir) == []
    assert states(models_dir) == [(False, True)]
    install.rollback(models_dir, "personal")
    assert own(models_dir) == [0.4]


def test_a_refused_or_damaged_model_leaves_the_installed_one(tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    good = trained(tmp_path / "good", 0.4, NETWORK)
    install.install(good, models_dir, "personal", PASSED)
    worse = install.Comparison(("it refuses live faces",), {"print": 3})
    with pytest.raises(ModelError, match="refuses live faces; to tell, it takes 3 more decisions"):
        install.install(good, models_dir, "personal", worse)
    damaged = trained(tmp_path / "damaged", 0.9, NETWORK)
    (damaged / "model.onnx").write_bytes(NETWORK[:-20])
    with pytest.raises(ModelError, match="SHA-256 differs"):
        install.install(damaged, models_dir, "personal", PASSED)
    for name in ("minifasnet", "../x", ".x", ""):
        with pytest.raises(ModelError, match="name"):
            install.install(good, models_dir, name, PASSED)
    assert own(models_dir) == [0.4]


def test_a_model_that_changes_while_it_is_installed_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models_dir = tmp_path / "state" / "models"
    good = trained(tmp_path / "a" / "b" / "c" / "good", 0.4, NETWORK)
    (tmp_path / "a" / "store.db").write_bytes(b"a stranger's")
    look = load_described

    def look_and_swap(path: Path) -> PassiveModel:
        found = look(path)
        about = {**json.loads((good / "model.json").read_text()), "file": "../../../store.db"}
        (good / "model.json").write_text(json.dumps(about))
        return found

    monkeypatch.setattr(install, "load_described", look_and_swap)
    with pytest.raises(ModelError):
        install.install(good, models_dir, "personal", PASSED)
    assert not list(tmp_path.glob("state/**/store.db"))


def test_a_full_disk_leaves_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models_dir = tmp_path / "models"
    install.install(trained(tmp_path / "one", 0.4, NETWORK), models_dir, "personal", PASSED)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match="cannot be installed: No space left"):
        install.install(trained(tmp_path / "two", 0.6, NETWORK), models_dir, "personal", PASSED)
    assert own(models_dir) == [0.4]
    assert len(install.list_versions(models_dir, "personal")) == 1


def test_the_daemons_user_can_read_it_whatever_roots_umask(tmp_path: Path) -> None:
    models_dir = tmp_path / "faceauth" / "models"
    before = os.umask(0o077)
    try:
        trained(tmp_path / "one", 0.4, NETWORK)
        version = install.install(tmp_path / "one", models_dir, "personal", PASSED)
    finally:
        os.umask(before)
    folders = (models_dir.parent, models_dir, version.parent, version)
    assert [path.stat().st_mode & 0o777 for path in folders] == [0o755] * 4
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in version.iterdir())


@needs_root
def test_a_link_in_the_daemons_folder_leads_root_nowhere(tmp_path: Path) -> None:
    (precious := tmp_path / "precious").mkdir()
    model = trained(tmp_path / "one", 0.4, NETWORK)
    with foreign_folder() as theirs:
        (link := theirs / ".personal-versions").symlink_to(precious)
        with pytest.raises(ModelError, match="Permission denied"):
            install.install(model, theirs, "personal", PASSED)
        assert list(precious.iterdir()) == []
        link.unlink()
        version = install.install(model, theirs, "personal", PASSED)
        install.rollback(theirs, "personal")
        install.rollback(theirs, "personal")
        assert {path.lstat().st_uid for path in (version, theirs / "personal")} == {NOBODY}


def test_a_version_damaged_on_disk_is_not_gone_back_to(tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    first = install.install(trained(tmp_path / "one", 0.4, NETWORK), models_dir, "personal", PASSED)
    install.install(trained(tmp_path / "two", 0.6, NETWORK), models_dir, "personal", PASSED)
    (first / "model.onnx").write_bytes(b"tampered")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        install.rollback(models_dir, "personal")
    assert own(models_dir) == [0.6]
