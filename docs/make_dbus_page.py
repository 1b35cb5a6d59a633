# SPDX-License-Identifier: MIT
"""Prints docs/dbus.md, made from the contract's XML and the words of results.py.

    python docs/make_dbus_page.py > docs/dbus.md

A test holds the page to what this prints.
"""

from pathlib import Path
from xml.etree import ElementTree

from faceauthd import contract
from faceauthd.arguments import LONGEST_SERVICE
from faceauthd.authority import ALLOW, DENY, TABLE, Action, Rule
from faceauthd.calls import MAX_BYTES, MAX_CALLS, MAX_FDS, MAX_OPEN
from faceauthd.gate import BURST, MOST_OF_ALL, MOST_QUESTIONS, PER_SECOND
from faceauthd.names import LONGEST_LABEL, LONGEST_USER
from faceauthd.results import BUS_NAME, ERROR_PREFIX, ERRORS, INTERFACE, OBJECT_PATH, Result

POLICY = Path(__file__).parents[1] / "packaging/polkit/org.faceauth.FaceAuth1.policy"
DOC = "{http://www.freedesktop.org/dbus/1.0/doc.dtd}doc"

# What each result means to a person, and the PAM code that the module makes of it.
RESULTS = {
    Result.MATCH: ("one live face, the user's", "SUCCESS"),
    Result.NO_MATCH: ("a face was judged: it is another's", "AUTH_ERR"),
    Result.NOT_LIVE: ("a face was judged: it is no live person's", "AUTH_ERR"),
    Result.LOCKED_OUT: ("too many judged refusals", "MAXTRIES"),
    Result.NO_FACE: ("nobody was near enough", "AUTHINFO_UNAVAIL"),
    Result.MULTIPLE_FACES: ("more than one person was there", "AUTHINFO_UNAVAIL"),
    Result.TOO_DARK: ("it was too dark to judge", "AUTHINFO_UNAVAIL"),
    Result.TIMEOUT: ("too few good frames in time", "AUTHINFO_UNAVAIL"),
    Result.CANCELLED: ("the caller, or the end of the daemon, ended it", "AUTHINFO_UNAVAIL"),
    Result.BUSY: ("another scan, or another program, has the camera", "AUTHINFO_UNAVAIL"),
    Result.NOT_ENROLLED: ("no face that the engine in use can compare", "AUTHINFO_UNAVAIL"),
    Result.CAMERA_MISSING: ("the configured camera is not there", "AUTHINFO_UNAVAIL"),
    Result.REMOTE: ("the caller's session is remote, or at another seat", "AUTHINFO_UNAVAIL"),
    Result.LID_CLOSED: ("the lid is closed", "AUTHINFO_UNAVAIL"),
    Result.DISABLED: ("the configuration turns face authentication off", "AUTHINFO_UNAVAIL"),
    Result.STRONG_AUTH_REQUIRED: ("a password is due first", "AUTHINFO_UNAVAIL"),
    Result.ERROR: ("something failed; the daemon's log has the reason", "AUTHINFO_UNAVAIL"),
}

INTRODUCTION = f"""\
# The D-Bus contract

<!-- Made by docs/make_dbus_page.py from faceauthd/org.faceauth.FaceAuth1.xml; edit that. -->

On the system bus: name `{BUS_NAME}`, object `{OBJECT_PATH}`, interface
`{INTERFACE}`. `faceauthd` serves the same prose:
`gdbus introspect --system --dest {BUS_NAME} --object-path {OBJECT_PATH} --xml`.

Properties: none. Options are `a{{sv}}`; one that is not known, or of another type, is refused.
"""

AUTHORITY = f"""\
`self` is a user who asks about themself; who asks about no user is `others`. Whether a session is
active is logind's word, and what follows from it polkit's, by the rules that ship
(packaging/polkit); an administrator may write others. polkit asks for a password where the call
allows it (`ALLOW_INTERACTIVE_AUTHORIZATION`) and nowhere else; where the PAM service `polkit-1`
takes a face, that will do in its place. No answer from polkit is a no. A method that is not listed
is for root alone. Actions are named `org.faceauth.FaceAuth1.…`.

Limits: {MAX_BYTES // 1024} KiB of arguments and {MAX_FDS} file descriptor a call; {MAX_CALLS} calls
of a sender at once, one where {MAX_OPEN} of all senders are open; {BURST} calls of a user
other than root at once, and {PER_SECOND:g} a second after that; {MOST_QUESTIONS} questions to
polkit of a user, {MOST_OF_ALL} of all; labels of {LONGEST_LABEL} characters, user names of
{LONGEST_USER} bytes, services of {LONGEST_SERVICE} characters. What is beyond them is refused."""


