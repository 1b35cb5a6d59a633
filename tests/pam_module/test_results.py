# SPDX-License-Identifier: MIT
"""What the application is told for each of the daemon's answers, through both loaders."""

import re
from collections.abc import Callable

import pytest
from gi.repository import GLib

from faceauthd.results import Result
from pam_module.attempt import LOOKING, PROMPT, RESULTS
from tests.pam_module.fake_bus import FakeBus
from tests.pam_module.pam_host import AUTH_ERR, AUTHINFO_UNAVAIL, MAXTRIES, SUCCESS, Stacks

CODES = dict.fromkeys(Result, AUTHINFO_UNAVAIL) | {
    Result.MATCH: SUCCESS,
    Result.NO_MATCH: AUTH_ERR,
    Result.NOT_LIVE: AUTH_ERR,
    Result.LOCKED_OUT: MAXTRIES,
}
ENTER = ("ready", {"confirm": GLib.Variant("s", "enter"), "timeout": GLib.Variant("d", 5.0)})
MakeBus = Callable[..., FakeBus]


@pytest.fixture(params=["pam_faceauth.so", "pam_python.so"])
def line(request: pytest.FixtureRequest) -> Callable[..., str]:
    """The line of a PAM file for the module, by either loader."""
    return Stacks.face if request.param == "pam_faceauth.so" else Stacks.face_in_pam_python


def test_every_result_has_a_code() -> None:
    assert set(RESULTS) == set(Result) | {"password-typed"}


@pytest.mark.parametrize("result", Result)
def test_verify(
    result: Result, line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus
) -> None:
    bus = fake_bus(verify=result)
    outcome = stacks.authenticate(line(f"bus={bus.address}"))
    assert outcome.code == CODES[result]
    message = RESULTS[result][1]
    kind = "info" if outcome.code == AUTHINFO_UNAVAIL else "error"
    assert outcome.shown == [f"info {LOOKING}", *([f"{kind} {message}"] if message else [])]
    assert outcome.stderr == ""
    assert bus.calls[-2:] == [
        ("CanVerify", ("alice", {"service": "stack"})),
        ("Verify", ("alice", {"service": "stack"})),
    ]


@pytest.mark.parametrize("result", [*Result, "ready and willing", ""])
def test_a_scan_that_cannot_start_is_not_started(
    result: str, stacks: Stacks, fake_bus: MakeBus
) -> None:
    bus = fake_bus(can_verify=(result, {}))
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"))
    known = result in set(Result) - {Result.MATCH}
    assert outcome.code == (CODES[Result(result)] if known else AUTHINFO_UNAVAIL)
    assert "Verify" not in bus.members
    assert f"info {LOOKING}" not in outcome.shown


