# SPDX-License-Identifier: MIT
"""The verb ``test``: what faceauth sees, and what it makes of it, while it looks.

The scans are those of a login, one after the other, but they let nobody in and count no refusal.
Scores are for root alone, and so is this.
"""

from collections import Counter
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import connection, output
from cli.arguments import PATH, Number, user_argument
from cli.exits import Exit
from cli.language import _, plural
from cli.lazy import Verb
from cli.source import open_source
from cli.verify import service_option

if TYPE_CHECKING:
    from cli.live_pictures import Pictures


@click.command(cls=Verb)
@user_argument
@service_option
@click.option("--from-video", type=PATH, metavar="FILE", help="Look at FILE.")
@click.option("--from-images", type=PATH, metavar="DIR", help="Look at DIR.")
@click.option(
    "--write",
    "film",
    type=PATH,
    metavar="FILE.avi",
    help="Write the pictures, with what is said of them, as a video.",
)
@click.option("--numbers", is_flag=True, help="One line a frame, and no picture.")
@click.option(
    "-t",
    "--seconds",
    type=Number(min=0, min_open=True),
    help="End so many seconds of the camera's or the file's time after the first frame.",
)
def test(
    user: str | None,
    service: str,
    from_video: Path | None,
    from_images: Path | None,
    film: Path | None,
    numbers: bool,
    seconds: float | None,
) -> Exit:
    """Watch what faceauth sees: box, name, scores, liveness, quality (root).

    Compares with everybody's faces, or with USER's. Lets nobody in and counts no refusal. Ends with
    Ctrl-C, with the file, or after ten minutes.
    """
    if from_video and from_images:
        raise click.UsageError("--from-video and --from-images exclude each other")
    source = open_source(from_video, from_images)
    # Late, for they need OpenCV.
    from cli.live_drawing import boxed, captioned
    from cli.live_film import Film
    from cli.live_pictures import NoPictures
    from cli.live_screen import screen

    daemon = connection.connect()
    frames: list[dict[str, Any]] = []
    with (
        closing(Film(film)) if film else nullcontext() as video,
        screen(numbers=numbers) as shown,
    ):
        wanted = shown.pictures or video is not None
        with closing(pictures_for(source.fd) if wanted else NoPictures()) as pictures:

            def show(frame: dict[str, Any]) -> None:
                # The camera's time runs from before the models are loaded.
                if seconds is not None and frames and frame["at"] - frames[0]["at"] >= seconds:
                    daemon.cancel()
                    return
                frames.append(frame)
                picture = pictures.of(frame["index"])
                shown.show(frame, None if picture is None else boxed(picture, frame))
                if video and picture is not None:
                    video.add(frame["at"], captioned(picture, frame))

            with suppress(KeyboardInterrupt):  # the way to end it, and the scan has been cancelled
                daemon.watch(
                    show, user or "", service=service, source_fd=source.fd, pictures_fd=pictures.fd
                )
    output.answer({"frames": frames}, summary(frames))
    return Exit.DONE


def pictures_for(fd: int | None) -> "Pictures":
    """The camera's, or those of the file that the daemon looks at."""
    from cli.live_pictures import CameraPictures, FilePictures

    return CameraPictures() if fd is None else FilePictures(fd)


def summary(frames: list[dict[str, Any]]) -> str:
    """How many frames there were, and what the scans in them came to."""
    results = Counter(frame["result"] for frame in frames if "result" in frame)
    scans = ", ".join(f"{count} {result}" for result, count in results.most_common())
    return _("{frames}; scans: {scans}").format(
        frames=plural("{number} frame", "{number} frames", len(frames)),
        scans=scans or _("none that ended"),
    )