def page() -> str:
    """The whole page, as Markdown."""
    interface = ElementTree.fromstring(contract.FILE.read_text())[0]  # noqa: S314 (our own file)
    members = [_member(element) for element in interface if element.tag in ("method", "signal")]
    return "\n".join([INTRODUCTION, *members, _authority(), _results(), _errors()])


def _member(element: ElementTree.Element) -> str:
    arguments = element.findall("arg")
    given = [a for a in arguments if a.get("direction") == "in"]
    answered = [a for a in arguments if a.get("direction") == "out"]
    if element.tag == "signal":
        signature = f"signal {element.get('name')}({_listed(arguments)})"
    else:
        signature = f"{element.get('name')}({_listed(given)}) → ({_listed(answered)})"
    lines = [f"## {element.get('name')}\n", f"`{signature}`\n", _prose(element) + "\n"]
    described = [f"- `{a.get('name')}`: {_prose(a)}" for a in arguments if _prose(a)]
    return "\n".join(lines + ([*described, ""] if described else []))


def _listed(arguments: list[ElementTree.Element]) -> str:
    return ", ".join(f"{a.get('type')} {a.get('name')}" for a in arguments)


def _prose(element: ElementTree.Element) -> str:
    return " ".join(element.findtext(DOC, "").split())


def _authority() -> str:
    rows = []
    for name, row in TABLE.items():
        rules = [(rule, session) for rule in (row.self, row.other) for session in SESSIONS]
        cells = [_rule(rule, session) for rule, session in rules]
        actions = {str(rule).rpartition(".")[2] for rule in (row.self, row.other) if rule in Action}
        rows.append(f"| {name} | yes | {' | '.join(cells)} | {', '.join(sorted(actions))} |")
    head = (
        "| method | root | self, active | self, inactive or none | others, active "
        "| others, inactive or none | polkit's actions |"
    )
    return _table("Who may call", AUTHORITY, head, rows)


# What polkit's policy is asked for, by the caller's session.
SESSIONS = ("allow_active", "allow_inactive")
POLKIT = {"yes": "yes", "no": "no", "auth_self_keep": "with their password"}
POLKIT |= {"auth_admin_keep": "with an administrator's password"}


def _rule(rule: Rule, session: str) -> str:
    """What a rule comes to in a session; no session at all is as an inactive one."""
    if rule in (ALLOW, DENY):
        return {ALLOW: "yes", DENY: "no"}[rule]
    policy = ElementTree.fromstring(POLICY.read_text())  # noqa: S314 (our own file)
    (action,) = (one for one in policy.iter("action") if one.get("id") == rule)
    said = {allow: action.findtext(f"defaults/{allow}", "") for allow in (*SESSIONS, "allow_any")}
    assert said["allow_any"] == said["allow_inactive"], f"{rule}: the page has one column for both"
    return POLKIT[said[session]]


def _results() -> str:
    rows = [
        f"| `{result}` | {meaning} | {code} | {_counts(result)} |"
        for result, (meaning, code) in RESULTS.items()
    ]
    head = "| result | meaning | PAM | counts towards the lockout |"
    return _table("Results", "What Verify, CanVerify and Identify answer.", head, rows)


def _counts(result: Result) -> str:
    if result is Result.MATCH:
        return "starts it afresh"
    return "yes" if result.judged_refusal else "no"


def _errors() -> str:
    rows = [f"| `{name}` | {(kind.__doc__ or '').strip()} |" for name, kind in ERRORS.items()]
    intro = f"Each as `{ERROR_PREFIX}…` with one line for people."
    return _table("Errors", intro, "| error | meaning |", rows)


def _table(title: str, intro: str, head: str, rows: list[str]) -> str:
    rule = "|" + " --- |" * (head.count("|") - 1)
    return "\n".join([f"## {title}\n", f"{intro}\n", head, rule, *rows, ""])


if __name__ == "__main__":
    print(page(), end="")
