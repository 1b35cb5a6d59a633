# SPDX-License-Identifier: MIT
"""A PAM service file: what its auth stack is, and the same file with our line or without it.

Pure: bytes in, bytes out, and every byte that is not our line stays as it was. The syntax is that
of pam.conf(5), as libpam reads it. What cannot be done safely is a `StackError` that says why.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

OURS = "pam_faceauth.so"
PLAIN_CONTROLS = frozenset({"required", "requisite", "sufficient", "optional"})

# Modules that bar somebody, prepare something, or let root pass, and ask nobody anything. A face
# must not jump over them: pam_nologin, "user != root" and a lockout hold for faces, too, and for
# root behind pam_rootok nobody looks into a camera.
GATES = frozenset(
    f"pam_{name}.so"
    for name in (
        *("access", "cap", "echo", "env", "faildelay", "faillock", "group", "issue"),
        *("keyinit", "lastlog", "listfile", "localuser", "nologin", "permit", "rootok"),
        *("securetty", "selinux_permit", "sepermit", "shells", "succeed_if", "tally2", "time"),
        *("tty_audit", "umask", "usertype", "warn", "wheel"),
    )
)

_RULE = re.compile(
    r"(?P<dash>-?)(?P<kind>auth|account|password|session)\s+"
    r"(?P<control>\[[^\]]*\]|\S+)\s+(?P<module>\S+)\s*(?P<arguments>.*)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_INCLUDE = re.compile(r"@include\s+(?P<name>\S+)", re.ASCII | re.IGNORECASE)
_WHITE = " \t\n\r\f\v"  # of ASCII: the other bytes of a file mean nothing to libpam
_JUMP = re.compile(r"=\s*(\d+)")
_HOME = "/etc/pam.d/"

LINES = {"auth": "auth    sufficient", "account": "account optional  "}  # each before the module

Files = Mapping[str, bytes]  # all of a folder's service files, by name


class StackError(Exception):
    """It cannot be done, or not safely; the text is one line that says why."""


@dataclass(frozen=True)
class Rule:
    """One line of a stack; continued lines are one.

    start, end  where its bytes are in the file
    control     a word in lower case or "[…]"; "@include" for Debian's way to include a file
    module      the module as it is written, or the name of the included file
    """

    start: int
    end: int
    dash: str
    control: str
    module: str
    arguments: str

    @property
    def includes(self) -> bool:
        return self.control in ("@include", "include", "substack")

    @property
    def included(self) -> str:
        """The name of the included file; one outside of PAM's folder keeps its path."""
        return self.module.removeprefix(_HOME)

    @property
    def name(self) -> str:
        """The module's file name, without folders."""
        return self.module.rpartition("/")[2]

    @property
    def is_ours(self) -> bool:
        """Ours under our own loader, or under Debian's pam_python.so."""
        script = self.arguments.split()[:1]
        return self.name == OURS or (
            self.name == "pam_python.so" and script != [] and script[0].endswith("/pam_faceauth.py")
        )

    @property
    def jump(self) -> int:
        """How many of the next modules this one may skip."""
        numbers = _JUMP.findall(self.control) if self.control.startswith("[") else []
        return max(map(int, numbers), default=0)

    @property
    def is_gate(self) -> bool:
        """Whether a face belongs behind it, and a line behind it moves no jump."""
        word_or_list = self.control in PLAIN_CONTROLS or self.control.startswith("[")
        return self.name in GATES and word_or_list and self.jump == 0


def rules(content: bytes, kind: str = "auth") -> list[Rule]:
    """The rules of a kind in a file, in order; an @include counts, for it may hold some."""
    found = []
    for start, end, text in _logical_lines(content.decode("latin-1")):
        if include := _INCLUDE.fullmatch(text):
            found.append(Rule(start, end, "", "@include", include["name"], ""))
        elif (match := _RULE.fullmatch(text)) and match["kind"].lower() == kind:
            control = match["control"].lower()
            found.append(
                Rule(start, end, match["dash"], control, match["module"], match["arguments"])
            )
    return found


def _logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, text) of each line, the continued ones joined, without comments."""
    start, pieces = 0, ""
    for line in re.finditer(r"[^\n]*\n|[^\n]+", text):
        code, comment, _ = line[0].partition("#")
        code = code.rstrip(_WHITE)
        if code.endswith("\\") and not comment:
            pieces += code[:-1] + " "
            continue
        yield start, line.end(), (pieces + code).strip(_WHITE)
        start, pieces = line.end(), ""
    if pieces:
        yield start, len(text), pieces.strip(_WHITE)


def with_line(content: bytes, module: str = OURS, *, account: bool = False) -> bytes:
    """The file with our line behind its leading gates, and so before all that asks or includes.

    ``account`` adds the line of the account phase to it, by which the daemon hears of passwords. It
    is for services that have account rules: in one that has none, libpam takes those of `other`.
    """
    found = rules(content)
    if not found:
        raise StackError("it has no auth lines")
    behind = next((rule for rule in found if not rule.is_gate), None)
    if behind is None:
        raise StackError("it asks nobody for anything, so nothing behind a face could refuse")
    ours = line(module)
    if account:
        above = [rule for rule in rules(content, "account") if rule.end <= behind.start]
        if any(rule.jump for rule in above):
            raise StackError("an account line counts lines, which one more would shift")
        ours += line(module, "account")
    return content[: behind.start] + ours + content[behind.start :]


def without_line(content: bytes) -> bytes:
    """The file without the lines that `with_line` puts into one."""
    for kind in LINES:
        content = _without(content, kind)
    return content


def _without(content: bytes, kind: str) -> bytes:
    found = rules(content, kind)
    for place, rule in reversed(list(enumerate(found))):
        if not rule.is_ours:
            continue
        if content[rule.start : rule.end] != line(rule.module, kind):
            raise StackError(
                "its line with pam_faceauth was written or changed by hand; so mend it"
            )
        if any(place - above <= other.jump for above, other in enumerate(found[:place])):
            raise StackError("a line above ours jumps over it; take ours out by hand")
        content = content[: rule.start] + content[rule.end :]
    return content


def line(module: str = OURS, kind: str = "auth") -> bytes:
    """The line that lets a face in: it can only grant, and every refusal goes to the next one.

    That of the account phase has no say at all.
    """
    return f"{LINES[kind]}    {module}\n".encode()


def reached(files: Files, service: str, kind: str = "auth") -> list[tuple[str, Rule]]:
    """All that libpam reads for a service, in order: each rule, an include before what it holds.

    Each comes with the name of the file that it stands in. Raises StackError where a file is
    missing, or includes itself.
    """
    return list(_reached(files, service, (), kind))


def _reached(
    files: Files, name: str, above: tuple[str, ...], kind: str
) -> Iterator[tuple[str, Rule]]:
    if name in above:
        raise StackError(f"{name} includes itself")
    if name not in files:
        wanted_by = f", which {above[-1]} includes" if above else ""
        raise StackError(f"{name}{wanted_by}: there is no such file, or it cannot be read")
    for rule in rules(files[name], kind):
        yield name, rule
        if rule.includes:
            yield from _reached(files, rule.included, (*above, name), kind)


def includers(files: Files, service: str) -> list[str]:
    """The files that include a service's file."""
    return [
        name
        for name, content in files.items()
        if any(rule.includes and rule.included == service for rule in rules(content))
    ]
