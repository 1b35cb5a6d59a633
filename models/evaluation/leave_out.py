# SPDX-License-Identifier: MIT
"""The tutorial's LivenessNet, trained the tutorial's way, and judged by sources that it never saw.

The data are divided by owner (whoever recorded a source; one person's sources stay together) into
folds; for each fold a network learns from all the others and scores that one, so that every image
is scored once, by a network to which its camera, place and person are new. Trained as the tutorial
does: the face alone in 32 x 32 pixels, with Adam, images turned, shifted, sheared, zoomed and
mirrored; but in batches of 32 at a rate of 4e-4 in place of 8 at 1e-4, and for 12 epochs in place
of 50, as there is more than ten times as much to learn from. It measures; nothing of it ships.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.evaluation.datasets import Sample
from models.evaluation.liveness import Scored
from models.liveness import networks
from models.liveness.dataset import crop_of
from models.liveness.fitting import Settings, fit, probabilities

FOLDS = 4
SETTINGS = Settings(architecture="livenessnet", epochs=12, patience=12, batch=32, rate=4e-4)
OWNER = 8  # the first letters of a source's name that tell whose it is: "vf-apfol" is "Apfol"'s
# What the tutorial does to an image: degrees, and shares of its size.
TURN, ZOOM, SHIFT, SHEAR = 20.0, 0.15, 0.2, 0.15


def scores(samples: Sequence[Sample], folds: int = FOLDS) -> list[Scored]:
    """Every sample with a box, scored by a network that no source of its owner trained."""
    known = [sample for sample in samples if sample.box is not None]
    architecture = networks.architecture(SETTINGS.architecture)
    crops = np.stack([crop_of(one, architecture.scale, architecture.size) for one in known])
    live = np.array([sample.live for sample in known])
    fold = _folds(known, folds)
    found = np.empty(len(known))
    for number in range(folds):
        out = fold == number
        model = _trained(crops[~out], live[~out], architecture)
        found[out] = probabilities(model, architecture.live, crops[out])
    return [Scored(sample, float(score)) for sample, score in zip(known, found, strict=True)]


def owner(source: str) -> str:
    """Whose source it is."""
    return source.lower().removeprefix("vf-")[:OWNER]


def _folds(samples: Sequence[Sample], folds: int) -> NDArray[np.int64]:
    """The fold of each sample: owners by size, each to the fold that has the fewest images."""
    owners = [owner(sample.source) for sample in samples]
    names, sizes = np.unique(owners, return_counts=True)
    filled = np.zeros(folds, int)
    place: dict[str, int] = {}
    for index in np.argsort(-sizes, kind="stable"):
        place[str(names[index])] = int(filled.argmin())
        filled[filled.argmin()] += sizes[index]
    return np.array([place[name] for name in owners])


def _trained(
    crops: NDArray[np.uint8], live: NDArray[np.bool_], architecture: networks.Architecture
) -> Any:
    import keras

    keras.utils.set_random_seed(SETTINGS.seed)
    model = architecture.build()
    # The tutorial stops after the last epoch; what was trained on cannot stop it much sooner.
    watched = (crops[::10].astype(np.float32), live[::10].astype(np.float32))
    fit(
        model,
        architecture.live,
        _stream(crops, live),
        len(crops) // SETTINGS.batch,
        watched,
        SETTINGS,
    )
    return model


def _stream(crops: NDArray[np.uint8], live: NDArray[np.bool_]) -> Any:
    import tensorflow as tf

    size = crops.shape[1:]

    def endless() -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        rng = np.random.default_rng(SETTINGS.seed)
        while True:
            order = rng.permutation(len(crops))
            for start in range(0, len(order) - SETTINGS.batch + 1, SETTINGS.batch):
                part = order[start : start + SETTINGS.batch]
                images = np.stack([varied(crops[index], rng) for index in part])
                yield images.astype(np.float32), live[part].astype(np.float32)

    signature = (tf.TensorSpec((None, *size), tf.float32), tf.TensorSpec((None,), tf.float32))
    return tf.data.Dataset.from_generator(endless, output_signature=signature).prefetch(8)


def varied(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The image as the tutorial varies it, its edge repeated where it is moved away."""
    size = image.shape[0]
    middle = (size - 1) / 2
    angle = rng.uniform(-TURN, TURN)
    turn = np.vstack([cv2.getRotationMatrix2D((middle, middle), angle, 1), [0, 0, 1]])
    zoom = np.diag([*rng.uniform(1 - ZOOM, 1 + ZOOM, 2), 1.0])
    shear = np.array([[1, rng.uniform(-SHEAR, SHEAR), 0], [0, 1, 0], [0, 0, 1]])
    shift = np.eye(3)
    shift[:2, 2] = rng.uniform(-SHIFT, SHIFT, 2) * size
    moved = cv2.warpAffine(
        image, (shift @ turn @ zoom @ shear)[:2], (size, size), borderMode=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(moved[:, ::-1] if rng.random() < 0.5 else moved).astype(np.uint8)
