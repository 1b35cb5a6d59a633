# SPDX-License-Identifier: MIT
"""The verb ``setup``: from an installed package to a face that opens sudo, one step at a time.

Each step is whole by itself, and one that fails ends the rest: a camera that sees nobody is not
enrolled from, and no PAM service is offered to a face that was not recognised just now. So there
is no half of a set-up that could keep anybody out, and the command can be run again.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import config_file, connection, output
from cli.arguments import PATH, config_option, user_argument, whose_to_enroll
from cli.exits import Exit, die, exit_for_result, note
from cli.language import _
from cli.lazy import Verb
from cli.pam import ENABLED, Place, describe, known, tell, with_rights
from cli.pam_change import SERVICES, apply, plan_enable
from cli.pam_folder import PamFolder
from cli.pam_stack import OURS, StackError
from cli.questions import Questions
from cli.scanning import hints
from faceauthd.camera.stand_in import is_meant_as_file
from faceauthd.camera.terms import Device
from faceauthd.config import load
from faceauthd.results import Result

if TYPE_CHECKING:
    from cli.sights import Sight
    from faceauthd.client import FaceAuth

TRIES = 3  # scans
LOADING = 30.0  # seconds for models to load; one or two are usual
FALLBACK = _(
    "The password works everywhere as before: type it at the prompt, or after a refused face.\n"
    "To undo this: sudo faceauth pam disable --all. If something is wrong: sudo faceauth doctor."
)


@click.command(cls=Verb)
@user_argument
@config_option
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take what would be suggested.")
@click.option(
    "-s", "--service", "services", multiple=True, help="Let a face in at this PAM service."
)
@click.option("--root", type=PATH, default="/", hidden=True)
@click.option("--module", default=OURS, hidden=True)
def setup(
    user: str | None, file: Path, yes: bool, services: tuple[str, ...], root: Path, module: str
) -> Exit:
    """Set faceauth up for you, or for USER: camera, enrolment, a try, and sudo. (root)

    Asks before each change. With --yes it takes the best camera and enrols who sits there; PAM
    services are changed only if --service names them.
    """
    name = whose_to_enroll(user)
    known(services)
    place = Place(PamFolder(root.absolute()), module)
    with_rights(place.folder, dry_run=False)
    questions = Questions(yes)
    daemon = connection.connect()
    camera = choose_camera(daemon, file, questions)
    enrolled = enrol(daemon, name, questions)
    result = try_out(daemon, name, questions)
    if result != Result.MATCH:
        unchanged = _("{result}: no PAM service was changed. Even light helps; then run this again")
        note(unchanged.format(result=result))
    changed = let_in(place, services, questions) if result == Result.MATCH else []
    if output.wants_json():
        answer = {"camera": camera, "enrolled": enrolled, "result": result, "services": changed}
        output.print_json({"user": name, **answer})
    elif result == Result.MATCH:
        output.say(FALLBACK)
    return exit_for_result(result)


def choose_camera(daemon: "FaceAuth", file: Path, questions: Questions) -> str:
    """Have the daemon look through the camera that sees the person best; its id."""
    from cli.sights import best, sights

    config = load(file)
    device = config.camera.device
    if is_meant_as_file(device):
        note(_("the camera is a file, {file}; it stays so").format(file=device))
        return device
    found = sights(daemon.list_cameras(), config)
    if not found:
        die("there is no usable camera (see: faceauth cameras)", Exit.UNAVAILABLE)
    for number, sight in enumerate(found, 1):
        seen = f"{sight.name}: {sight.words(config.verify.dark)}"
        note(_("camera {number}: {seen}").format(number=number, seen=seen))
    suggested = best(found, config.verify.dark)
    chosen = suggested if len(found) == 1 else ask_which(found, suggested, questions)
    if not chosen.faces and not questions.confirm(_("It sees no face. Go on?"), default=False):
        die("sit in front of the camera, in good light, and run this again", Exit.UNAVAILABLE)
    preferred = first_of(device, chosen.id)
    if len(found) > 1 and preferred != device:
        config_file.change(file, ["camera", "device"], preferred)
        connection.reload(f"the camera is {chosen.name}")
    return chosen.id


def first_of(device: Device, chosen: str) -> Device:
    """The chosen camera in place of the configured one; the first, where a list is configured."""
    if isinstance(device, str):
        return chosen
    return (chosen, *(name for name in device if name != chosen))


def ask_which(found: Sequence["Sight"], suggested: "Sight", questions: Questions) -> "Sight":
    default = found.index(suggested) + 1
    return found[questions.number(_("Which camera?"), default=default, most=len(found)) - 1]


def enrol(daemon: "FaceAuth", user: str, questions: Questions) -> str:
    """The id of the new face; empty where the user kept the faces they have."""
    wait_for_models(daemon)
    usable = [face for face in daemon.list_faces(user) if face["usable"]]
    question = _("{user} is enrolled. Add another face?").format(user=user)
    if usable and not questions.confirm(question, default=False):
        return ""
    questions.pause(
        _("Now {user} looks at the camera, alone, and turns the head a little.").format(user=user)
    )
    with hints(bar=True) as on_progress:
        return daemon.enroll(user, on_progress=on_progress)


def wait_for_models(daemon: "FaceAuth") -> None:
    """Until they are loaded, as after a change of the camera, no face is known to be usable."""
    deadline = time.monotonic() + LOADING
    while daemon.get_status()["worker"] == "starting" and time.monotonic() < deadline:
        time.sleep(0.1)


def try_out(daemon: "FaceAuth", user: str, questions: Questions) -> str:
    """The result of a scan as a login runs it; a refused one may be tried again."""
    result = ""
    for left in range(TRIES, 0, -1):
        questions.pause(_("Is {user} recognised? Look at the camera.").format(user=user))
        with hints(bar=False) as on_progress:
            result, details = daemon.verify(user, on_progress=on_progress)
        note(told(result, details))
        if result == Result.MATCH or left == 1 or not questions.confirm(_("Again?"), default=False):
            break
    return result


def told(result: str, details: Mapping[str, Any]) -> str:
    if result == Result.MATCH:
        return _("recognised, in {seconds:.1f} s").format(seconds=details["milliseconds"] / 1000)
    return f"{result}: {details['reason']}" if details.get("reason") else result


def let_in(place: Place, wanted: Sequence[str], questions: Questions) -> list[str]:
    """The services that a face is let in at from now on; each was shown and proved first."""
    # Under --yes a service is changed only where the command line names it.
    services = wanted if wanted or questions.silent else list(accepted(place, questions))
    try:
        plan = plan_enable(place.folder, services, place.module)
        diffs = [change.diff(place.folder) for change in plan]
        apply(place.folder, plan)
    except StackError as error:
        die(f"{error} (no PAM file was changed; the face is enrolled)", Exit.UNAVAILABLE)
    if plan and not output.wants_json():
        tell(plan, diffs, ENABLED, dry_run=False)
    return [change.service for change in plan]


def accepted(place: Place, questions: Questions) -> Iterator[str]:
    """The services that the user wants a face at, of those that are here and can be changed."""
    files = place.folder.files()
    here = [describe(place.folder, files, name) for name in SERVICES if place.folder.has(name)]
    for one in here:
        name = one["service"]
        question = _("Let a face in at {service}, {what}?").format(service=name, what=_(one["for"]))
        if one["face"] is not False or not questions.confirm(question, default=name == "sudo"):
            continue
        try:
            plan_enable(place.folder, [name], place.module)
        except StackError as error:
            note(f"{error}; it stays as it is")
        else:
            yield name
