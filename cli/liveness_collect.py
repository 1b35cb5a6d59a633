# SPDX-License-Identifier: MIT
"""The verb ``liveness collect``: recordings of faces and of attacks, as a data set to train on.

faceauthd hands out no pictures, so this command opens the camera itself, with the rights of who
runs it, and only while it records. Faces are found as in Verify. What is kept are pictures of
people: the folder is made for its owner alone.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cli import output, terminal
from cli.arguments import PATH, Number, bus_text, config_option, models_option
from cli.exits import Exit, die, note
from cli.language import _, plural
from cli.lazy import Verb
from cli.liveness_data import failing
from cli.liveness_guide import GUIDES, LIVE, TOUR, guide, hint
from cli.liveness_sources import Files, recordings
from cli.scanning import hints
from faceauthd.camera.terms import CameraError, Frame
from faceauthd.config import Config, load

if TYPE_CHECKING:
    from models.liveness.collecting import Recording
    from models.observer import Observer

FROM_FILES = "files"  # the camera of files, where nobody says which
# What a person can do about a frame that was not kept.
ADVICE = {
    "no face": _("No face is seen"),
    "several faces": _("Only one face may be in the picture"),
    "face too small": _("Come closer"),
    "too dark": _("Turn on a light"),
    "like one before": _("Move a little"),
}
Show = Callable[[str, float], None]


class Setup(NamedTuple):
    """What all recordings of one command have in common."""

    data: Path
    config: Config
    observer: "Observer"
    camera: str
    subject: str


class Limits(NamedTuple):
    """How long a recording by camera is: every ``skip``-th frame, images, seconds; and the wait."""

    skip: int
    frames: int
    seconds: float
    wait: float


@dataclass
class Done:
    """What became of one recording."""

    session: str
    species: str
    images: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


@click.command(cls=Verb)
@click.argument("data", type=PATH, metavar="DATA")
@click.argument("sources", type=PATH, nargs=-1, metavar="[FILE|DIR]...")
@click.option("--real", is_flag=True, help="It shows a person before the camera.")
@click.option(
    "--attack",
    metavar="SPECIES",
    callback=bus_text,
    help=f"It shows an attack: {', '.join(one for one in GUIDES if one)}, or another word.",
)
@click.option("--skip", type=click.IntRange(1), default=5, show_default=True, metavar="K",
              help="Take every K-th frame of clips and of the camera.")  # fmt: skip
@click.option("--frames", type=click.IntRange(1, 2000), default=120, show_default=True,
              help="Images after which a recording by camera ends.")  # fmt: skip
@click.option("--seconds", type=Number(1, 600), default=60, show_default=True,
              help="Time after which it ends at the latest.")  # fmt: skip
@click.option("--wait", type=Number(0, 60), default=3, show_default=True,
              help="Seconds to take position, after Enter.")  # fmt: skip
@click.option("--camera", "camera_id", metavar="NAME", callback=bus_text, default=FROM_FILES,
              show_default=True, help="Of files: the camera that they are from.")  # fmt: skip
@click.option("--subject", metavar="NAME", callback=bus_text, default="", help="Who is shown.")
@config_option
@models_option
def collect(
    data: Path,
    sources: tuple[Path, ...],
    real: bool,
    attack: str | None,
    skip: int,
    frames: int,
    seconds: float,
    wait: float,
    camera_id: str,
    subject: str,
    file: Path,
    models_dir: Path | None,
) -> Exit:
    """Add recordings to the data set in the folder DATA.

    From clips, images and folders of them; without any, from the camera, which `faceauth config`
    chooses. With neither --real nor --attack the camera is guided through all that a first
    training needs, and a folder with real/ and fake/SPECIES/ in it says by itself what it shows.
    """
    if real and attack is not None:
        raise click.UsageError("--real and --attack exclude each other")
    species = LIVE if real else attack
    if species == "" and not real:
        raise click.UsageError("--attack needs the kind of attack, such as print or phone")
    given = recordings(sources)
    config = load(file)
    with failing(), adding(data):
        setup = Setup(data, config, finder(config, models_dir), camera_id, subject)
        limits = Limits(skip, frames, seconds, wait)
        if given:
            done, whole = from_files(setup, given, species, skip)
        elif species is not None:
            done, whole = [by_camera(setup, species, limits)], True
        else:
            done, whole = tour(setup, limits), True
    answer(data, done)
    return Exit.DONE if whole and all(one.images for one in done) else Exit.NO


def finder(config: Config, models_dir: Path | None) -> "Observer":
    """What finds faces as Verify does; ModelError where the engine does not load."""
    from models.engine import load_engine
    from models.observer import Observer

    engine = load_engine(config.engine, models_dir or config.models_dir)
    return Observer(engine, (), config.verify.min_face)


@contextmanager
def adding(data: Path) -> Iterator[None]:
    """A camera or a disk that fails is one line; recordings that were finished are kept."""
    try:
        yield
    except CameraError as error:
        busy = "; close what uses it, and try again" if error.why == "busy" else ""
        die(f"{error.text}{busy}", Exit.UNAVAILABLE)
    except OSError as error:
        why = error.strerror or str(error)
        die(f"{data}: {why}; nothing of this recording was added", Exit.UNAVAILABLE)


def from_files(
    setup: Setup, given: list[Files], species: str | None, skip: int
) -> tuple[list[Done], bool]:
    """Collect from files; what was done, and whether all of it could be."""
    from models.liveness.collecting import sessions

    unlabelled = [one for one in given if species is None and one.species is None]
    if unlabelled:
        raise click.UsageError(
            f"say what {unlabelled[0].name} shows: --real, or --attack and the kind"
        )
    done, whole = [], True
    with hints(bar=True) as show:
        for number, files in enumerate(given, 1):
            try:
                session = files.session
            except OSError as error:
                note(f"{error.filename}: {error.strerror}; nothing of it was added")
                whole = False
                continue
            if session in sessions(setup.data):
                known = _("{file} is in {data} already, as {session}")
                note(known.format(file=files.name, data=setup.data, session=session))
                continue
            of = _("{number} of {all}: {what}").format(
                number=number, all=len(given), what=files.name
            )
            shown = species if species is not None else files.species or LIVE
            try:
                done.append(from_file(setup, files, Done(session, shown), skip, of, show))
            except CameraError as error:
                note(f"{files.name}: {error.text}; nothing of it was added")
                whole = False
    return done, whole and not any(one.unreadable for one in done)


def from_file(setup: Setup, files: Files, done: Done, skip: int, of: str, show: Show) -> Done:
    """Collect one recording from files."""
    with recording(setup, done, setup.camera) as taken:
        for shot in files.shots(skip):
            if shot.frame is None:
                note(f"{shot.trouble}; it is left out")
                done.unreadable.append(shot.trouble)
            else:
                offer(setup, taken, shot.frame)
            images = plural("{number} image", "{number} images", taken.kept)
            show(f"{of}: {images}", shot.fraction)
    return done


def by_camera(setup: Setup, species: str, limits: Limits) -> Done:
    """One recording by camera, with what to do said on the way."""
    from faceauthd.camera import open_source

    if terminal.has_terminal() and not output.wants_json():
        note(guide(species).prepare)
        if not ready():
            return Done("", species)
        time.sleep(limits.wait)
    session = f"{datetime.now():%Y%m%d-%H%M%S}-{species or 'real'}"
    done = Done(session, species)
    with (
        closing(open_source(setup.config.camera)) as source,
        recording(setup, done, source.id) as taken,
        hints(bar=True) as show,
    ):
        due = 0  # the number of the frame that may be taken next: those between came too fast
        for frame in source.frames():
            if frame.index < due:
                continue
            due = frame.index + limits.skip
            why = offer(setup, taken, frame)
            fraction = min(max(taken.kept / limits.frames, frame.at / limits.seconds), 1.0)
            say = ADVICE.get(why) or hint(species, fraction)
            many = _("{number} of {all} images").format(number=taken.kept, all=limits.frames)
            show(f"{say} ({many})", fraction)
            if fraction >= 1:
                break
    return done


def tour(setup: Setup, limits: Limits) -> list[Done]:
    """All that a first training needs, one after the other; a person may skip any."""
    if not terminal.has_terminal() or output.wants_json():
        raise click.UsageError("say what the camera shows: --real, or --attack and the kind")
    done = []
    for number, (species, words) in enumerate(TOUR, 1):
        note(_("{number} of {all}: {what}").format(number=number, all=len(TOUR), what=words))
        done.append(by_camera(setup, species, limits))
    return [one for one in done if one.session]


def ready() -> bool:
    """Whether to record: a person pressed Enter, and did not type s to skip."""
    typed = click.prompt(
        _("Enter records, s skips"), default="", show_default=False, err=True, type=str
    )
    return not typed.strip().lower().startswith("s")


@contextmanager
def recording(setup: Setup, done: Done, camera: str) -> Iterator["Recording"]:
    """A recording that becomes part of the data set when the block ends well, else not at all."""
    from models.liveness.collecting import About, Recording, name_of

    about = About(done.species, done.session, name_of(camera), camera, setup.subject)
    taken = Recording(setup.data, about, setup.config.verify.dark)
    try:
        yield taken
        done.images = taken.finish()
        done.left_out = dict(taken.left_out)
    finally:
        taken.discard()


def offer(setup: Setup, taken: "Recording", frame: Frame) -> str:
    """Judge one frame, and keep it if it serves; else why not."""
    seen = setup.observer.observe(frame.image, frame.index, frame.at, embed=False, liveness=False)
    return taken.offer(frame.image, seen)


def answer(data: Path, done: list[Done]) -> None:
    if output.wants_json():
        output.print_json({"data": str(data), "recordings": [vars(one) for one in done]})
        return
    if not done:
        output.say(_("nothing was added"))
        return
    output.table((_("RECORDING"), _("SHOWS"), _("IMAGES"), _("LEFT OUT")), map(row, done))


def row(one: Done) -> tuple[str, ...]:
    reasons = {**one.left_out, **({"unreadable": len(one.unreadable)} if one.unreadable else {})}
    left_out = ", ".join(f"{count} {why}" for why, count in reasons.items())
    return one.session, one.species or _("a live face"), str(one.images), left_out or _("none")
