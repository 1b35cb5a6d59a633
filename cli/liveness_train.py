# SPDX-License-Identifier: MIT
"""The verb ``liveness train``: a model of one's own, from recordings of one's own.

TensorFlow is imported here alone, and not where only a head is learnt. What the training has done
is kept beside OUT until OUT is written, so that a killed one goes on with ``--resume``.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fcntl import LOCK_EX, LOCK_NB
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.arguments import PATH, Number, config_option, models_option
from cli.exits import Exit, die, note
from cli.language import _
from cli.lazy import Verb
from cli.liveness_data import failing, locator, name_option, samples_of, tell_left_out
from cli.scanning import hints
from faceauthd.config import load

if TYPE_CHECKING:
    from models.evaluation.datasets import Sample
    from models.liveness.dataset import Locate
    from models.liveness.fitting import Epoch, Settings, Step
    from models.liveness.splitting import Split
    from models.liveness.train import Trained

ARCHITECTURES = ("minifasnet", "minifasnet-head", "livenessnet")


@click.command(cls=Verb)
@click.argument("data", type=PATH, metavar="DATA")
@click.argument("out", type=PATH, metavar="OUT")
@click.option("--arch", type=click.Choice(ARCHITECTURES),
              help="The network.  [minifasnet; with --finetune minifasnet-head]")  # fmt: skip
@click.option("--finetune", is_flag=True, help="Start from the model that ships: seconds.")
@click.option("--from", "start", type=PATH, metavar="FILE",
              help="Start from this model.onnx, or MiniFASNetV2's .pth.")  # fmt: skip
@click.option("--part", type=click.Choice(("all", "head")),
              help="Train all layers, or only those behind the convolutions.  [all]")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1, 10_000), help="At most.")
@click.option("--patience", type=click.IntRange(1), help="Epochs without a better one.")
@click.option("--batch", type=click.IntRange(2, 4096), help="Images in a step.")
@click.option("--rate", type=Number(0, 1, min_open=True), help="Learning rate.")
@click.option("--share", type=Number(0.05, 0.4), help="Held out to choose, and to judge.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of all that is random.  [0]")
@click.option("--mixed/--no-mixed", default=None, help="float16 where it is safe.  [on a GPU]")
@click.option("--resume", is_flag=True, help="Go on with a training that was interrupted.")
@name_option
@click.option("--view", type=click.Choice(("fullframe", "crop")), help="Only these images.")
@click.option("--source", "sources", multiple=True, help="Only this source; may be repeated.")
@config_option
@models_option
def train(
    data: Path,
    out: Path,
    finetune: bool,
    resume: bool,
    mixed: bool | None,
    name: str,
    view: str | None,
    sources: tuple[str, ...],
    file: Path,
    models_dir: Path | None,
    **chosen: Any,
) -> None:
    """Train a model on the recordings in DATA, and write it to the new folder OUT.

    No recording is divided: some train, some choose the best epoch, and some judge. On several
    machines run the same command on each, with TensorFlow's TF_CONFIG in the environment.
    """
    if finetune and chosen["start"]:
        raise click.UsageError("--finetune and --from exclude each other")
    if out.exists():
        die(f"{out} is there already; name a new folder", Exit.USAGE)
    work = workplace(out)
    if has_checkpoint(work) and not resume:
        why = f"{out} has an interrupted training"
        die(f"{why}: --resume goes on with it; to begin anew remove {work}", Exit.USAGE)
    with keeping(out, work), failing():
        settings = settings_of(finetune, mixed, chosen)
        samples = samples_of(data, view, sources)
        with hints(bar=True) as show:
            locate = locator(samples, load(file).engine, models_dir or load(file).models_dir)
            trained = run(samples, settings, work, locate, resume, show)
        if trained is None:
            output.answer({"out": None}, _("the first machine writes the model"))
            return
        finish(trained, out, name, settings, work)


def workplace(out: Path) -> Path:
    """Where a training keeps what it goes on from; each of several workers has its own."""
    from models.liveness.distribution import VARIABLE

    worker = f"-{os.getpid()}" if os.environ.get(VARIABLE) else ""
    return out.absolute().parent / f".{out.name}.training{worker}"


def settings_of(finetune: bool, mixed: bool | None, chosen: dict[str, Any]) -> "Settings":
    """The settings: those of the start that was chosen, changed where the command line says so."""
    from models.liveness import backend, networks
    from models.liveness.presets import preset

    architecture = chosen.pop("arch") or ("minifasnet-head" if finetune else "minifasnet")
    needs_tensorflow = not networks.architecture(architecture).head
    if needs_tensorflow:
        backend.start()
    settings = preset(architecture, finetune=finetune)
    given = {key: value for key, value in chosen.items() if value is not None}
    on_gpu = needs_tensorflow and mixed is None and backend.has_gpu()
    return replace(settings, mixed=on_gpu if mixed is None else mixed, **given)


def run(
    samples: "list[Sample]",
    settings: "Settings",
    work: Path,
    locate: "Locate | None",
    resume: bool,
    show: Any,
) -> "Trained | None":
    from models.liveness import train as training

    listener = training.Listener(
        on_look=lambda done, of: show(
            _("Looking at the images: {done} of {of}").format(done=done, of=of), done / of
        ),
        on_split=say_split,
        on_epoch=say_epoch,
        on_step=lambda step: show_step(step, show),
    )
    return training.train(samples, settings, work, listener, locate, resume=resume)


def say_split(parts: "Split") -> None:
    """Which recordings do what; and what it means where there are too few to judge by."""
    listed = {"train": parts.train, "choose": parts.validation, "judge": parts.test}
    for part, samples in listed.items():
        if not samples:
            continue
        kinds = Counter(one.species or "live" for one in samples)
        images = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        note(f"{len({(one.source, one.session) for one in samples})} recordings {part}: {images}")
    if not parts.test:
        note(
            _(
                "too few recordings to judge by: the figures will be of those that choose, and "
                "flatter; record each kind at least three times"
            )
        )


def say_epoch(epoch: "Epoch") -> None:
    """A line an epoch, for whoever reads a log."""
    trained = f"epoch {epoch.number}: loss {epoch.loss:.4f}" if epoch.number else "as it began"
    right = f"{100 * epoch.validation_accuracy:.1f} % right"
    note(f"{trained}; held out: loss {epoch.validation_loss:.4f}, {right}")


def show_step(step: "Step", show: Any) -> None:
    left = int(step.seconds_left)
    when = f"{left // 60} min {left % 60} s" if left >= 60 else f"{left} s"
    text = _("Epoch {number}, loss {loss:.3f}, at most {time} left")
    show(text.format(number=step.epoch, loss=step.loss, time=when), step.done / step.of)


@contextmanager
def keeping(out: Path, work: Path) -> Iterator[None]:
    """A disk that fails is one line; what was trained until then is kept, if anything was.

    One command at a time: two would write their crops over each other's, and learn from those.
    """
    from models.liveness.files import locked

    try:
        work.mkdir(parents=True, exist_ok=True)
        with locked(work, LOCK_EX | LOCK_NB):
            try:
                yield
            finally:
                if not has_checkpoint(work):
                    shutil.rmtree(work, ignore_errors=True)
    except BlockingIOError:
        die(f"{out} is being trained by another command", Exit.UNAVAILABLE)
    except OSError as error:
        kept = "; what was trained is kept: --resume goes on" if has_checkpoint(work) else ""
        die(f"{out} cannot be written: {error.strerror or error}{kept}", Exit.UNAVAILABLE)


def has_checkpoint(work: Path) -> bool:
    from models.liveness.train import CHECKPOINT

    return (work / CHECKPOINT).exists()


def finish(trained: "Trained", out: Path, name: str, settings: "Settings", work: Path) -> None:
    """Write the model and say how good it is."""
    from models.evaluation.liveness import COLUMNS, as_json, rows
    from models.liveness.saving import save

    save(trained, out, name, settings)
    shutil.rmtree(work, ignore_errors=True)
    left_out = tell_left_out(trained.unreadable, trained.faceless)
    if output.wants_json():
        output.print_json(
            {
                "out": str(out),
                "judged_on": "test" if trained.split.test else "validation",
                "held_out": as_json(trained.report),
                "epochs": trained.history[-1].number if trained.history else 0,
                "left_out": left_out,
            }
        )
        return
    output.table([column.upper() for column in COLUMNS], rows(trained.report))
    line = _("Wrote {out}; what it is: {card}; plots: {report}")
    output.say("\n" + line.format(out=out, card=out / "MODEL_CARD.md", report=out / "report"))
