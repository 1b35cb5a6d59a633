# SPDX-License-Identifier: MIT
"""Training a network to tell live faces from attacks, on a person's own recordings.

``train`` splits the recordings (dataset.split), trains with early stopping on the part held out,
and says what it measured there. ``save`` writes what the runtime needs (``model.onnx`` and its
description ``model.json``), the Keras file to go on from, and ``metrics.json``.

The same data, settings and seed give the same split and the same order of images; the numbers may
differ in their last digits between machines. TensorFlow is imported inside the functions alone.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from models.evaluation import rates
from models.evaluation.datasets import DatasetError, Sample, recordings, require_both_kinds
from models.evaluation.liveness import Report, Scored, as_json, report
from models.liveness import dataset, networks
from models.liveness.export import export
from models.liveness.files import write_folder

PARTS = ("all", "head")


@dataclass(frozen=True)
class Settings:
    """How to train.

    start     weights to begin with: a model.onnx of ours, or MiniFASNetV2's published .pth
    part      "all", or "head": only what follows the convolutions, for a few hundred images
    epochs    at most; training ends sooner after ``patience`` epochs without a better result
    batch     images in a step, half of them live
    rate      the learning rate at the start; it falls to nothing along a cosine
    share     how much of the data is held out to measure
    """

    architecture: str = "minifasnet"
    start: Path | None = None
    part: str = "all"
    epochs: int = 30
    patience: int = 6
    batch: int = 32
    rate: float = 1e-3
    share: float = 0.25
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """One round through the data: its number (from 1), losses, and the seconds left at most."""

    number: int
    loss: float
    validation_loss: float
    seconds_left: float


@dataclass(frozen=True)
class Trained:
    """A network (a Keras model), and what it did on the recordings held out."""

    model: Any
    architecture: networks.Architecture
    threshold: float
    report: Report
    split: dataset.Split
    history: list[Epoch]


def train(
    samples: Sequence[Sample],
    settings: Settings,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    locate: dataset.Locate | None = None,
) -> Trained:
    """Train on these samples. DatasetError or WeightsError says in one line what is missing."""
    import keras

    require_both_kinds(samples)
    keras.utils.set_random_seed(settings.seed)
    architecture = networks.architecture(settings.architecture)
    split = dataset.split(samples, settings.seed, settings.share)
    crop = (architecture.scale, architecture.size)
    stream = dataset.stream(split.train, *crop, settings.batch, settings.seed, locate)
    held = [
        (sample, image)
        for sample in split.validation
        for image, _ in dataset.crops([sample], *crop, locate=locate)
    ]
    if len({sample.live for sample, _ in held}) < 2:
        raise DatasetError("no face is found in the recordings held out to measure")
    images = np.stack([image for _, image in held]).astype(np.float32)
    live = np.array([sample.live for sample, _ in held], np.float32)
    model = architecture.build()
    if settings.start is not None:
        networks.load(model, settings.start)
    _freeze(model, settings.part)
    steps = max(len(split.train) // settings.batch, 1)
    history = fit(model, architecture.live, stream, steps, (images, live), settings, on_epoch)
    scores = probabilities(model, architecture.live, images)
    scored = [Scored(sample, float(one)) for (sample, _), one in zip(held, scores, strict=True)]
    threshold = rates.equal_error_rate(scores[live == 1], scores[live == 0]).threshold
    threshold = float(np.clip(threshold, 0.01, 0.99))
    return Trained(model, architecture, threshold, report(scored, threshold), split, history)


def fit(
    model: Any,
    live: int,
    stream: Any,
    steps: int,
    validation: tuple[Any, Any],
    settings: Settings,
    on_epoch: Callable[[Epoch], None],
) -> list[Epoch]:
    """Train ``model`` on batches (images, share live 0-1); the best epoch's weights stay."""
    import keras

    falling = keras.optimizers.schedules.CosineDecay(settings.rate, steps * settings.epochs)
    model.compile(keras.optimizers.Adam(falling), loss=live_loss(live))
    history: list[Epoch] = []
    started = monotonic()

    def ended(number: int, logs: dict[str, float]) -> None:
        left = (monotonic() - started) / (number + 1) * (settings.epochs - number - 1)
        history.append(Epoch(number + 1, logs["loss"], logs["val_loss"], left))
        on_epoch(history[-1])

    stop = keras.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True)
    model.fit(
        stream,
        steps_per_epoch=steps,
        epochs=settings.epochs,
        validation_data=validation,
        callbacks=[stop, keras.callbacks.LambdaCallback(on_epoch_end=ended)],
        verbose=0,
    )
    return history


def live_loss(live: int) -> Callable[[Any, Any], Any]:
    """Cross-entropy of "live" against all other classes together.

    Which of the attack classes a network answers with is its own affair.
    """
    import tensorflow as tf

    def loss(wanted: Any, logits: Any) -> Any:
        other = tf.concat([logits[:, :live], logits[:, live + 1 :]], axis=1)
        margin = logits[:, live] - tf.reduce_logsumexp(other, axis=1)
        wanted = tf.reshape(tf.cast(wanted, margin.dtype), tf.shape(margin))
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=margin)

    return loss


def probabilities(model: Any, live: int, images: Any, *, mirror: bool = False) -> rates.Scores:
    """P(live) of crops (n, size, size, 3), as (n,); ``mirror`` as in export.export."""
    logits = _logits(model, images)
    if mirror:
        logits = (logits + _logits(model, images[:, :, ::-1])) / 2
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: rates.Scores = weights[:, live] / weights.sum(axis=1)
    return scores


def _logits(model: Any, images: Any) -> rates.Scores:
    logits = model.predict(np.asarray(images, np.float32), batch_size=64, verbose=0)
    return np.asarray(logits, np.float64)


def save(trained: Trained, directory: Path, name: str, settings: Settings) -> None:
    """Make the folder ``directory`` with the model's files: all of them, or none (OSError)."""
    network = export(trained.model)
    about = {
        **description(name, network, trained.architecture, trained.threshold),
        "trained": {
            "settings": {**asdict(settings), "start": str(settings.start or "")},
            "split": trained.split.unit,
            "images": len(trained.split.train),
            "held_out": len(trained.split.validation),
            "recordings": sorted(recordings([*trained.split.train, *trained.split.validation])),
        },
    }
    metrics = {
        "held_out": as_json(trained.report),
        "epochs": [asdict(epoch) for epoch in trained.history],
    }
    write_folder(
        directory,
        {
            "model.onnx": network,
            "metrics.json": (json.dumps(metrics, indent=1) + "\n").encode(),
            "model.json": (json.dumps(about, indent=1) + "\n").encode(),
        },
    )


def description(
    name: str, network: bytes, architecture: networks.Architecture, threshold: float
) -> dict[str, Any]:
    """What passive.py needs to run ``network``."""
    return {
        "id": name,
        "file": "model.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "input": {"size": architecture.size},
        "crop": architecture.scale,
        "output": "logits",
        "live": architecture.live,
        "threshold": threshold,
    }


def _freeze(model: Any, part: str) -> None:
    if part not in PARTS:
        raise ValueError(f'part is "{part}"; it must be one of {", ".join(PARTS)}')
    if part == "head":
        ends = [layer.name for layer in model.layers].index("flatten")
        for layer in model.layers[:ends]:
            layer.trainable = False
