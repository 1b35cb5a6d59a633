# SPDX-License-Identifier: MIT
"""The model card of a trained network: what it is, what it saw, how good it is, what is unknown."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from models.evaluation.datasets import Sample, recordings
from models.evaluation.liveness import as_table
from models.liveness.fitting import Settings
from models.liveness.train import Trained

HEAD = """\
# {name}

**What it does.** Gives the probability that the face in one colour frame of a webcam is live. It
may only deny a login, beside the model that ships; it never grants one.

**What it is.** The network `{architecture}`: input {size}×{size} pixels, the face's box enlarged
{scale} times; {start}. `model.onnx`: {bytes:,} bytes, SHA-256 `{sha256}`.

**Trained** {how}; no {unit} was divided:

| part | live images | attacks | recordings |
|---|---|---|---|
{parts}

**Measured** at its threshold {threshold:.3g}, on {judged}:

{table}

**Unknown.** How it does on another camera, in another room, on people and on attacks it has not
seen: whatever is not in the table above.
"""
OWN_TEST = "recordings that took no part in the training"
SAME = (
    "the very recordings that chose its best epoch and its threshold, for want of more: the "
    "figures flatter"
)


def card(trained: Trained, name: str, settings: Settings) -> str:
    """The card as Markdown."""
    start = settings.start.name if settings.start else ""
    split = trained.split
    named = {"training": split.train, "validation": split.validation, "test": split.test}
    parts = {title: samples for title, samples in named.items() if samples}
    return HEAD.format(
        name=name,
        architecture=trained.architecture.name,
        size=trained.architecture.size,
        scale=trained.architecture.scale,
        start=f"it began with the weights of `{start}`"
        if start
        else "it began with random weights",
        bytes=len(trained.network),
        sha256=hashlib.sha256(trained.network).hexdigest(),
        how=_how(trained, settings),
        unit=trained.split.unit,
        parts="\n".join(_row(title, samples) for title, samples in parts.items()),
        threshold=trained.threshold,
        judged=judges(trained),
        table=as_table(trained.report),
    )


def _how(trained: Trained, settings: Settings) -> str:
    if trained.architecture.head:
        return f"in one step, a head of its own (seed {settings.seed})"
    best = min(trained.history, key=lambda epoch: epoch.validation_loss).number
    return (
        f"for {trained.history[-1].number} epochs, of which number {best} was the best (seed "
        f"{settings.seed}, batch {settings.batch}, rate {settings.rate:g}, part `{settings.part}`)"
    )


def judges(trained: Trained) -> str:
    """What the figures are of, in words."""
    return OWN_TEST if trained.split.test else SAME


def _row(title: str, samples: Sequence[Sample]) -> str:
    attacks = Counter(one.species for one in samples if not one.live)
    listed = ", ".join(f"{count} {species}" for species, count in sorted(attacks.items()))
    live = sum(one.live for one in samples)
    return f"| {title} | {live} | {listed} | {len(recordings(samples))} |"
