# SPDX-License-Identifier: MIT
"""Images become crops, balanced and the same for the same seed, from any place in the stream on."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.datasets import DatasetError, Sample
from models.face import Box, Image
from models.liveness import dataset
from models.liveness.crop import context_crop
from models.liveness.dataset import Part
from tests.models.recorded import BOX, recording


def picture(path: Path, mode: int = cv2.IMREAD_COLOR) -> Image:
    """A scene of random colours, written to ``path``."""
    coarse = np.random.default_rng(0).integers(0, 255, (6, 5, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (200, 240), interpolation=cv2.INTER_CUBIC)
    if mode == cv2.IMREAD_GRAYSCALE:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    assert cv2.imwrite(str(path), image)
    return np.asarray(image, np.uint8)


def sample(path: Path, box: Box | None = BOX) -> Sample:
    return Sample(path, True, "", "cam", "p", "s", "fullframe", box)


def test_crops_for_training_are_those_of_run_time(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    crop = dataset.crop_of(sample(tmp_path / "a.png"), 2.7, 80)
    assert np.array_equal(crop, context_crop(image, BOX, 2.7, 80))


def test_images_of_other_modes_and_sizes_are_taken(tmp_path: Path) -> None:
    picture(tmp_path / "grey.png", cv2.IMREAD_GRAYSCALE)
    deep = np.full((60, 90, 4), 40_000, np.uint16)
    assert cv2.imwrite(str(tmp_path / "deep.png"), deep)
    for name, box in (("grey.png", BOX), ("deep.png", Box(10, 10, 30, 30))):
        crop = dataset.crop_of(sample(tmp_path / name, box), 2.7, 32)
        assert crop.shape == (32, 32, 3)
        assert crop.dtype == np.uint8


def test_a_look_finds_faces_and_names_what_cannot_be_used(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"nothing")
    samples = [
        sample(tmp_path / "a.png"),
        sample(tmp_path / "a.png", None),
        sample(tmp_path / "b.png"),
        sample(tmp_path / "a.png", Box(5000, 0, 40, 40)),
    ]
    told: list[tuple[int, int]] = []
    found = dataset.look(samples, lambda _: BOX, lambda *pair: told.append(pair))
    assert [one.box for one in found.samples] == [BOX, BOX]
    assert "b.png is no PNG" in found.unreadable[0]
    assert "the face's box lies outside of it" in found.unreadable[1]
    assert told[-1] == (4, 4)
    assert dataset.look(samples[1:2]).faceless == [tmp_path / "a.png"]
    with pytest.raises(DatasetError, match="no face is known"):
        dataset.crop_of(samples[1], 2.7, 80)


def test_live_and_attack_take_turns_and_each_species_comes_as_often() -> None:
    samples = recording("cam", "a", 3, live=True)
    samples += recording("cam", "b", 40, live=False, species="print")
    samples += recording("cam", "c", 2, live=False, species="phone")
    drawn = [samples[index] for index in islice(dataset.draws(samples, 1), 240)]
    assert [one.live for one in drawn] == [True, False] * 120
    kinds = [one.species for one in drawn if not one.live]
    assert (kinds.count("print"), kinds.count("phone")) == (60, 60)
    assert {one.path for one in drawn} == {one.path for one in samples}


def test_a_stream_is_the_same_from_any_place_on_and_in_parts() -> None:
    samples = recording("cam", "a", 5, live=True) + recording("cam", "b", 7, live=False)
    whole = list(islice(dataset.numbered(samples, 3, Part()), 60))
    assert whole[20:] == list(islice(dataset.numbered(samples, 3, Part(first=20)), 40))
    shares = [list(islice(dataset.numbered(samples, 3, Part(0, n, 3, 4)), 20)) for n in range(3)]
    assert sorted(pair for share in shares for pair in share) == whole
    assert [sum(samples[index].live for _, index in share) for share in shares] == [10, 10, 10]
    assert whole != list(islice(dataset.numbered(samples, 4, Part()), 60))


def test_crops_to_choose_by_are_in_a_file(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    one = sample(tmp_path / "a.png")
    kept = dataset.held_crops([one, one], 2.7, 80, tmp_path / "held.npy")
    assert isinstance(kept, np.memmap)
    assert np.array_equal(kept[1], dataset.crop_of(one, 2.7, 80))


def test_room_for_crops_is_taken_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a full disk would end the process, without a word."""
    held = tmp_path / "held.npy"

    def crop(*_: object) -> NDArray[np.uint8]:
        assert held.stat().st_blocks * 512 >= 2 * 80 * 80 * 3
        return np.zeros((80, 80, 3), np.uint8)

    monkeypatch.setattr(dataset, "crop_of", crop)
    assert len(dataset.held_crops([sample(tmp_path / "a.png")] * 2, 2.7, 80, held)) == 2


def test_other_lights_are_drawn_anew_each_time_and_alike_from_one_seed() -> None:
    grey = np.full((3, 8, 8, 3), 120, np.uint8)
    grey[:, :4] = 60
    lit = list(dataset.lit_crops(grey, 4, 1))
    assert len(lit) == 12
    assert len({one.tobytes() for one in lit}) > 9
    assert all(np.ptp(half, axis=(0, 1)).max() == 0 for one in lit for half in (one[:4], one[4:]))
    again = list(dataset.lit_crops(grey, 4, 1))
    assert all(np.array_equal(*pair) for pair in zip(lit, again, strict=True))
