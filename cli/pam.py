# SPDX-License-Identifier: MIT
"""The verb ``pam``: which PAM services let a face in, and changing that.

Shows each change as a diff. Nothing is written before every named service has passed its proof:
that its stack stays shut without a face, and takes the password as before.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from cli import output
from cli.arguments import PATH, bus_text
from cli.exits import Exit, die, note
from cli.language import _
from cli.lazy import Verb, Verbs
from cli.pam_change import SERVICES, Change, apply, holders, plan_disable, plan_enable
from cli.pam_folder import PamFolder
from cli.pam_stack import OURS, Files, StackError, rules


class Outcomes(NamedTuple):
    """The words for a change that was made, one that would be, and one that was already."""

    done: str
    would_be: str
    already: str


# What each way to end is called, of a service that was enabled, or disabled.
ENABLED = Outcomes(
    _("enabled"),
    _("would be enabled; nothing was written"),
    _("is enabled already; nothing was changed"),
)
DISABLED = Outcomes(
    _("disabled"),
    _("would be disabled; nothing was written"),
    _("is disabled already; nothing was changed"),
)
VERBS = {verb: f"cli.pam:{verb}" for verb in ("status", "enable", "disable")}


class Place(NamedTuple):
    """Which system's files, and the module that a new line names; both differ in tests alone."""

    folder: PamFolder
    module: str


@click.group(cls=Verbs, verbs=VERBS)
@click.option("--root", type=PATH, default="/", hidden=True)
@click.option("--module", default=OURS, hidden=True)
@click.pass_context
def pam(context: click.Context, root: Path, module: str) -> None:
    """Choose where a face may let you in: sudo, the login screen, the lock screen …"""
    context.obj = Place(PamFolder(root.absolute()), module)


service_arguments = click.argument(
    "services",
    metavar="SERVICE...",
    nargs=-1,
    callback=lambda *given: unique(*given),
    shell_complete=lambda _context, _parameter, begun: services_here(begun),
)
dry_run_option = click.option("-n", "--dry-run", is_flag=True, help="Show it and write nothing.")


def services_here(begun: str = "") -> list[str]:
    """The services of this machine whose names begin so, for a shell to complete."""
    folder = PamFolder()
    return [name for name in SERVICES if name.startswith(begun) and folder.has(name)]


def unique(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bus_text(context, parameter, value) or "" for value in values))


@click.command(cls=Verb)
@service_arguments
@click.pass_obj
def status(place: Place, services: tuple[str, ...]) -> Exit:
    """Say which services let a face in.

    With SERVICE named, ends 0 where all of them do and 1 where one does not.
    """
    known(services)
    files = place.folder.files()
    shown = services or tuple(name for name in SERVICES if place.folder.has(name))
    rows = [describe(place.folder, files, name) for name in shown]
    if output.wants_json():
        output.print_json({"services": rows})
    elif rows:
        output.table((_("SERVICE"), _("FACE"), _("FILE"), _("FOR")), map(row, rows))
    else:
        line = _("no service that faceauth knows is in {folder}")
        output.say(line.format(folder=place.folder.own))
    return Exit.DONE if not services or all(one["face"] for one in rows) else Exit.NO


def describe(folder: PamFolder, files: Files, service: str) -> dict[str, Any]:
    """A service for `status`: ``face`` is true, false, or null where it cannot be seen."""
    answer = {"service": service, "file": str(folder.path(service)), "for": SERVICES[service]}
    if not folder.has(service):
        return {**answer, "face": False, "through": "", "reason": "there is no such service here"}
    try:
        found = holders(files, service)
    except StackError as error:
        return {**answer, "face": None, "through": "", "reason": str(error)}
    through = "" if service in found or not found else found[0]
    return {**answer, "face": bool(found), "through": through, "reason": ""}


def row(one: dict[str, Any]) -> tuple[str, ...]:
    word = {True: _("yes"), False: _("no"), None: "?"}[one["face"]]
    detail = _(" (through {file})").format(file=one["through"]) if one["through"] else ""
    why = f": {one['reason']}" if one["reason"] else ""
    return one["service"], f"{word}{detail}{why}", one["file"], _(one["for"])


