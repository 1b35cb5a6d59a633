# SPDX-License-Identifier: MIT
"""The training loop: batches in, the best epoch's weights out.

A loop of our own in place of Keras's ``fit``, which in Keras 3 cannot take the batches of several
workers, and keeps neither the optimiser's state nor the best weights over a kill. Everything is
in float32 but where ``settings.mixed`` says otherwise.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from models.evaluation import rates
from models.evaluation.datasets import DatasetError
from models.liveness import checkpoint
from models.liveness.checkpoint import State

BATCH = 64  # images that are judged at once


@dataclass(frozen=True)
class Settings:
    """How to train.

    start     weights to begin with: a model.onnx of ours, or MiniFASNetV2's published .pth
    part      "all", or "head": only what follows the convolutions, for a few hundred images
    epochs    at most; training ends sooner after ``patience`` epochs without a better result
    batch     images in a step, half of them live
    rate      the learning rate at the start; it falls to nothing along a cosine
    share     how much of the data is held out to choose by, and as much again to judge by
    mixed     compute in float16 where that is safe: faster on a GPU, slower on a CPU
    """

    architecture: str = "minifasnet"
    start: Path | None = None
    part: str = "all"
    epochs: int = 30
    patience: int = 6
    batch: int = 32
    rate: float = 1e-3
    share: float = 0.2
    seed: int = 0
    mixed: bool = False


@dataclass(frozen=True)
class Epoch:
    """One round through the data: its number (from 1), losses and shares of right answers.

    Where training began with weights of another, number 0 is these, and all its figures are of
    the validation: no epoch is taken that is worse than what there was.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class Step:
    """How far a training is: steps done of all, if no epoch is spared, and seconds left then."""

    epoch: int
    done: int
    of: int
    loss: float
    seconds_left: float


@dataclass(frozen=True)
class Keeping:
    """Where a training keeps its state, of which training it is, and what it goes on from."""

    path: Path
    purpose: str
    resumed: State | None = None


OnEpoch = Callable[[Epoch], None]
OnStep = Callable[[Step], None]


def fit(
    model: Any,
    live: int,
    stream: Any,
    steps: int,
    validation: tuple[Any, Any],
    settings: Settings,
    on_epoch: OnEpoch = lambda _: None,
    on_step: OnStep = lambda _: None,
    keeping: Keeping | None = None,
    strategy: Any = None,
) -> list[Epoch]:
    """Train ``model`` on batches (images, share live 0-1); the best epoch's weights stay.

    ``validation`` is images (n, size, size, 3) and the share live of each (n,). OSError: the disk.
    """
    return _Fitting(model, live, steps, validation, settings, keeping, strategy).run(
        stream, on_epoch, on_step
    )


