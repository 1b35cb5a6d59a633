# SPDX-License-Identifier: MIT
"""Simulated cameras and attacks: the same for the same seed, and with what tells them apart."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.face import Box, Image
from models.liveness import attacks, augment, media, simulation

BOX = Box(70, 60, 60, 80)


def picture(seed: int = 0) -> Image:
    """A scene with something face-like in BOX; what it shows does not matter here."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 5, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (200, 240), interpolation=cv2.INTER_CUBIC)
    cv2.ellipse(image, (100, 100), (30, 40), 0, 0, 360, (120, 150, 200), -1)
    return np.asarray(image, np.uint8)


@pytest.mark.parametrize("species", sorted(media.MEDIA))
def test_an_attack_is_the_same_for_the_same_seed_and_shows_the_face(species: str) -> None:
    def make(seed: int) -> tuple[Image, Box]:
        rng = np.random.default_rng(seed)
        return attacks.simulate(species, picture(), BOX, picture(1), (320, 240), rng)

    image, box = make(5)
    again, same = make(5)
    other, _ = make(6)
    assert image.shape == (240, 320, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, again)
    assert box == same
    assert not np.array_equal(image, other)
    x, y = box.centre
    assert 0 < x < 320
    assert 0 < y < 240
    assert box.width / box.height == pytest.approx(BOX.width / BOX.height, rel=0.3)


@pytest.mark.parametrize("species", ["print", "phone"])
def test_held_before_a_face_it_hides_that_face_and_shows_its_surroundings(species: str) -> None:
    """The camera sees the holder's upright picture, and no more of the face in its middle."""
    holder = np.full((240, 200, 3), 90, np.uint8)
    holder[60:140, 70:130] = (0, 0, 255)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        image, box = attacks.simulate(
            species, picture(), BOX, holder, (320, 240), rng, before=Box(70, 60, 60, 80)
        )
        assert image.shape[0] > image.shape[1], "other surroundings than the holder's"
        x, y = (int(value) for value in box.centre)
        assert 0 < x < image.shape[1]
        assert 0 < y < image.shape[0]
        shown = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
        assert shown[2] < 3 * shown[0] + 30, "the holder's red face shows through"
        reach = box.height / (image.shape[0] * BOX.height / 240)
        assert 0.4 < reach < 1.6, "much smaller or larger than the holder's face"


def test_a_display_brings_moire_by_being_sampled() -> None:
    """The lattice is finer than the camera's pixels, so only a beat of the two can be seen."""
    sheet = media.Sheet(
        np.zeros((480, 300, 3), np.float32), np.ones((480, 300), np.float32), BOX, pixels=3.03
    )
    found = set()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        lattice = attacks._grid(np.eye(3), sheet, (300, 200), rng)
        if isinstance(lattice, float):
            continue
        camera = cv2.resize(lattice, (150, 100), interpolation=cv2.INTER_AREA)
        spectrum = np.abs(np.fft.rfft(camera[50, :, 1] - camera[50, :, 1].mean()))
        found.add(int(spectrum.argmax()))
    # 3.03 lattice cycles a scene pixel look like 0.03: 9 cycles over 300 pixels.
    assert found == {9}


def test_a_webcam_keeps_size_and_is_the_same_for_the_same_seed() -> None:
    first = augment.webcam(picture(), np.random.default_rng(3))
    second = augment.webcam(picture(), np.random.default_rng(3))
    assert np.array_equal(first, second)
    assert first.shape == picture().shape
    assert first.dtype == np.uint8


def test_a_drawn_crop_depends_on_its_own_number_alone() -> None:
    pictures = [simulation.Picture(str(n), picture(n), BOX, None) for n in range(3)]
    few = simulation.draw(pictures, 6, seed=1, scale=2.7, size=40)
    more = simulation.draw(pictures, 12, seed=1, scale=2.7, size=40)
    assert np.array_equal(few.images, more.images[:6])
    assert np.array_equal(few.clean, more.clean[:6])
    assert not np.array_equal(few.clean, few.images), "the webcam's mark is missing"
    assert few.species == more.species[:6]
    assert set(more.species) <= set(simulation.SHARES)
    assert more.live.tolist() == [name == "live" for name in more.species]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_jitter_stays_close(seed: int) -> None:
    moved = augment.jitter(BOX, np.random.default_rng(seed))
    assert moved.overlap(BOX) > 0.5
