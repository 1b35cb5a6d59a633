# SPDX-License-Identifier: MIT
"""The main job on this machine, one line for each case: enrol, accept, refuse.

The whole system runs in a rig: real bus, real daemon, real PAM stack, and a camera that shows a
clip. The clip is, in this order, CAMERA=…, a person of ../shared/data, or a picture that ships
inside scikit-image. A webcam is offered where there is one and a terminal to say yes on.
Exit status 0: each case came out as it must.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceauthd.camera import CameraInfo, list_cameras
from faceauthd.client import FaceAuth
from faceauthd.results import FaceAuthError
from tests.harness import clips, pictured
from tests.harness.data import SHARED
from tests.harness.rig import Rig

PERSON = "alice"
SERVICE = "face"  # a PAM service of the rig that asks the face alone, so that its word is seen
NO_LIVENESS = "[verify]\nliveness = []\n"


@dataclass(frozen=True)
class Case:
    """One thing that the camera sees, and the PAM codes that are right for it."""

    shown: str
    camera: Path
    right: tuple[str, ...]


@dataclass(frozen=True)
class Show:
    """What is shown: whom to enrol, and the cases in order.

    live: the person's clip shows a live person, so that liveness can be asked for.
    """

    person: str
    enrol: Path
    cases: tuple[Case, ...]
    live: bool = True


ACCEPTED = ("SUCCESS",)
JUDGED = ("AUTH_ERR",)
NOTHING_SEEN = ("AUTHINFO_UNAVAIL",)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--camera", type=Path, help="a clip of the person to enrol")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="faceauth-demo-") as folder:
        try:
            show = choose(options.camera, Path(folder))
        except (OSError, ValueError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 2
        print(f"Person: {show.person}.")
        if not show.live:
            print("LIVENESS IS OFF: a clip made of a picture shows no live person.")
        with Rig(show.enrol, users=[PERSON], config="" if show.live else NO_LIVENESS) as rig:
            for warning in rig.warnings:
                print(warning)
            return 0 if play(rig, show) else 1


def choose(given: Path | None, folder: Path) -> Show:
    """The show: of the given clip, a webcam, the real data, or a picture."""
    if given is not None:
        return of_a_clip(given, folder)
    if sys.stdin.isatty() and (webcam := offered_webcam()):
        return of_a_webcam(webcam, folder)
    if (SHARED / "video" / "pairs").is_dir():
        return of_the_real_data(folder)
    return of_a_picture(folder)


def offered_webcam() -> CameraInfo | None:
    """The webcam, where there is one and the person says yes; no is the default."""
    camera = next((one for one in list_cameras() if one.usable and not one.infrared), None)
    if camera is None:
        return None
    answer = input(f"There is a webcam ({camera.name}). Use it, and your face? [y/N] ")
    return camera if answer.strip().lower() in ("y", "yes") else None


def of_a_clip(given: Path, folder: Path) -> Show:
    enrol, later = clips.halves(given, folder)
    return Show(f"{given.name}, enrolled from its first half", enrol, cases(later, folder))


def of_the_real_data(folder: Path) -> Show:
    pair = SHARED / "video" / "pairs" / "apfol"
    enrol, later = clips.halves(pair / "genuine.webm", folder)
    another = SHARED / "video" / "pairs" / "wolf-huo" / "genuine.mp4"
    replay = Case("the person on a phone's screen", pair / "replay.webm", JUDGED)
    return Show(
        "pairs/apfol of ../shared/data, enrolled from the first half of the clip",
        enrol,
        (*cases(later, folder, another), replay),
    )


def of_a_picture(folder: Path) -> Show:
    enrol = clips.from_picture(folder / "enrol.avi", pictured.somebody())
    later = clips.from_picture(folder / "later.avi", pictured.somebody(), start=45)
    return Show("the astronaut of scikit-image", enrol, cases(later, folder), live=False)


def of_a_webcam(camera: CameraInfo, folder: Path) -> Show:
    another = clips.from_picture(folder / "another.avi", pictured.somebody_else())
    node = Path(camera.node)
    return Show(
        f"you, before {camera.name}",
        node,
        (
            Case("you", node, ACCEPTED),
            Case("another face (a picture)", another, JUDGED),
            Case("an empty scene", clips.empty_scene(folder / "empty.avi"), NOTHING_SEEN),
        ),
    )


def cases(later: Path, folder: Path, another: Path | None = None) -> tuple[Case, ...]:
    """The person again, somebody else, nobody."""
    another = another or clips.from_picture(folder / "another.avi", pictured.somebody_else())
    return (
        Case("the same person, later", later, ACCEPTED),
        Case("another face", another, JUDGED),
        Case("an empty scene", clips.empty_scene(folder / "empty.avi"), NOTHING_SEEN),
    )


def play(rig: Rig, show: Show) -> bool:
    """Enrol the person and try each case; whether all came out right."""
    print(f"{'shown':34} {'result':16} {'ms':>6}  PAM")
    if not enrol(rig):
        return False
    good = True
    for case in show.cases:
        rig.show(case.camera)
        answer = rig.pam(SERVICE, PERSON)
        right = answer.code in case.right
        line(case.shown, rig.last_result(), answer.seconds, f"PAM_{answer.code}", right)
        good = good and right
    return good


def enrol(rig: Rig) -> bool:
    with FaceAuth(rig.bus.address) as daemon:
        started = time.monotonic()
        try:
            daemon.enroll(PERSON, "demo")
        except FaceAuthError as error:
            result, right = str(error), False
        else:
            result, right = "enrolled", True
    line("the person, to enrol", result, time.monotonic() - started, "-", right)
    return right


def line(shown: str, result: str, seconds: float, pam: str, right: bool) -> None:
    print(f"{shown:34} {result:16} {seconds * 1000:6.0f}  {pam}{'' if right else '  <- WRONG'}")


if __name__ == "__main__":
    sys.exit(main())
