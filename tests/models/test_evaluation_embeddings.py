# SPDX-License-Identifier: MIT
"""Embeddings are made once, for each model and file; a bad file is a failure and nothing more."""

import stat
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import ModelError
from models.evaluation import embeddings
from models.evaluation.datasets import DatasetError
from models.evaluation.embeddings import Cache, measure
from models.face import Face, Image
from tests.harness import clips
from tests.models.painted import BLACK, GREEN, RED, SIDE, Painted, engine, paint


def test_the_second_run_looks_at_nothing(tmp_path: Path) -> None:
    red, black = paint(tmp_path / "red.png", RED), paint(tmp_path / "black.png", BLACK)
    one, painted = engine()
    with closing(Cache(tmp_path / "cache", one)) as cache:
        first = measure(one, [red, black, red], cache)
    assert painted.looked == 2
    with closing(Cache(tmp_path / "cache", one)) as cache:
        again = measure(one, [red, black], cache)
    assert painted.looked == 2
    for path in (red, black):
        for part in ("failures", "vectors", "measures"):
            assert np.array_equal(getattr(first[path], part), getattr(again[path], part))
    assert (first[red].failures[0], first[black].failures[0]) == ("", "no face")
    assert np.linalg.norm(first[red].vectors[0]) == pytest.approx(1)
    assert first[red].measures[0][0] == SIDE


def test_another_file_or_another_model_is_measured(tmp_path: Path) -> None:
    picture = paint(tmp_path / "a.png", RED)
    one, painted = engine()
    with closing(Cache(tmp_path / "cache", one)) as cache:
        before = measure(one, [picture], cache)[picture]
        paint(picture, GREEN)
        after = measure(one, [picture], cache)[picture]
    assert painted.looked == 2
    assert not np.allclose(before.vectors, after.vectors)
    other, painted = engine("painted-v2")
    with closing(Cache(tmp_path / "cache", other)) as cache:
        measure(other, [picture], cache)
    assert painted.looked == 1


def test_a_change_of_the_code_measures_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = engine()
    places = [Cache(tmp_path, one).where]
    monkeypatch.setattr(embeddings, "CODE", ("quality.py",))
    places.append(Cache(tmp_path, one).where)
    assert places[0] != places[1]


def test_an_interrupted_run_keeps_what_it_had(tmp_path: Path) -> None:
    paths = [paint(tmp_path / f"{n}.png", (n, 100, 100)) for n in range(1, 5)]
    one, painted = engine()

    def interrupt(done: int, of: int) -> None:
        assert of == 4
        if done == 3:
            raise KeyboardInterrupt

    with closing(Cache(tmp_path / "cache", one)) as cache, pytest.raises(KeyboardInterrupt):
        measure(one, paths, cache, interrupt)
    with closing(Cache(tmp_path / "cache", one)) as cache:
        measure(one, paths, cache)
    assert painted.looked == 4


def test_the_cache_is_the_users_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep" / "cache", engine()[0])
    assert cache.where is not None
    assert stat.S_IMODE(cache.where.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.where.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"nonsense " * 1000, b"SQLite format 3\0" + b"\0" * 4000])
def test_a_damaged_cache_is_one_line(content: bytes, tmp_path: Path) -> None:
    one, _ = engine()
    where = Cache(tmp_path, one).where
    assert where is not None
    where.write_bytes(content)
    with pytest.raises(DatasetError, match=r"cache cannot be used: [^\n]*; remove it"):
        measure(one, [paint(tmp_path / "a.png", RED)], Cache(tmp_path, one))


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="the cache cannot be used"):
        Cache(tmp_path / "file", engine()[0])


def test_bad_files_are_failures_to_acquire(tmp_path: Path) -> None:
    bad = {
        "empty.jpg": b"",
        "text.jpg": b"not an image",
        "cut.png": paint(tmp_path / "whole.png", RED).read_bytes()[:50],
        "film.mp4": b"not a film",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.jpg").mkdir()
    paths = [*(tmp_path / name for name in bad), tmp_path / "folder.jpg", tmp_path / "missing.jpg"]
    one, _ = engine()
    found = measure(one, paths, Cache(None, one))
    assert [frames.failures.tolist() for frames in found.values()] == [["unreadable"]] * len(paths)
    assert not any(frames.vectors.any() for frames in found.values())


@pytest.mark.parametrize("error", [ModelError("no"), cv2.error("no")])
def test_a_face_that_cannot_be_embedded_is_a_failure(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Painted, image: Image, face: Face, once: bool) -> None:
        raise error

    monkeypatch.setattr(Painted, "embed", fail)
    one, _ = engine()
    picture = paint(tmp_path / "a.png", RED)
    assert measure(one, [picture], Cache(None, one))[picture].failures == ["unusable face"]


def test_a_clip_has_many_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "MOST_FRAMES", 5)
    images = [np.full((SIDE, SIDE, 3), colour, np.uint8) for colour in [RED, BLACK] * 4]
    clip = clips.write(tmp_path / "clip.avi", images)
    one, painted = engine()
    with closing(Cache(tmp_path / "cache", one)) as cache:
        measure(one, [clip], cache)
        frames = measure(one, [clip], cache)[clip]
    assert frames.failures.tolist() == ["", "no face", "", "no face", ""]
    assert frames.vectors.shape == (5, 3)
    assert painted.looked == 5
