# SPDX-License-Identifier: MIT
"""liveness train, evaluate, install, rollback, list: from images to a model in use, and back.

A head on a network of three features is trained here, without TensorFlow. What needs it is in
tests/models/training_keras.py.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models.engine
from cli import connection, liveness_train
from cli.exits import Exit
from faceauthd.results import FaceAuthError
from models.liveness import networks
from models.liveness.files import locked
from models.liveness.passive import load_passive_models
from tests.cli.conftest import SCRIPT, Outcome, Run, one_line
from tests.harness.data import SHARED, needs
from tests.models.lights import HEAD, START, picture, recorded
from tests.models.painted import engine


@pytest.fixture
def start(tmp_path: Path) -> Path:
    path = tmp_path / "start.onnx"
    path.write_bytes(START)
    return path


@pytest.fixture
def place(tmp_path: Path, daemon: Any) -> tuple[str, str]:
    """A folder of models, and a daemon whose worker takes whatever is there."""
    daemon.get_status.return_value = {"worker": "ready", "warnings": []}
    (tmp_path / "models").mkdir()
    return "-d", str(tmp_path / "models")


Train = Any


@pytest.fixture
def train(faceauth: Run, start: Path) -> Train:
    def run(data: Path, out: Path, *arguments: str) -> Outcome:
        how = ("--arch", "minifasnet-head", "--from", str(start), "-d", "/nonexistent")
        return faceauth("liveness", "train", str(data), str(out), *how, *arguments)

    return run


def test_train_writes_all_that_is_needed(train: Train, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = train(recorded(tmp_path / "data", 8), out, "--name", "mine", "--json")
    assert outcome.status == Exit.DONE, outcome.err
    answer = json.loads(outcome.out)
    assert answer["judged_on"] == "test"
    assert answer["held_out"]["frames"]["all"]["eer"]["value"] == 0.0
    assert "recordings judge: 2 live" in outcome.err
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files >= {"model.onnx", "model.json", "metrics.json", "MODEL_CARD.md"}
    assert files >= {"report/index.html", "report/worst/01.jpg", "trained-on.txt"}
    about = json.loads((out / "model.json").read_text())
    assert about["id"] == "mine"
    assert about["trained"]["settings"]["seed"] == 0
    assert len(about["trained"]["recordings"]) == len((out / "trained-on.txt").read_text().split())
    page = (out / "report" / "index.html").read_text()
    assert "http" not in page
    assert page.count("<img") == len(re.findall(r"worst/\d\d\.jpg", page)) > 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_same_seed_gives_the_same_model(train: Train, tmp_path: Path) -> None:
    data = recorded(tmp_path / "data", 6)
    for name, seed in (("one", "4"), ("two", "4"), ("three", "5")):
        assert train(data, tmp_path / name, "--seed", seed).status == Exit.DONE
    one, two, three = (
        (tmp_path / name / "model.json").read_text() for name in ("one", "two", "three")
    )
    assert one == two != three


def test_plain_folders_train_too(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.engine, "load_engine", lambda *_: engine()[0])
    rng = np.random.default_rng(0)
    for kind, light in (("real/a", 170), ("real/b", 170), ("fake/print/c", 80), ("fake/d", 80)):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for number in range(3):
            picture(tmp_path / "data" / kind / f"{number}.png", light, rng)
    outcome = train(tmp_path / "data", tmp_path / "out")
    assert outcome.status == Exit.DONE, outcome.err
    assert "2 recordings judge" in outcome.err
    assert "took no part in the training" in (tmp_path / "out" / "MODEL_CARD.md").read_text()
    about = json.loads((tmp_path / "out" / "model.json").read_text())
    assert about["threshold"] == 0.5
    assert about["calibration"]["decisions"] == 1


def test_unreadable_images_are_left_out_and_said(train: Train, tmp_path: Path) -> None:
    data = recorded(tmp_path / "data", 6)
    (data / "live-000.png").write_bytes(b"no image")
    (data / "live-001.png").unlink()
    outcome = train(data, tmp_path / "out")
    assert outcome.status == Exit.DONE, outcome.err
    assert "2 images are left out: " in outcome.err


def test_evaluate_names_an_image_that_is_left_out(
    faceauth: Run, train: Train, tmp_path: Path
) -> None:
    data = recorded(tmp_path / "data", 6)
    train(data, tmp_path / "out")
    (data / "live-000.png").write_bytes(b"no image")
    (data / "live-001.png").unlink()
    os.mkfifo(data / "live-001.png")
    outcome = faceauth("liveness", "evaluate", str(data), "-m", str(tmp_path / "out"))
    assert outcome.status == Exit.DONE, outcome.err
    assert f"2 images are left out: {data / 'live-000.png'} is no PNG" in outcome.err


def test_a_page_that_cannot_be_written_loses_no_figures(faceauth: Run, tmp_path: Path) -> None:
    data = recorded(tmp_path / "data", 2)
    outcome = faceauth("liveness", "evaluate", str(data), "-m", "stock", "--html", "/proc/a")
    assert outcome.status == Exit.UNAVAILABLE
    assert outcome.err == "faceauth: /proc/a cannot be written: No such file or directory\n"
    assert "faceauth-v2, threshold 0.5" in outcome.out


def test_two_models_of_one_name_are_told_apart(faceauth: Run, train: Train, tmp_path: Path) -> None:
    data = recorded(tmp_path / "data", 6)
    places = [str(tmp_path / name) for name in ("first", "second")]
    for place in places:
        train(data, Path(place))
    named = [word for place in places for word in ("-m", place)]
    outcome = faceauth("liveness", "evaluate", str(data), *named, "--json")
    assert outcome.status == Exit.DONE, outcome.err
    told = {f"personal ({place})" for place in places}
    assert set(json.loads(outcome.out)["models"]) == {*told, "together"}


def broken(data: Path, how: str) -> None:
    """Spoil a data set."""
    manifest = data / "manifest.csv"
    lines = manifest.read_text().splitlines()
    if how == "one class only":
        lines = [line for line in lines if ",fake," not in line]
    elif how == "no live faces":
        lines = [line for line in lines if ",real," not in line]
    elif how == "two sessions":
        lines = [HEAD, *(line for line in lines if "-000" in line and "phone" not in line)]
    elif how == "unreadable":
        for path in data.glob("*.png"):
            path.write_bytes(b"")
    elif how == "empty":
        lines = [HEAD]
    manifest.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("one class only", "no images of attacks"),
        ("no live faces", "no images of live faces"),
        ("two sessions", "record live faces in at least 2 sessions"),
        ("unreadable", "no image can be used"),
        ("empty", "holds no labelled images"),
    ],
)
def test_a_data_set_that_cannot_train_is_one_line(
    train: Train, tmp_path: Path, how: str, said: str
) -> None:
    data = recorded(tmp_path / "data", 4)
    broken(data, how)
    outcome = train(data, tmp_path / "out")
    assert outcome.status == Exit.USAGE
    assert said in one_line(outcome)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "start.onnx"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tmp}/none", "{tmp}/out"], "is not a folder of labelled images"),
        (["{tmp}/data", "{tmp}/data"], "is there already"),
        (
            ["{tmp}/data", "{tmp}/out", "--from", "{tmp}/data/manifest.csv"],
            "cannot be given a head",
        ),
        (["{tmp}/data", "{tmp}/out", "--from", "/dev/zero"], "zero cannot be read: Not a regular"),
        (["{tmp}/data", "{tmp}/out", "--finetune"], "exclude each other"),
        (["{tmp}/data", "{tmp}/out", "--batch", "0"], "--batch"),
        (["{tmp}/data", "{tmp}/out", "--rate", "nan"], "--rate"),
        (["{tmp}/data", "{tmp}/half"], "--resume goes on with it"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    faceauth: Run, start: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    recorded(tmp_path / "data", 4)
    (tmp_path / ".half.training").mkdir()
    (tmp_path / ".half.training" / "checkpoint.npz").touch()
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    how = ("--arch", "minifasnet-head", *(() if "--from" in given else ("--from", str(start))))
    outcome = faceauth("liveness", "train", *given, *how)
    assert outcome.status == Exit.USAGE
    assert said in outcome.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_two_at_once_do_not_train_one_model(train: Train, tmp_path: Path) -> None:
    data, work = recorded(tmp_path / "data", 4), tmp_path / ".out.training"
    work.mkdir()
    (work / "held.npy").write_bytes(b"the other's")
    with locked(work):
        outcome = train(data, tmp_path / "out")
    assert outcome.status == Exit.UNAVAILABLE
    assert one_line(outcome) == f"{tmp_path / 'out'} is being trained by another command"
    assert (work / "held.npy").read_bytes() == b"the other's"
    assert train(data, tmp_path / "out").status == Exit.DONE


def test_the_command_offers_what_there_is() -> None:
    assert set(liveness_train.ARCHITECTURES) == networks.ARCHITECTURES.keys()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "is the name of another model") for name in ("minifasnet", "border")),
        *((name, "is the name of another model") for name in ("minifasnet-v2", "faceauth-v2")),
        *((name, "cannot name a model") for name in ("a/b", "", ".a", "a\nb", "x" * 101)),
    ],
)
def test_a_name_that_could_not_be_installed_is_refused_at_once(
    faceauth: Run, train: Train, tmp_path: Path, name: str, why: str
) -> None:
    """A second model of one id would keep all from loading."""
    outcome = train(tmp_path / "data", tmp_path / "out", "--name", name)
    assert outcome.status == Exit.USAGE
    assert why in one_line(outcome)
    assert faceauth("liveness", "rollback", "--name", name).status == Exit.USAGE


def test_without_tensorflow_it_says_what_to_install(
    faceauth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.liveness.backend.find_spec", lambda _: None)
    data = recorded(tmp_path / "data", 2)
    outcome = faceauth("liveness", "train", str(data), str(tmp_path / "out"))
    assert outcome.status == Exit.UNAVAILABLE
    assert "pip install 'faceauth-login[train]'" in one_line(outcome)


def test_a_full_disk_is_one_line_and_leaves_no_half_model(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    outcome = train(recorded(tmp_path / "data", 6), tmp_path / "out")
    assert outcome.status == Exit.UNAVAILABLE
    assert "cannot be written: No space left on device" in outcome.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    assert train(tmp_path / "data", tmp_path / "out").status == Exit.DONE


# Evaluating


@pytest.fixture
def model(train: Train, tmp_path: Path) -> Path:
    assert train(recorded(tmp_path / "data", 8), tmp_path / "model").status == Exit.DONE
    return tmp_path / "model"


def test_models_side_by_side(
    faceauth: Run, model: Path, place: tuple[str, str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    arguments = (str(tmp_path / "data"), "-m", str(model), "-m", "stock", "--html", str(page))
    outcome = faceauth("liveness", "evaluate", *arguments, *place)
    assert outcome.status == Exit.DONE, outcome.err
    assert "recordings trained one of the models" in one_line_of(outcome.err)
    assert "together, threshold 0.5" in outcome.out
    assert page.read_text().count("<svg") == 3
    outcome = faceauth("liveness", "evaluate", *arguments, *place, "--unseen", "--json")
    answer = json.loads(outcome.out)
    assert set(answer["models"]) == {"personal", json.loads(stock_json())["id"], "together"}
    row = answer["models"]["personal"]["frames"]["all"]
    assert row["bpcer"]["trials"] == 2
    assert row["acer"]["value"] == 0.0
    assert row["apcer"]["print"]["interval"][1] > 0.5
    assert outcome.err == ""


def stock_json() -> str:
    from models.liveness.passive import STOCK

    return (STOCK / "model.json").read_text()


def one_line_of(text: str) -> str:
    assert text.count("\n") == 1
    return text


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{tmp}/none"], Exit.USAGE, "not a folder"),
        (["{tmp}/data", "-m", "{tmp}/none"], Exit.USAGE, "none: cannot be read: No such file"),
        (["{tmp}/data", "-m", "stock", "-m", "stock"], Exit.USAGE, "given twice"),
        (["{tmp}/data", "--source", "other"], Exit.USAGE, "no images of that view and source"),
        (["{tmp}/data", "-m", "{tmp}/bad.json"], Exit.USAGE, "cannot read this network"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    faceauth: Run,
    place: tuple[str, str],
    tmp_path: Path,
    arguments: list[str],
    status: Exit,
    said: str,
) -> None:
    recorded(tmp_path / "data", 2)
    about = {**json.loads(stock_json()), "file": "bad.onnx"}
    about.pop("sha256")
    (tmp_path / "bad.json").write_text(json.dumps(about))
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    outcome = faceauth("liveness", "evaluate", *given, *place)
    assert outcome.status == status
    assert said in one_line(outcome)


def test_a_damaged_image_is_left_out_in_one_line(tmp_path: Path) -> None:
    """Without the lines that the decoders themselves would write."""
    data = recorded(tmp_path / "data", 2)
    whole = (data / "live-000.png").read_bytes()
    (data / "live-000.png").write_bytes(whole[:900] + bytes(50) + whole[950:])
    ran = subprocess.run(
        [SCRIPT, "liveness", "evaluate", data, "-m", "stock"], capture_output=True, text=True
    )
    assert ran.returncode == Exit.DONE, ran.stderr
    assert ran.stderr == f"faceauth: 1 image is left out: {data / 'live-000.png'} is damaged\n"


@needs("models/minifas-celebaspoof")
@needs("liveness/manifest.csv")
def test_a_rivals_model_by_a_small_description(
    faceauth: Run, place: tuple[str, str], tmp_path: Path
) -> None:
    """MiniFAS of CelebA-Spoof: what it does on one source, as docs/liveness.md has it."""
    rival = SHARED / "models" / "minifas-celebaspoof" / "best_model_98.20.onnx"
    (tmp_path / "rival.onnx").symlink_to(rival)
    about = {
        "id": "minifas-celebaspoof",
        "file": "rival.onnx",
        "input": {"size": 128, "colour": "rgb", "std": [255, 255, 255]},
        "crop": 1.5,
        "output": "logits",
        "live": 0,
        "threshold": 0.5,
    }
    (tmp_path / "rival.json").write_text(json.dumps(about))
    where = (str(SHARED / "liveness"), "--source", "vf-apfol", "-m", str(tmp_path / "rival.json"))
    outcome = faceauth("liveness", "evaluate", *where, *place, "--json")
    row = json.loads(outcome.out)["models"]["minifas-celebaspoof"]["frames"]["vf-apfol"]
    assert (row["bpcer"]["trials"], row["apcer"]["replay-phone"]["trials"]) == (72, 66)
    assert row["apcer"]["replay-phone"]["errors"] == 0


# Installing


def own(models_dir: Path) -> list[str]:
    return [one.id for one in load_passive_models(models_dir) if one.id == "personal"]


def test_install_list_and_roll_back(
    faceauth: Run, model: Path, place: tuple[str, str], tmp_path: Path, daemon: Any
) -> None:
    new = recorded(tmp_path / "new", 30, seed=9, source="cam2")
    install = ("liveness", "install", str(model), str(new), *place)
    dry = faceauth(*install, "--dry-run", "--json")
    assert (dry.status, json.loads(dry.out)["would_install"]) == (Exit.DONE, True)
    assert own(tmp_path / "models") == []
    outcome = faceauth(*install, "--json")
    assert outcome.status == Exit.DONE, outcome.err
    version = json.loads(outcome.out)["version"]
    assert own(tmp_path / "models") == ["personal"]
    daemon.reload.assert_called_once_with()
    listed = faceauth("liveness", "list", *place)
    assert version in listed.out
    assert "in use" in listed.out
    back = faceauth("liveness", "rollback", *place)
    assert "no longer in use" in back.out
    assert own(tmp_path / "models") == []
    again = faceauth("liveness", "rollback", version[:5], *place, "--json")
    assert json.loads(again.out)["version"] == version
    assert daemon.reload.call_count == 3


def test_too_few_new_recordings_say_how_many_more(
    faceauth: Run, model: Path, place: tuple[str, str], tmp_path: Path
) -> None:
    seen = faceauth("liveness", "install", str(model), str(tmp_path / "data"), *place)
    assert seen.status == Exit.NO
    assert "28 more decisions of live" in one_line(seen)
    renamed = recorded(tmp_path / "copy", 8, source="elsewhere")  # the same pictures
    known = faceauth("liveness", "install", str(model), str(renamed), *place)
    assert "28 more decisions of live" in one_line(known)
    assert own(tmp_path / "models") == []


def test_a_worse_model_stays_out(
    faceauth: Run, model: Path, place: tuple[str, str], tmp_path: Path
) -> None:
    about = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**about, "threshold": 0.001}))
    new = recorded(tmp_path / "new", 30, seed=9, source="cam2")
    outcome = faceauth("liveness", "install", str(model), str(new), *place)
    assert outcome.status == Exit.NO
    assert "takes phone for live in 30 of 30 decisions" in one_line(outcome)
    assert own(tmp_path / "models") == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "model.onnx").write_bytes(b"tampered"), "SHA-256 differs"),
        (lambda folder: (folder / "model.json").write_text("{"), "not a JSON description"),
        (lambda folder: (folder / "model.onnx").unlink(), "cannot be read"),
    ],
)
def test_a_damaged_model_is_one_line(
    faceauth: Run, model: Path, place: tuple[str, str], tmp_path: Path, spoil: Any, said: str
) -> None:
    spoil(model)
    outcome = faceauth("liveness", "install", str(model), str(tmp_path / "data"), *place)
    assert outcome.status == Exit.USAGE
    assert said in one_line(outcome)


def test_what_the_daemon_cannot_load_is_rolled_back(
    faceauth: Run, model: Path, place: tuple[str, str], tmp_path: Path, daemon: Any
) -> None:
    failed = {"worker": "failed", "warnings": ["the worker failed: no memory"]}
    daemon.get_status.return_value = failed
    new = recorded(tmp_path / "new", 30, seed=9, source="cam2")
    outcome = faceauth("liveness", "install", str(model), str(new), *place)
    assert outcome.status == Exit.UNAVAILABLE
    assert "the worker failed: no memory), so it is rolled back" in one_line(outcome)
    assert own(tmp_path / "models") == []
    assert daemon.reload.call_count == 2


def test_without_a_daemon_it_says_when_the_model_counts(
    faceauth: Run,
    model: Path,
    place: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class DaemonUnreachableError(FaceAuthError):
        name = "DaemonUnreachable"

    def unreachable() -> Any:
        raise DaemonUnreachableError("faceauthd does not answer")

    monkeypatch.setattr(connection, "connect", unreachable)
    new = recorded(tmp_path / "new", 30, seed=9, source="cam2")
    outcome = faceauth("liveness", "install", str(model), str(new), *place)
    assert outcome.status == Exit.DONE
    assert "faceauthd is not running and takes it when it starts" in outcome.err
    assert own(tmp_path / "models") == ["personal"]


@pytest.mark.parametrize("verb", ["rollback", "list"])
def test_nothing_to_go_back_to(faceauth: Run, place: tuple[str, str], verb: str) -> None:
    outcome = faceauth("liveness", verb, *place)
    if verb == "list":
        assert "no model personal is installed" in outcome.out
    else:
        assert outcome.status == Exit.NO
        assert "no version to go back to" in one_line(outcome)