class _Fitting:
    def __init__(
        self,
        model: Any,
        live: int,
        steps: int,
        validation: tuple[Any, Any],
        settings: Settings,
        keeping: Keeping | None,
        strategy: Any,
    ) -> None:
        import keras
        import tensorflow as tf

        self.model, self.live, self.steps, self.settings = model, live, steps, settings
        self.images, self.wanted = validation
        self.keeping = keeping
        self.strategy = strategy or tf.distribute.get_strategy()
        with self.strategy.scope():
            falling = keras.optimizers.schedules.CosineDecay(settings.rate, steps * settings.epochs)
            self.optimizer = keras.optimizers.Adam(falling)
            if settings.mixed:
                self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)
            self.optimizer.build(model.trainable_variables)
        self.history: list[Epoch] = []
        self.best: checkpoint.Arrays = []
        self.learn = tf.function(self._learn)
        self.agree = tf.function(lambda: self.strategy.run(self._replica_agree))
        self.answer = tf.function(
            lambda images: model(images, training=False),
            input_signature=[tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32)],
        )
        if keeping is not None and keeping.resumed is not None:
            self._restore(keeping.resumed)

    def run(self, stream: Any, on_epoch: OnEpoch, on_step: OnStep) -> list[Epoch]:
        batches = iter(self.strategy.distribute_datasets_from_function(lambda _: stream))
        if self.settings.start is not None and not self.history:
            on_epoch(self._judged(0))
        started, before = monotonic(), self._done() * self.steps
        most = self.settings.epochs * self.steps
        while self._done() < self.settings.epochs and not self._is_over():
            number, figures = self._done() + 1, []
            for step in range(1, self.steps + 1):
                figures.append(self._step(batches))
                done = (number - 1) * self.steps + step
                each = (monotonic() - started) / (done - before)
                on_step(Step(number, done, most, figures[-1][0], each * (most - done)))
            on_epoch(self._judged(number, *np.mean(figures, axis=0).tolist()))
        self.model.set_weights(self.best)
        return self.history

    def _step(self, batches: Any) -> tuple[float, float]:
        import tensorflow as tf

        try:
            loss, right = self.learn(*next(batches))
        except tf.errors.OpError as error:
            found = re.search(r"DatasetError: (.+)", error.message)
            why = found[1] if found else error.message.strip().split("\n")[0][:200]
            raise DatasetError(f"training stopped: {why}") from None
        if not np.isfinite(float(loss)):
            raise DatasetError(
                "training stopped: the loss is not a number; a smaller --rate may help"
            )
        return float(loss), float(right)

    def _learn(self, images: Any, wanted: Any) -> tuple[Any, Any]:
        """One step on all workers: the means of loss and of right answers."""
        import tensorflow as tf

        sum_of = tf.distribute.ReduceOp.MEAN
        each = self.strategy.run(self._replica, (images, wanted))
        loss, right = (self.strategy.reduce(sum_of, one, axis=None) for one in each)
        return loss, right

    def _replica(self, images: Any, wanted: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        replicas = self.strategy.num_replicas_in_sync
        variables = [variable.value for variable in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            margin = margins(self.model(images, training=True), self.live)
            loss = tf.reduce_mean(_cross_entropy(wanted, margin))
            scaled = self.optimizer.scale_loss(loss / replicas)
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss, _share_right(wanted, margin)

    def _replica_agree(self) -> None:
        """Give all workers the mean of what each has gathered: normalisation's statistics.

        Otherwise each would judge an epoch by its own, and they might stop at different ones.
        """
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        for variable in self.model.non_trainable_weights:
            mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.identity(variable.value))
            variable.assign(mean)

    def _judged(
        self, number: int, loss: float | None = None, accuracy: float | None = None
    ) -> Epoch:
        """End an epoch: judge it, remember its weights if they are the best, and keep the state."""
        if self.strategy.num_replicas_in_sync > 1:
            self.agree()
        held, right = self._held()
        epoch = Epoch(
            number,
            held if loss is None else loss,
            right if accuracy is None else accuracy,
            held,
            right,
        )
        if not self.best or held < min(one.validation_loss for one in self.history):
            self.best = [weights.copy() for weights in self.model.get_weights()]
        self.history.append(epoch)
        if self.keeping is not None:
            checkpoint.save(self.keeping.path, self._state(), self.keeping.purpose)
        return epoch

    def _held(self) -> tuple[float, float]:
        """Loss and share of right answers on the validation."""
        import tensorflow as tf

        margin = np.concatenate(
            [
                margins(self.answer(np.asarray(images, np.float32)), self.live).numpy()
                for images in _batches(self.images)
            ]
        )
        wanted = np.asarray(self.wanted, np.float32)
        loss = float(tf.reduce_mean(_cross_entropy(wanted, margin)))
        return loss, float(_share_right(wanted, margin))

    def _done(self) -> int:
        """How many epochs are done."""
        return self.history[-1].number if self.history else 0

    def _is_over(self) -> bool:
        losses = [one.validation_loss for one in self.history]
        return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= self.settings.patience

    def _state(self) -> State:
        return State(
            model=_values(self.model.variables),
            optimizer=_values(self.optimizer.variables),
            best=self.best,
            history=[asdict(epoch) for epoch in self.history],
        )

    def _restore(self, state: State) -> None:
        pairs = ((self.model.variables, state.model), (self.optimizer.variables, state.optimizer))
        for variables, values in pairs:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self.best = state.best
        self.history = [
            Epoch(**{**epoch, "number": int(epoch["number"])})  # type: ignore[arg-type]
            for epoch in state.history
        ]


def margins(logits: Any, live: int) -> Any:
    """Log odds (n,) of "live" against all other classes together.

    Which of the attack classes a network answers with is its own affair.
    """
    import tensorflow as tf

    logits = tf.cast(logits, tf.float32)
    other = tf.concat([logits[:, :live], logits[:, live + 1 :]], axis=1)
    return logits[:, live] - tf.reduce_logsumexp(other, axis=1)


def probabilities(model: Any, live: int, images: Any, *, mirror: bool = False) -> rates.Scores:
    """P(live) of crops (n, size, size, 3), as (n,); ``mirror`` as in export.export."""
    logits = _logits(model, images)
    if mirror:
        logits = (logits + _logits(model, images[:, :, ::-1])) / 2
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: rates.Scores = weights[:, live] / weights.sum(axis=1)
    return scores


def _logits(model: Any, images: Any) -> rates.Scores:
    answers = [
        np.asarray(model.predict_on_batch(np.asarray(batch, np.float32)), np.float64)
        for batch in _batches(images)
    ]
    return np.concatenate(answers)


def _values(variables: Any) -> checkpoint.Arrays:
    return [np.array(variable.numpy()) for variable in variables]


def _batches(images: Any) -> Any:
    return (images[start : start + BATCH] for start in range(0, len(images), BATCH))


def _cross_entropy(wanted: Any, margin: Any) -> Any:
    import tensorflow as tf

    wanted = tf.reshape(tf.cast(wanted, tf.float32), tf.shape(margin))
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=margin)


def _share_right(wanted: Any, margin: Any) -> Any:
    import tensorflow as tf

    right = tf.equal(tf.greater(margin, 0), tf.greater(tf.reshape(wanted, tf.shape(margin)), 0.5))
    return tf.reduce_mean(tf.cast(right, tf.float32))
