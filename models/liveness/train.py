# SPDX-License-Identifier: MIT
"""Training a network to tell live faces from attacks, on a person's own recordings.

``train`` looks at every image once, divides the recordings (splitting.py), trains with early
stopping (fitting.py), writes the runtime's network, and then measures that very network on the
recordings that judge. The threshold lies where the recordings that chose have equal errors. Where a
head alone is learnt (head.py), nothing is to be chosen: all recordings that do not judge train it,
and its threshold is 1/2, since it weighs live faces and attacks alike.

The same data, settings and seed give the same split and the same stream of images; the numbers may
differ in their last digits between machines. TensorFlow is imported inside the functions alone.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models import reading
from models.evaluation import rates
from models.evaluation.compare import judged
from models.evaluation.datasets import DatasetError, Sample, require_both_kinds
from models.evaluation.liveness import Report, Scored, report
from models.liveness import checkpoint, dataset, head, networks
from models.liveness.distribution import Team, team
from models.liveness.export import ExportError, export
from models.liveness.fitting import (
    Epoch,
    Keeping,
    OnEpoch,
    OnStep,
    Settings,
    fit,
)
from models.liveness.passive import STOCK, Description, PassiveModel
from models.liveness.splitting import Split, split
from models.liveness.torchfile import WeightsError

PARTS = ("all", "head")
STOCK_NETWORK = STOCK / "model.onnx"
CHECKPOINT, HELD, VARIED = "checkpoint.npz", "held.npy", "varied.npy"
HEAD_THRESHOLD = 0.5
ROUNDS = 4  # of crops that a camera varied, and of crops in other lights, for a head
LOWEST, HIGHEST = 0.001, 0.999  # of a threshold


@dataclass(frozen=True)
class Listener:
    """Who is told how far a training is."""

    on_look: dataset.OnProgress = lambda *_: None
    on_split: Callable[[Split], None] = lambda _: None
    on_epoch: OnEpoch = lambda _: None
    on_step: OnStep = lambda _: None


@dataclass(frozen=True)
class Trained:
    """A network, and what it did on the recordings that judge.

    network   the runtime's file
    model     the Keras model, None where the network was made without it
    scored    the judged samples, each with its score
    """

    network: bytes
    model: Any
    architecture: networks.Architecture
    threshold: float
    report: Report
    scored: list[Scored]
    split: Split
    history: list[Epoch] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    faceless: list[Path] = field(default_factory=list)


def train(
    samples: Sequence[Sample],
    settings: Settings,
    work: Path,
    listener: Listener = Listener(),
    locate: dataset.Locate | None = None,
    *,
    resume: bool = False,
) -> Trained | None:
    """Train on these samples; None where another worker writes the result.

    ``work`` is a folder for what a killed training is taken up from (``resume``); who saved the
    result removes it. DatasetError, WeightsError or ModelError says in one line what is wrong.
    """
    require_both_kinds(samples)
    if settings.start is not None:  # before all images are looked at, which may take its time
        _require_readable(settings.start)
    looked = dataset.look(samples, locate, listener.on_look)
    if not looked.samples:
        raise DatasetError(f"no image can be used: {(looked.unreadable or ['no face'])[0]}")
    require_both_kinds(looked.samples)
    architecture = networks.architecture(settings.architecture)
    parts = split(looked.samples, settings.seed, settings.share)
    if architecture.head:
        parts = parts.without_choice()
    listener.on_split(parts)
    work.mkdir(parents=True, exist_ok=True)
    model: Any = None
    history: list[Epoch] = []
    if architecture.head:
        network = learnt_head(parts.train, settings, work)
        threshold = HEAD_THRESHOLD
    else:
        workers = team()
        if resume and workers.workers > 1:
            raise DatasetError("a training on several machines cannot be resumed; begin it anew")
        model, history = fitted(parts, settings, architecture, work, workers, listener, resume)
        if not workers.is_chief:
            return None
        network = export(model)
        threshold = _threshold(network, architecture, parts.validation)
    scored = judged(parts.judged, passive(network, architecture, threshold))
    return Trained(
        network=network,
        model=model,
        architecture=architecture,
        threshold=threshold,
        report=report(scored, threshold),
        scored=scored,
        split=parts,
        history=history,
        unreadable=looked.unreadable,
        faceless=looked.faceless,
    )


def passive(network: bytes, architecture: networks.Architecture, threshold: float) -> PassiveModel:
    """The network as the daemon runs it."""
    table = description("trained", network, architecture, threshold)
    return PassiveModel(Description.read(table, "trained"), network)


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


def equal_threshold(live: rates.Scores, attacks: rates.Scores) -> float:
    """Where live faces and attacks have equal errors, halfway to the next score below.

    On few recordings the two often lie apart, and then any threshold between them has no error;
    the one at the lowest live score would refuse the next live face that scores a little lower.
    """
    upper = rates.equal_error_rate(live, attacks).threshold
    everything = np.concatenate([live, attacks])
    below = everything[everything < upper]
    highest = min(upper, float(everything.max()))
    lower = float(below.max()) if below.size else highest
    middle = 1 / (1 + math.exp(-(_log_odds(lower) + _log_odds(highest)) / 2))
    return min(max(middle, LOWEST), HIGHEST)


def _log_odds(probability: float) -> float:
    probability = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(probability / (1 - probability))


def _threshold(
    network: bytes, architecture: networks.Architecture, samples: Sequence[Sample]
) -> float:
    scored = judged(samples, passive(network, architecture, 0.5))
    scores = [
        np.array([one.score for one in scored if one.sample.live == live]) for live in (True, False)
    ]
    return equal_threshold(scores[0], scores[1])


def learnt_head(samples: Sequence[Sample], settings: Settings, work: Path) -> bytes:
    """The network that it starts from, or the one that ships, with a head of its own.

    ``work`` is a folder for the crops.
    """
    architecture = networks.architecture(settings.architecture)
    start = settings.start or STOCK_NETWORK
    crop = (architecture.scale, architecture.size)
    crops = dataset.held_crops(samples, *crop, work / HELD)
    varied = dataset.varied_crops(samples, *crop, work / VARIED, ROUNDS, settings.seed)
    lit = dataset.lit_crops(crops, ROUNDS, settings.seed)
    labels = np.array([sample.live for sample in samples])
    try:
        return head.learn(reading.read(start), architecture.live, crops, labels, varied, lit)
    except (OSError, ExportError) as error:
        raise WeightsError(f"{start} cannot be given a head: {error}") from None


def fitted(
    parts: Split,
    settings: Settings,
    architecture: networks.Architecture,
    work: Path,
    workers: Team,
    listener: Listener = Listener(),
    resume: bool = False,
) -> tuple[Any, list[Epoch]]:
    """The trained Keras model, in float32, and its epochs; ``work`` is as for ``train``."""
    import keras

    keras.utils.set_random_seed(settings.seed)
    crop = (architecture.scale, architecture.size)
    purpose = _purpose(parts, settings)
    path = work / CHECKPOINT
    resumed = checkpoint.load(path, purpose) if resume else None
    keeping = Keeping(path, purpose, resumed) if workers.workers == 1 else None
    batch = max(settings.batch // workers.workers // 2 * 2, 2)
    steps = max(len(parts.train) // settings.batch, 1)
    done = int(resumed.history[-1]["number"]) if resumed else 0
    first = done * steps * settings.batch
    part = dataset.Part(first, workers.number, workers.workers, batch)
    stream = dataset.stream(parts.train, *crop, batch, settings.seed, part)
    images = dataset.held_crops(parts.validation, *crop, work / HELD)
    live = np.array([sample.live for sample in parts.validation], np.float32)
    keras.mixed_precision.set_global_policy("mixed_float16" if settings.mixed else "float32")
    try:
        with workers.strategy.scope():
            model = architecture.build()
        if settings.start is not None:
            networks.load(model, settings.start)
        _freeze(model, settings.part)
        history = fit(
            model,
            architecture.live,
            stream,
            steps,
            (images, live),
            settings,
            listener.on_epoch,
            listener.on_step,
            keeping,
            workers.strategy,
        )
    finally:
        keras.mixed_precision.set_global_policy("float32")
    plain = architecture.build()
    plain.set_weights(model.get_weights())
    return plain, history


def _require_readable(start: Path) -> None:
    try:
        reading.read(start)
    except OSError as error:
        raise WeightsError(f"{start} cannot be read: {error.strerror}") from None


def _purpose(parts: Split, settings: Settings) -> str:
    """What tells one training from another: its settings, start and data."""
    digest = hashlib.sha256(repr(asdict(settings)).encode())
    if settings.start is not None:
        digest.update(reading.read(settings.start))
    for name, samples in (("train", parts.train), ("validation", parts.validation)):
        for one in samples:
            known = (name, one.source, one.session, one.path.name, one.species, one.box)
            digest.update(repr(known).encode())
    return digest.hexdigest()


def _freeze(model: Any, part: str) -> None:
    if part not in PARTS:
        raise ValueError(f'part is "{part}"; it must be one of {", ".join(PARTS)}')
    if part == "head":
        ends = [layer.name for layer in model.layers].index("flatten")
        for layer in model.layers[:ends]:
            layer.trainable = False
