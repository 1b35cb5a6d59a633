# SPDX-License-Identifier: MIT
"""What a network trains on: labelled images, split fairly, as a stream of crops.

Neighbouring frames of one recording are nearly the same picture. A split by frame would put them
on both sides and report how well the network remembers; so a split divides sources (a camera, a
place, a person), or recordings where there are too few sources, and never a recording.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.datasets import DatasetError, Sample
from models.evaluation.liveness import read_image
from models.face import Box, Image
from models.liveness import augment
from models.liveness.crop import context_crop

FEW_SOURCES = 4  # with fewer, whole sources cannot be spared for validation

Locate = Callable[[Image], Box | None]


@dataclass(frozen=True)
class Split:
    """Two parts that share no ``unit`` ("source" or "session")."""

    unit: str
    train: list[Sample]
    validation: list[Sample]


def split(samples: Sequence[Sample], seed: int, share: float = 0.25) -> Split:
    """About ``share`` (0-1) of the live faces and of the attacks for validation, by whole units.

    DatasetError where one side would be left without live faces or without attacks.
    """
    unit = "source" if _complete_sources(samples) >= FEW_SOURCES else "session"
    units: dict[tuple[str, ...], list[Sample]] = {}
    for sample in samples:
        key = (sample.source,) if unit == "source" else (sample.source, sample.session)
        units.setdefault(key, []).append(sample)
    kept: list[Sample] = []
    held: list[Sample] = []
    order = np.random.default_rng(seed).permutation(len(units))
    groups = list(units.values())
    for group in (groups[index] for index in order):
        (held if _is_wanted(group, held, samples, share) else kept).extend(group)
    for part, name in ((kept, "training"), (held, "validation")):
        _require_both(part, name, unit)
    return Split(unit, kept, held)


def _complete_sources(samples: Sequence[Sample]) -> int:
    """How many sources have both live faces and attacks."""
    kinds = {(sample.source, sample.live) for sample in samples}
    return sum((source, False) in kinds for source, live in kinds if live)


def _is_wanted(
    group: Sequence[Sample], held: Sequence[Sample], samples: Sequence[Sample], share: float
) -> bool:
    """Whether validation still needs what this unit has; taking at most half of a kind."""
    for live in {sample.live for sample in group}:
        total = sum(sample.live == live for sample in samples)
        have = sum(sample.live == live for sample in held)
        more = sum(sample.live == live for sample in group)
        if have >= share * total or have + more > max(share, 0.5) * total:
            return False
    return True


def _require_both(part: Sequence[Sample], name: str, unit: str) -> None:
    for live, kind in ((True, "live faces"), (False, "attacks")):
        if not any(sample.live == live for sample in part):
            raise DatasetError(
                f"no {kind} are left for {name}: record {kind} in at least 2 {unit}s of like length"
            )


def crops(
    samples: Sequence[Sample],
    scale: float,
    size: int,
    rng: np.random.Generator | None = None,
    locate: Locate | None = None,
) -> Iterator[tuple[NDArray[np.uint8], bool]]:
    """(crop (size, size, 3) uint8 BGR, live), one at a time; with ``rng`` as a camera varies them.

    Images in which no face is known or found are left out.
    """
    for sample in samples:
        image = read_image(sample.path)
        box = sample.box or (locate(image) if locate else None)
        if box is None:
            continue
        if rng is None:
            yield context_crop(image, box, scale, size), sample.live
        else:
            varied = augment.webcam(image, rng)
            crop = context_crop(varied, augment.jitter(box, rng), scale, size)
            yield augment.flip(crop, rng), sample.live


def stream(
    samples: Sequence[Sample],
    scale: float,
    size: int,
    batch: int,
    seed: int,
    locate: Locate | None = None,
) -> Any:
    """An endless tf.data.Dataset of batches (float32 crops, live 0/1) with as many live as attacks.

    Images are read as they are needed, so the data may be larger than memory. Every round through
    the data varies each image anew.
    """
    import tensorflow as tf

    def one_kind(live: bool) -> Any:
        own = [sample for sample in samples if sample.live == live]

        def endless() -> Iterator[tuple[NDArray[np.uint8], bool]]:
            rng = np.random.default_rng((seed, live))
            while True:
                order = [own[index] for index in rng.permutation(len(own))]
                yield from crops(order, scale, size, rng, locate)

        signature = (
            tf.TensorSpec((size, size, 3), tf.uint8),
            tf.TensorSpec((), tf.bool),
        )
        return tf.data.Dataset.from_generator(endless, output_signature=signature)

    both = tf.data.Dataset.sample_from_datasets(
        [one_kind(True), one_kind(False)], weights=[0.5, 0.5], seed=seed
    )
    return (
        both.shuffle(8 * batch, seed=seed)
        .batch(batch)
        .map(lambda images, live: (tf.cast(images, tf.float32), tf.cast(live, tf.float32)))
        .prefetch(2)
    )
