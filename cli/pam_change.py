# SPDX-License-Identifier: MIT
"""What enabling or disabling a service would change, proved before anything is written.

All services of a command are planned, and refused with the reason, before the first is written;
where one cannot be written, those before it are put back.
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cli.language import later
from cli.pam_folder import PamFolder
from cli.pam_proof import loads, prove
from cli.pam_stack import (
    OURS,
    Files,
    StackError,
    includers,
    reached,
    rules,
    with_line,
    without_line,
)

# The services that a person in front of the camera may use. Not among them: what is reached over
# the network (sshd), and fragments such as common-auth, which pam-auth-update writes.
SERVICES = {
    "sudo": later("commands as root"),
    "sudo-i": later("a login shell of sudo"),
    "su": later("becoming another user"),
    "su-l": later("a login shell of su"),
    "doas": later("commands as another user (doas)"),
    "polkit-1": later("what programs ask root's rights for"),
    "login": later("login on a text console"),
    "gdm-password": later("GNOME's login and lock screen"),
    "sddm": later("SDDM's login screen (KDE)"),
    "lightdm": later("LightDM's login screen"),
    "greetd": later("greetd's login screen"),
    "kde": later("KDE's lock screen"),
    "kde-face": later("KDE's lock screen, its slot for faces"),
    "swaylock": later("sway's lock screen"),
    "hyprlock": later("Hyprland's lock screen"),
    "gtklock": later("GTK's lock screen"),
    "i3lock": later("i3's lock screen"),
    "cinnamon-screensaver": later("Cinnamon's lock screen"),
    "mate-screensaver": later("MATE's lock screen"),
    "xfce4-screensaver": later("Xfce's lock screen"),
    "xscreensaver": later("XScreenSaver's lock screen"),
}


@dataclass(frozen=True)
class Change:
    """What happens to one service.

    shown          the file that libpam reads now
    before, after  the file in /etc/pam.d now and then; None: there is none
    through        the included file that already has our line, so that nothing is to be done
    """

    service: str
    shown: bytes
    before: bytes | None
    after: bytes | None
    through: str = ""

    @property
    def is_none(self) -> bool:
        return self.before == self.after

    def diff(self, folder: PamFolder) -> str:
        """A unified diff; empty where nothing changes."""
        now, then = folder.path(self.service), folder.own / self.service
        after = self.after
        if self.is_none:
            return ""
        if after is None:
            after = folder.distributed(self.service) or b""
            then = next(path / self.service for path in folder.distribution)
        return "".join(
            difflib.unified_diff(lines(self.shown), lines(after), str(now), str(then))
        ).rstrip("\n")


def lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "backslashreplace")
    return [f"{line}\n" for line in text.split("\n")]


def holders(files: Files, service: str) -> list[str]:
    """The files, of those that a service reads, that have our line."""
    return [name for name, rule in reached(files, service) if rule.is_ours]


def plan_enable(folder: PamFolder, services: Sequence[str], module: str = OURS) -> list[Change]:
    """The changes that let a face in at these services. StackError names the one that refuses."""
    files: Files = folder.files()
    plan = []
    for service in services:
        with naming(service):
            change = enabled(folder, files, service, module)
        files = files if change.after is None else {**files, service: change.after}
        plan.append(change)
    if not all(change.is_none for change in plan) and not loads(module):
        raise StackError(f"libpam cannot load {module}; is faceauth's PAM module installed?")
    return plan


def enabled(folder: PamFolder, files: Files, service: str, module: str) -> Change:
    content, own = folder.read(service)
    before = content if own else None
    if found := holders(files, service):
        through = "" if service in found else found[0]
        return Change(service, content, before, before, through)
    refuse_variant(service, content)
    has_account = any(not rule.includes for _, rule in reached(files, service, "account"))
    after = with_line(content, module, account=has_account)
    edited = {**files, service: after}
    prove(files, edited, service)
    for other in includers(files, service):
        with naming(f"{other} includes it"):
            if any(rule.jump for rule in rules(files[other])):
                raise StackError("and counts lines, which one more would shift")
            if holders(files, other):
                raise StackError(f"and has a face already; first: faceauth pam disable {other}")
            prove(files, edited, other)
    return Change(service, content, before, after)


def refuse_variant(service: str, content: bytes) -> None:
    """Refuse su-l where it is only ``include su``: both would ask, one after the other."""
    found = rules(content)
    base = found[0].included if len(found) == 1 and found[0].includes else ""
    if base in SERVICES and service.startswith(f"{base}-"):
        raise StackError(f"it only includes {base}; enable {base}, and {service} has it too")


def plan_disable(folder: PamFolder, services: Sequence[str]) -> list[Change]:
    """The changes that take our line out again, and leave every other byte as it is."""
    files = folder.files()
    plan = []
    for service in services:
        with naming(service):
            plan.append(disabled(folder, files, service))
    return plan


def disabled(folder: PamFolder, files: Files, service: str) -> Change:
    content, own = folder.read(service)
    if not any(rule.is_ours for rule in rules(content)):
        if found := holders(files, service):
            tool = "pam-auth-update" if found[0].startswith("common-") else "faceauth pam disable"
            raise StackError(f"it has a face through {found[0]}; take it out there, with {tool}")
        before = content if own else None
        return Change(service, content, before, before)
    if not own:
        raise StackError(f"the line in {folder.path(service)} is the distribution's, not ours")
    after: bytes | None = without_line(content)
    if folder.was_copied(service) and after == folder.distributed(service):
        after = None
    return Change(service, content, content, after)


def apply(folder: PamFolder, plan: Sequence[Change]) -> None:
    """Write all changes, or none: StackError where one could not be written."""
    done: list[Change] = []
    with folder.locked():
        try:
            for change in plan:
                with naming(change.service):
                    write_one(folder, change)
                done.append(change)
        except StackError:
            for change in reversed(done):
                with suppress(StackError):  # somebody else changed it meanwhile: it is theirs
                    folder.replace(change.service, change.after, change.before)
                    folder.forget(change.service)
            raise


def write_one(folder: PamFolder, change: Change) -> None:
    """Put a change on the disk: the backup comes first, and goes last."""
    if change.is_none:
        return
    grows = len(change.after or b"") > len(change.before or b"")
    if grows:
        folder.keep(change.service, change.shown, copied=change.before is None)
    folder.replace(change.service, change.before, change.after)
    if not grows:
        folder.forget(change.service)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Begin the reason of a StackError in the block with whose it is."""
    try:
        yield
    except StackError as error:
        raise StackError(f"{name}: {error}") from error.__cause__