@pytest.mark.parametrize("word", ["Match", "match ", "ready", "", "password-typed", "0", "☃" * 50])
def test_only_match_is_success(word: str, stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus(verify=word)
    assert stacks.authenticate(stacks.face(f"bus={bus.address}")).code == AUTHINFO_UNAVAIL


def test_enter_starts_the_scan(line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus(can_verify=ENTER)
    outcome = stacks.authenticate(line(f"bus={bus.address}"), options=["answer="])
    assert outcome.code == SUCCESS
    assert outcome.shown == [f"prompt {PROMPT}", f"info {LOOKING}"]


def test_the_person_has_time(stacks: Stacks, fake_bus: MakeBus) -> None:
    """More than the module has (4 s), and more than the loader gives it (3 s longer)."""
    bus = fake_bus(can_verify=ENTER)
    face = stacks.face(f"bus={bus.address}", "timeout=4")
    assert stacks.authenticate(face, options=["answer=", "slow=8"]).code == SUCCESS


@pytest.mark.parametrize("argument", ["", "try_first_pass", "use_first_pass"])
def test_a_typed_password_goes_to_the_next_module(
    argument: str, line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus
) -> None:
    """To the real pam_unix, which takes PAM_AUTHTOK with and without its two arguments."""
    bus = fake_bus(can_verify=ENTER)
    for typed, code in (("secret", SUCCESS), ("wrong", AUTH_ERR)):
        outcome = stacks.authenticate(
            line(f"bus={bus.address}", control="sufficient"),
            f"auth required pam_unix.so {argument}",
            options=[f"answer={typed}"],
            environment=stacks.system_passwords(),
        )
        assert outcome.code == code
        assert outcome.shown == [f"prompt {PROMPT}"]  # asked once, and no scan
    assert "Verify" not in bus.members


def test_a_refused_face_leaves_the_password_to_be_asked(
    line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus
) -> None:
    bus = fake_bus(verify="no-match")
    outcome = stacks.authenticate(
        line(f"bus={bus.address}", control="sufficient"),
        "auth required pam_unix.so",
        options=["answer=secret"],
        environment=stacks.system_passwords(),
    )
    assert outcome.code == SUCCESS
    assert outcome.shown[-1] == "prompt Password: "


@pytest.mark.parametrize("option", ["no-answer", "rounds=1"])
def test_no_answer_confirms_nothing(
    option: str, line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus
) -> None:
    """A conversation that succeeds without an answer, or fails as it does without answer=."""
    bus = fake_bus(can_verify=ENTER)
    outcome = stacks.authenticate(line(f"bus={bus.address}"), options=[option])
    assert outcome.code == AUTHINFO_UNAVAIL
    assert "Verify" not in bus.members


@pytest.mark.parametrize(("argument", "option"), [("quiet", "rounds=1"), ("debug", "silent")])
def test_silence(argument: str, option: str, stacks: Stacks, fake_bus: MakeBus) -> None:
    """`quiet` and PAM_SILENT silence messages, and not the prompt, which is a question."""
    bus = fake_bus(can_verify=ENTER, verify="no-match")
    face = stacks.face(f"bus={bus.address}", argument)
    outcome = stacks.authenticate(face, options=[option, "answer="])
    assert (outcome.code, outcome.shown) == (AUTH_ERR, [f"prompt {PROMPT}"])


@pytest.mark.parametrize(
    ("host", "code"), [("", SUCCESS), ("localhost", SUCCESS), ("10.0.0.7", 9), ("localhost.x", 9)]
)
def test_remote(
    host: str, code: int, line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus
) -> None:
    bus = fake_bus()
    outcome = stacks.authenticate(line(f"bus={bus.address}"), options=[f"rhost={host}"])
    assert outcome.code == code
    assert bool(bus.calls) == (code == SUCCESS)


@pytest.mark.parametrize("user", [b"al\xffice", b"x" * 2000, "röb", "a\nb"])
def test_strange_user_names(user: str | bytes, stacks: Stacks, fake_bus: MakeBus) -> None:
    """What D-Bus can't carry is refused; what it can is the daemon's to judge."""
    bus = fake_bus(verify="not-enrolled")
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"), user=user)
    assert outcome.code == AUTHINFO_UNAVAIL
    assert ("Verify" in bus.members) == isinstance(user, str)


def test_an_empty_user_name_is_nobody(stacks: Stacks, fake_bus: MakeBus) -> None:
    """To the daemon it would mean the caller: root, in sudo."""
    bus = fake_bus()
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"), user="")
    assert (outcome.code, bus.calls) == (AUTHINFO_UNAVAIL, [])


@pytest.mark.parametrize(
    "argument",
    [
        "nonsense",
        "timeout=0",
        "timeout=61",
        "timeout=",
        "timeout=x",
        "bus=tcp:host=x",
        "owner=",
    ],
)
def test_wrong_arguments(
    argument: str, line: Callable[..., str], stacks: Stacks, fake_bus: MakeBus
) -> None:
    bus = fake_bus()
    outcome = stacks.authenticate(line(f"bus={bus.address}", argument))
    assert (outcome.code, bus.calls) == (AUTHINFO_UNAVAIL, [])


def test_too_many_arguments(stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus()
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}", *["debug"] * 20))
    assert (outcome.code, bus.calls) == (AUTHINFO_UNAVAIL, [])


@pytest.mark.parametrize(
    ("typed", "argument", "lines"),
    [
        ("", "quiet", [(5, "alice: no-match")]),
        ("hunter2", "quiet", [(5, "alice: password-typed")]),
        ("", "tiemout=3", [(5, "alice: error: wrong argument in the PAM file: tiemout=3")]),
        (
            "",
            "debug",
            [(7, ":1.5: ready, confirm 'enter', timeout 5.0"), (5, "alice: no-match")],
        ),
    ],
)
def test_the_log(
    typed: str,
    argument: str,
    lines: list[tuple[int, str]],
    stacks: Stacks,
    fake_bus: MakeBus,
) -> None:
    """One line for each attempt, and never a password."""
    bus = fake_bus(can_verify=ENTER, verify="no-match")
    face = stacks.face(f"bus={bus.address}", argument)
    done = stacks.pamtester(face, typed=typed, debug_level=3)
    logged = re.findall(r"SYSLOG\((\d)\): (.*)", done.stderr)
    assert [(int(level), text) for level, text in logged] == lines
