# SPDX-License-Identifier: MIT
"""Labelled images as a stream of crops to train on.

``look`` reads every image once and finds the faces whose places are not known; ``stream`` then
reads images as they are needed, so that a data set may be larger than memory. Half of what it
gives is live, and the other half has as many images of each species. Each image is varied as a
camera varies it, by a random generator of its own number in the stream alone: the same seed gives
the same stream, from any place on, however many threads read.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.evaluation.datasets import DatasetError, Sample
from models.evaluation.liveness import read_image
from models.face import Box, Image
from models.liveness import augment
from models.liveness.crop import context_crop

Locate = Callable[[Image], Box | None]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Looked:
    """The samples that can be used, each with its box; and the images that cannot, and why."""

    samples: list[Sample] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    faceless: list[Path] = field(default_factory=list)


def look(
    samples: Sequence[Sample],
    locate: Locate | None = None,
    on_progress: OnProgress = lambda *_: None,
) -> Looked:
    """Read every image once; ``locate`` finds the faces whose places are not known."""
    found = Looked()
    for number, sample in enumerate(samples, 1):
        try:
            image = read_image(sample.path)
            box = sample.box or (locate(image) if locate else None)
            if box is None:
                found.faceless.append(sample.path)
            elif not box.overlap(Box(0, 0, image.shape[1], image.shape[0])):
                found.unreadable.append(f"{sample.path}: the face's box lies outside of it")
            else:
                found.samples.append(replace(sample, box=box))
        except (DatasetError, ModelError) as error:
            found.unreadable.append(str(error))
        on_progress(number, len(samples))
    return found


def crop_of(
    sample: Sample, scale: float, size: int, rng: np.random.Generator | None = None
) -> NDArray[np.uint8]:
    """The crop (size, size, 3) uint8 BGR of a sample with a box; with ``rng`` a camera varies it.

    DatasetError where the image cannot be read.
    """
    if sample.box is None:
        raise DatasetError(f"{sample.path}: no face is known in it")
    image = read_image(sample.path)
    if rng is None:
        return context_crop(image, sample.box, scale, size)
    varied = augment.webcam(image, rng)
    return augment.flip(context_crop(varied, augment.jitter(sample.box, rng), scale, size), rng)


def draws(samples: Sequence[Sample], seed: int) -> Iterator[int]:
    """Indices of samples without end: live and attack in turn, species in turn, each shuffled."""
    kinds: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        kinds.setdefault("" if sample.live else sample.species, []).append(index)
    names = sorted(kinds)
    decks = {
        name: _shuffled(kinds[name], np.random.default_rng((seed, number)))
        for number, name in enumerate(names)
    }
    attacks = [name for name in names if name]
    while True:
        for name in attacks:
            yield next(decks[""])
            yield next(decks[name])


def _shuffled(indices: Sequence[int], rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from (indices[position] for position in rng.permutation(len(indices)))


@dataclass(frozen=True)
class Part:
    """Which part of a stream is meant: from the image ``first`` on, this one of ``of`` shares.

    Shares take turns by batches of ``block`` images, so that each has live faces and attacks.
    """

    first: int = 0
    number: int = 0
    of: int = 1
    block: int = 1


def numbered(samples: Sequence[Sample], seed: int, part: Part) -> Iterator[tuple[int, int]]:
    """(number in the stream, index of the sample) of this part of the stream, without end."""
    for number, index in enumerate(draws(samples, seed)):
        if number >= part.first and number // part.block % part.of == part.number:
            yield number, index


def stream(
    samples: Sequence[Sample],
    scale: float,
    size: int,
    batch: int,
    seed: int,
    part: Part = Part(),
) -> Any:
    """An endless tf.data.Dataset of batches (float32 crops, live 0/1) of samples with boxes."""
    import tensorflow as tf

    live = np.array([sample.live for sample in samples], np.float32)

    def read(number: Any, index: Any) -> tuple[NDArray[np.uint8], Any]:
        rng = np.random.default_rng((seed, int(number)))
        return crop_of(samples[int(index)], scale, size, rng), live[int(index)]

    def shaped(image: Any, label: Any) -> tuple[Any, Any]:
        image.set_shape((size, size, 3))
        label.set_shape(())
        return tf.cast(image, tf.float32), label

    scalar = tf.TensorSpec((), tf.int64)
    order = tf.data.Dataset.from_generator(
        lambda: numbered(samples, seed, part), output_signature=(scalar, scalar)
    )
    crops = order.map(
        lambda *pair: tf.numpy_function(read, pair, (tf.uint8, tf.float32)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return crops.map(shaped).batch(batch).prefetch(2)


def varied_crops(
    samples: Iterable[Sample], scale: float, size: int, path: Path, rounds: int, seed: int
) -> NDArray[np.uint8]:
    """``held_crops``, ``rounds`` times over, each time as a camera may vary them."""
    listed = list(samples)
    kept = _kept(path, rounds * len(listed), size)
    for number in range(len(kept)):
        rng = np.random.default_rng((seed, number))
        kept[number] = crop_of(listed[number % len(listed)], scale, size, rng)
    return kept


def lit_crops(crops: NDArray[np.uint8], rounds: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Each of these crops (n, size, size, 3) in another light, ``rounds`` times over."""
    for number in range(rounds * len(crops)):
        rng = np.random.default_rng((seed, number))
        yield augment.relit(crops[number % len(crops)], rng)


def held_crops(samples: Iterable[Sample], scale: float, size: int, path: Path) -> NDArray[np.uint8]:
    """Crops (n, size, size, 3) as they are, kept in the file ``path`` and not in memory."""
    listed = list(samples)
    kept = _kept(path, len(listed), size)
    for number, sample in enumerate(listed):
        kept[number] = crop_of(sample, scale, size)
    return kept


def _kept(path: Path, count: int, size: int) -> NDArray[np.uint8]:
    """Room for crops, in a file. OSError where the disk has not as much."""
    kept = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, size, size, 3))
    # A mapped file that the disk has no room for ends the process (SIGBUS) when it is written.
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, kept.offset + kept.nbytes)
    return kept
