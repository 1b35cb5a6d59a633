# SPDX-License-Identifier: MIT
"""evaluate: figures on standard output, one line for each way to be wrong, and no traceback."""

import json
from pathlib import Path

import pytest

import models.engine
from cli.exits import Exit
from models.engine import Engine
from models.errors import ModelError
from tests.cli.conftest import Run, one_line
from tests.harness.data import SHARED, needs
from tests.models.painted import BLACK, BLUE, GREEN, RED, Painted, engine, paint

RECOGNITION = ("evaluate", "recognition")


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Painted:
    """An engine that knows people by colour, and a cache of the test's own."""
    one, counter = engine("mobilefacenet-v1")

    def load(name: str, models_dir: Path) -> Engine:
        if name not in ("auto", "painted"):
            raise ModelError(f'no engine is called "{name}"')
        return one

    monkeypatch.setattr(models.engine, "load_engine", load)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return counter


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, colour in {"ann": RED, "bob": GREEN, "eve": BLUE}.items():
        for number in (1, 2):
            paint(folder / name / f"{name}_{number:04d}.jpg", colour)
    paint(folder / "ann" / "ann_0003.jpg", BLACK)
    return folder


def test_figures_for_people(faceauth: Run, painted: Painted, photos: Path) -> None:
    outcome = faceauth(*RECOGNITION, str(photos), "-d", "/nonexistent")
    assert outcome.status == Exit.DONE, outcome.err
    assert outcome.err == ""
    assert "3 people, 3 genuine and 12 impostor comparisons" in outcome.out
    assert "FTA 14.3 % [0.4, 57.9] of 7 (1 no face)" in outcome.out
    assert "1e-04, calibrated" in outcome.out


def test_figures_for_programs_and_a_page(
    faceauth: Run, painted: Painted, photos: Path, tmp_path: Path
) -> None:
    target = tmp_path / "report.html"
    place = ("-d", "/nonexistent", "--html", str(target), "--json", "--gates")
    outcome = faceauth(*RECOGNITION, str(photos), *place, "-e", "painted", "-e", "auto")
    first, second = json.loads(outcome.out)
    assert first == second
    assert first["comparisons"] == {"genuine": 3, "impostor": 12}
    point = next(point for point in first["points"] if point["wanted_fmr"] == 1e-4)
    assert point["frr"]["errors"] == 2  # the black picture, against ann's two others
    assert "<svg" in target.read_text()
    assert "http" not in target.read_text()


def test_embeddings_are_kept_unless_told(
    faceauth: Run, painted: Painted, photos: Path, tmp_path: Path
) -> None:
    def looks(*arguments: str) -> int:
        before = painted.looked
        outcome = faceauth(*RECOGNITION, str(photos), "-d", "/nonexistent", *arguments)
        assert outcome.status == Exit.DONE
        return painted.looked - before

    assert looks("--no-cache") == 4  # two pictures of one colour are the same file
    assert not (tmp_path / "caches").exists()
    assert (looks(), looks()) == (4, 0)
    assert (tmp_path / "caches" / "faceauth").is_dir()
    assert looks("--cache", str(tmp_path / "mine")) == 4


def test_pairs(faceauth: Run, painted: Painted, photos: Path) -> None:
    listed = photos / "pairs.txt"
    listed.write_text("2\t2\nann\t1\t2\nann\t1\t3\nann\t1\tbob\t1\nbob\t2\teve\t9\n")
    place = ("--pairs", str(listed), "-d", "/nonexistent", "--json")
    for arguments, impostors in ((place, 1), ((*place, str(photos), "--cross"), 4)):
        (report,) = json.loads(faceauth(*RECOGNITION, *arguments).out)
        assert report["comparisons"] == {"genuine": 1, "impostor": impostors}
        assert report["failures"] == {"no face": 1, "unreadable": 1}
        assert report["points"][0]["frr"]["errors"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], Exit.USAGE, "give a folder"),
        (["/nonexistent"], Exit.USAGE, "cannot be read"),
        (["--pairs", "/nonexistent"], Exit.USAGE, "cannot be read: No such file"),
        (["--pairs", "/dev/zero"], Exit.USAGE, "cannot be read: Not a regular file"),
        (["{photos}", "--cross"], Exit.USAGE, "--cross is about --pairs"),
        (["{photos}/ann"], Exit.USAGE, "two people"),
        (["{photos}", "-e", "nosuch"], Exit.UNAVAILABLE, "no engine is called"),
        (["{photos}", "--cache", "/proc/nowhere"], Exit.USAGE, "cache cannot be used"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str],
    status: Exit,
    said: str,
    faceauth: Run,
    painted: Painted,
    photos: Path,
) -> None:
    given = [argument.format(photos=photos) for argument in arguments]
    outcome = faceauth(*RECOGNITION, *given, "-d", "/nonexistent")
    assert outcome.status == status
    assert said in one_line(outcome)


def test_a_page_that_cannot_be_written_loses_no_figures(
    faceauth: Run, painted: Painted, photos: Path
) -> None:
    given = (str(photos), "--no-cache", "--html", "/nonexistent/a", "-d", "/nonexistent")
    outcome = faceauth(*RECOGNITION, *given)
    assert outcome.status == Exit.UNAVAILABLE
    assert outcome.err == "faceauth: /nonexistent/a cannot be written: No such file or directory\n"
    assert outcome.out.startswith("Compared: ")


def test_a_wrong_configuration(faceauth: Run, photos: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("models_dir = 1\n")
    outcome = faceauth(*RECOGNITION, str(photos), "-c", str(config))
    assert outcome.status == Exit.CONFIG
    one_line(outcome)


@needs("people/webcam")
@needs("models/mobilefacenet")
def test_real_people_at_their_webcams(faceauth: Run, tmp_path: Path) -> None:
    """With the threshold of FMR 1e-4 nobody is taken for another, and nobody is refused."""
    outcome = faceauth(
        *(*RECOGNITION, str(SHARED / "people" / "webcam"), "--json", "--no-cache"),
        *("-e", "mobilefacenet", "-d", str(SHARED / "models")),
    )
    (report,) = json.loads(outcome.out)
    assert report["comparisons"] == {"genuine": 1113, "impostor": 3837}
    point = next(point for point in report["points"] if point["wanted_fmr"] == 1e-4)
    assert (point["far"]["errors"], point["frr"]["errors"]) == (0, 0)
