# SPDX-License-Identifier: MIT
"""The verbs about enrolled faces: add, list, rename, remove, clear."""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import connection, output
from cli.arguments import PATH, bus_text, caller, user_argument, user_option, whose, whose_to_enroll
from cli.exits import Exit, die
from cli.language import _, plural
from cli.lazy import Verb
from cli.password import reauthenticate
from cli.scanning import hints
from cli.source import open_source
from cli.terminal import has_terminal, polkit_agent
from faceauthd.results import EnrollFailedError

if TYPE_CHECKING:
    from faceauthd.client import FaceAuth

Face = Mapping[str, Any]  # as ListFaces describes it


@click.command(cls=Verb)
@user_argument
@click.option("-l", "--label", callback=bus_text, default="", help="A name for this face.")
@click.option("--any-camera", is_flag=True, help="Let the face in at other cameras as well.")
@click.option("--from-video", type=PATH, metavar="FILE", help="Look at FILE.")
@click.option("--from-images", type=PATH, metavar="DIR", help="Look at DIR.")
def add(
    user: str | None,
    label: str,
    any_camera: bool,
    from_video: Path | None,
    from_images: Path | None,
) -> None:
    """Enrol a face of yours, or of USER.

    Looks through the camera, or at a video file or a folder of images in its place. Your password
    is asked for first, unless you are root.

    A face that is enrolled with a camera is verified with that camera alone.
    """
    if from_video and from_images:
        raise click.UsageError("--from-video and --from-images exclude each other")
    name = whose_to_enroll(user)
    source = open_source(from_video, from_images)
    daemon = connection.connect()
    if os.geteuid() != 0:
        reauthenticate(caller())
    try:
        with polkit_agent(), hints(bar=True) as on_progress:
            face_id = daemon.enroll(
                name, label, source_fd=source.fd, any_camera=any_camera, on_progress=on_progress
            )
    except EnrollFailedError as error:
        raise EnrollFailedError(source.in_our_words(str(error))) from None
    output.answer(
        {"user": name, "face": face_id},
        _("Enrolled a face of {user}: {face}").format(user=name, face=face_id),
    )


@click.command("list", cls=Verb)
@user_argument
def list_faces(user: str | None) -> None:
    """List your enrolled faces, or USER's."""
    name = whose(user)
    daemon = connection.connect()
    # One's own are told without a question, and an agent takes its time to start.
    with polkit_agent() if user else nullcontext():
        faces = daemon.list_faces(name)
    if output.wants_json():
        output.print_json({"user": name, "faces": faces})
    elif not faces:
        output.say(_("{user} has no enrolled face").format(user=name))
    else:
        output.table(
            (_("ID"), _("LABEL"), _("ENROLLED"), _("MODEL"), _("USABLE")),
            (row(face, daemon) for face in faces),
        )


def row(face: Face, daemon: "FaceAuth") -> tuple[str, ...]:
    enrolled = datetime.fromtimestamp(face["created"]).astimezone()
    usable = _("yes") if face["usable"] else why_not(face, daemon.get_status()["model"])
    return face["id"], face["label"], f"{enrolled:%Y-%m-%d %H:%M}", face["model"], usable


def why_not(face: Face, loaded: str) -> str:
    """Why a face can't be compared; ``loaded``: the model that the worker has, empty while none."""
    if not loaded:
        return _("not now: no model is loaded (see: faceauth status)")
    if face["model"] == loaded:
        return _("no: it is damaged; enrol it again")
    return _("no: another model is in use; enrol it again")


@click.command(cls=Verb)
@click.argument("face", callback=bus_text)
@click.argument("label", callback=bus_text)
@user_option
def rename(face: str, label: str, user: str | None) -> None:
    """Give a face another label.

    FACE is its id, the start of its id, or its label.
    """
    name = whose(user)
    daemon = connection.connect()
    with polkit_agent():
        face_id = find(daemon.list_faces(name), face, name)
        daemon.rename_face(name, face_id, label)
    answer = {"user": name, "face": face_id, "label": label}
    output.answer(answer, _("Renamed {face} of {user} to {label}").format_map(answer))


@click.command(cls=Verb)
@click.argument("face", callback=bus_text)
@user_option
def remove(face: str, user: str | None) -> None:
    """Remove one face.

    FACE is its id, the start of its id, or its label.
    """
    name = whose(user)
    daemon = connection.connect()
    with polkit_agent():
        face_id = find(daemon.list_faces(name), face, name)
        daemon.remove_face(name, face_id)
    answer = {"user": name, "face": face_id}
    output.answer(answer, _("Removed {face} of {user}").format_map(answer))


@click.command(cls=Verb)
@user_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask whether you mean it.")
def clear(user: str | None, yes: bool) -> None:
    """Remove all your faces, or all of USER's."""
    name = whose(user)
    daemon = connection.connect()
    if not yes:
        confirm(_("Remove all faces of {user}?").format(user=name))
    with polkit_agent():
        removed = daemon.clear_faces(name)
    faces = plural("{number} face", "{number} faces", removed)
    line = _("Removed {faces} of {user}").format(faces=faces, user=name)
    output.answer({"user": name, "removed": removed}, line)


def confirm(question: str) -> None:
    """Return once a person said yes; end the command where they did not or nobody is there."""
    if not has_terminal():
        die("there is no terminal to ask on; --yes removes without asking", Exit.USAGE)
    if not click.confirm(question, err=True):
        die("nothing was removed", Exit.NO)


def find(faces: Sequence[Face], wanted: str, user: str) -> str:
    """The id of the face that ``wanted`` names: by id, by label, or by the start of its id."""
    ids = [str(face["id"]) for face in faces]
    found = (
        [face_id for face_id in ids if face_id == wanted]
        or [face_id for face_id, face in zip(ids, faces, strict=True) if face["label"] == wanted]
        or [face_id for face_id in ids if wanted and face_id.startswith(wanted)]
    )
    if not found:
        die(f"{user} has no face {wanted!r} (see: faceauth list)", Exit.NO)
    if len(found) > 1:
        die(f"{len(found)} faces of {user} go by {wanted!r}; give the id", Exit.USAGE)
    return found[0]
