# SPDX-License-Identifier: MIT
"""Comparisons as Verify makes them: who meets whom, and how sure the rates are."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation import embeddings
from models.evaluation.rates import clopper_pearson
from models.recognition import calibrate
from models.recognition.calibration import Curve
from models.recognition.impostors import Samples, compare, means, points, singles


class Tiny:
    """An engine that is not asked for anything."""

    name, model, dimension, detector = "tiny", "tiny-1", 32, None


def cloud(people: int, images: int, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Embeddings of so many people, about a direction of their own each."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(people, 1, 32))
    vectors = centres + 0.5 * random.normal(size=(people, images, 32))
    flat = vectors.reshape(-1, 32)
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return unit.astype(np.float32), np.repeat(np.arange(people), images)


VECTORS, PEOPLE = cloud(60, 3)


def test_a_template_is_the_mean_direction_of_two_images_of_one_person() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], np.float32)
    made = means(vectors, np.array([7, 7, 8, 7]))
    assert made.people.tolist() == [7, 7, 7], "who has one image has no template"
    assert made.images.tolist() == [[0, 1], [0, 3], [1, 3]]
    half = np.sqrt(0.5)
    assert made.vectors == pytest.approx(np.array([[half, half], [1, 0], [half, half]]))


def test_strangers_are_compared_once_and_nobody_with_an_image_in_common() -> None:
    templates, frames = means(VECTORS, PEOPLE), singles(VECTORS, PEOPLE)
    against_frames = compare(templates, frames)
    assert against_frames.pairs == 180 * 59 * 3
    assert len(against_frames.genuine) == 60 * 3, "each template has one image that is not in it"
    among_themselves = compare(templates, templates)
    assert among_themselves.pairs == 180 * 177 // 2
    assert len(among_themselves.genuine) == 0, "every two templates of three images share one"
    assert int(among_themselves.count.sum()) == among_themselves.pairs


def test_the_points_are_what_so_many_strangers_reach() -> None:
    templates, frames = means(VECTORS, PEOPLE), singles(VECTORS, PEOPLE)
    made = compare(templates, frames)
    stranger = templates.people[:, None] != frames.people[None, :]
    scores = (templates.vectors @ frames.vectors.T)[stranger]
    found = points(made)
    assert [point.errors for point in found[:13]] == [*range(11), 13, 16]
    for point in found:
        assert (scores >= point.threshold).sum() == point.errors
        assert point.bound >= clopper_pearson(point.errors, made.pairs)[1]
    Curve(made.pairs, tuple(found))


def test_people_who_err_together_widen_the_bound() -> None:
    """Two look-alikes, with thirty images each, are one coincidence and no nine hundred."""
    vectors, people = cloud(60, 30, seed=2)
    vectors[people == 1] = vectors[people == 0]
    made = compare(singles(vectors, people), singles(vectors, people))
    alike = next(point for point in points(made) if point.errors == 501)
    assert alike.bound > 2 * clopper_pearson(501, made.pairs)[1]


def test_the_bound_holds_for_people_who_were_not_measured() -> None:
    """The rates of people of the same kind, whom the points do not know, stay below the bounds."""
    others, who = cloud(400, 3, seed=100)
    templates, frames = means(others[:600], who[:600]), singles(others[600:], who[600:])
    scores = np.sort((templates.vectors @ frames.vectors.T).ravel())
    kept = []
    for seed in range(20):
        vectors, people = cloud(60, 3, seed)
        for point in points(compare(means(vectors, people), singles(vectors, people))):
            reached = len(scores) - np.searchsorted(scores, point.threshold)
            kept.append(reached / len(scores) <= point.bound)
    assert np.mean(kept) > 0.9


def test_a_calibration_is_written_from_folders_of_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors, people = cloud(200, 3)
    for number, person in enumerate(people):
        folder = tmp_path / "faces" / f"{person:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(str(number).encode())

    def measure(_engine: object, files: object, _cache: object) -> object:
        assert isinstance(files, dict)
        return {
            path: embeddings.Frames(
                np.array([""]), vectors[None, int(path.stem)], np.zeros((1, 4), np.float32)
            )
            for path in files
        }

    monkeypatch.setattr(calibrate, "load_engine", lambda _name, _folder: Tiny())
    monkeypatch.setattr(calibrate, "measure", measure)
    monkeypatch.setattr(calibrate, "FOLDER", tmp_path)
    monkeypatch.setattr(
        "sys.argv", ["x", "--engine", "tiny", "--images", str(tmp_path / "faces"), "--write"]
    )
    assert calibrate.main() == 0
    assert "tiny-1: 600 images of 200 people" in capsys.readouterr().out
    written = json.loads((tmp_path / "tiny-1.json").read_text())
    assert written["frames"]["pairs"] == 600 * 199 * 3
    assert written["runs"]["points"][0]["errors"] == 0


@pytest.mark.parametrize(
    ("files", "failure", "said"),
    [
        ([], "", "does not hold images of two people"),
        (["a/1/1.png", "b/1/1.png"], "", "recorded sessions"),
        (["a/1.png", "b/1.png"], "no face", "no face in any of 2 images"),
        (["a/1.png", "b/2.png"], "", "0 comparisons of people with two images"),
    ],
)
def test_what_is_no_data_for_a_calibration_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: list[str],
    failure: str,
    said: str,
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    one = np.eye(1, 32, dtype=np.float32)
    frames = embeddings.Frames(np.array([failure]), one, np.zeros((1, 4), np.float32))
    monkeypatch.setattr(calibrate, "load_engine", lambda _name, _folder: Tiny())
    monkeypatch.setattr(calibrate, "measure", lambda _e, paths, _c: dict.fromkeys(paths, frames))
    monkeypatch.setattr(calibrate, "FOLDER", tmp_path / "nowhere")
    monkeypatch.setattr("sys.argv", ["x", "--engine", "tiny", "--images", str(tmp_path), "--write"])
    assert calibrate.main() == 1
    error = capsys.readouterr().err
    assert error.startswith("calibrate: ") and said in error and error.count("\n") == 1


def test_no_samples_make_no_comparison() -> None:
    nothing = Samples(np.zeros((0, 4), np.float32), np.zeros(0, np.intp), np.zeros((0, 2), np.intp))
    assert compare(nothing, nothing).pairs == 0