@click.command(cls=Verb)
@service_arguments
@dry_run_option
@click.pass_obj
def enable(place: Place, services: tuple[str, ...], dry_run: bool) -> None:
    """Let a face in at SERVICE...: shows the change, proves it safe, makes it.

    The password goes on working; it is asked for whenever the face is refused.
    """
    if not services:
        raise click.UsageError("name the services; see: faceauth pam status")
    known(services)
    carry_out(
        place.folder, lambda: plan_enable(place.folder, services, place.module), ENABLED, dry_run
    )


@click.command(cls=Verb)
@service_arguments
@click.option("--all", "every", is_flag=True, help="All services that have the line.")
@dry_run_option
@click.pass_obj
def disable(place: Place, services: tuple[str, ...], every: bool, dry_run: bool) -> Exit:
    """Take the face out of SERVICE... again; every other byte stays as it is.

    With --all, one whose line was written by hand is named and left, and the command ends 4.
    """
    if every == bool(services):
        raise click.UsageError("name the services, or give --all")
    left: list[StackError] = []

    def plan() -> list[Change]:
        return plan_all(place.folder, left) if every else plan_disable(place.folder, services)

    carry_out(place.folder, plan, DISABLED, dry_run)
    for reason in left:
        note(f"{reason}; it stays as it is")
    return Exit.UNAVAILABLE if left else Exit.DONE


def plan_all(folder: PamFolder, left: list[StackError]) -> list[Change]:
    """The changes of all services that have our line itself; ``left`` gets why one cannot be.

    What pam-auth-update wrote is not ours to change.
    """
    plan = []
    for name, content in folder.files().items():
        if name in SERVICES and any(rule.is_ours for rule in rules(content)):
            try:
                plan += plan_disable(folder, [name])
            except StackError as error:
                left.append(error)
    return plan


def known(services: Sequence[str]) -> None:
    for service in services:
        if service not in SERVICES:
            die(
                f"{service[:80]!r} is no service that faceauth may be put in; "
                f"these are: {', '.join(SERVICES)}",
                Exit.USAGE,
            )


def with_rights(folder: PamFolder, dry_run: bool) -> None:
    if not dry_run and folder.own.is_dir() and not os.access(folder.own, os.W_OK):
        die(f"only root may change {folder.own}; --dry-run shows what would change", Exit.DENIED)


def carry_out(
    folder: PamFolder, plan: Callable[[], list[Change]], words: Outcomes, dry_run: bool
) -> None:
    """Plan the changes, make them, and tell of them; all or none, and none where it is a try."""
    with_rights(folder, dry_run)
    try:
        changes = plan()
        diffs = [change.diff(folder) for change in changes]
        if not dry_run:
            apply(folder, changes)
    except StackError as error:
        denied = isinstance(error.__cause__, PermissionError)
        die(f"{error} (nothing was changed)", Exit.DENIED if denied else Exit.UNAVAILABLE)
    tell(changes, diffs, words, dry_run)


def tell(plan: Sequence[Change], diffs: Sequence[str], words: Outcomes, dry_run: bool) -> None:
    """The answer: for people the diffs and one line for each service."""
    if output.wants_json():
        services = [
            {
                "service": change.service,
                "changed": not change.is_none and not dry_run,
                "through": change.through,
                "diff": diff,
            }
            for change, diff in zip(plan, diffs, strict=True)
        ]
        output.print_json({"dry_run": dry_run, "services": services})
        return
    for change, diff in zip(plan, diffs, strict=True):
        if diff:
            output.say(diff)
        output.say(f"{change.service}: {outcome(change, words, dry_run)}")
    if not plan:
        output.say(_("no service has the line as it was put in; nothing was changed"))


def outcome(change: Change, words: Outcomes, dry_run: bool) -> str:
    if change.through:
        text = _("has a face already, through {file}; nothing was changed")
        return text.format(file=change.through)
    if change.is_none:
        return words.already
    return words.would_be if dry_run else words.done
