# SPDX-License-Identifier: MIT
"""PAM files: read as libpam reads them; our line put in its place, and taken out without trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.pam_stack import StackError, includers, line, reached, rules, with_line, without_line

DEBIAN_LOGIN = b"""#%PAM-1.0
auth optional pam_faildelay.so delay=3000000
auth requisite pam_nologin.so
account required pam_access.so
@include common-auth
"""


def controls(content: bytes) -> list[tuple[str, str, str]]:
    return [(rule.control, rule.module, rule.arguments) for rule in rules(content)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"auth required pam_unix.so", [("required", "pam_unix.so", "")]),
        (b"  AUTH\tRequired\tpam_unix.so  nullok # x", [("required", "pam_unix.so", "nullok")]),
        (
            b"-auth [success=1  default=ignore] a.so b",
            [("[success=1  default=ignore]", "a.so", "b")],
        ),
        (b"auth required \\\n  pam_unix.so \\\n nullok", [("required", "pam_unix.so", "nullok")]),
        (b"@include common-auth\n", [("@include", "common-auth", "")]),
        (b"auth substack system-auth", [("substack", "system-auth", "")]),
        (b"# auth required a.so\naccount required b.so\nnonsense\n\n", []),
        (b"#comment \\\nauth required a.so", [("required", "a.so", "")]),
        (b"auth required /opt/\xff.so \x85x", [("required", "/opt/\xff.so", "\x85x")]),
    ],
)
def test_rules(content: bytes, found: list[tuple[str, str, str]]) -> None:
    assert controls(content) == found


def test_the_line_goes_behind_gates_and_before_all_that_asks() -> None:
    after = with_line(DEBIAN_LOGIN)
    assert after == DEBIAN_LOGIN.replace(b"@include", line() + b"@include")
    assert without_line(after) == DEBIAN_LOGIN


@pytest.mark.parametrize(
    "first",
    [
        b"auth required pam_unix.so",
        b"auth [success=1 default=ignore] pam_succeed_if.so user = kiosk",  # it counts lines
        b"auth include system-auth",
        b"auth sufficient pam_fprintd.so",
    ],
)
def test_the_line_is_first_before_anything_else(first: bytes) -> None:
    content = b"#%PAM-1.0\n" + first + b"\nauth required pam_deny.so"
    assert with_line(content) == b"#%PAM-1.0\n" + line() + content.removeprefix(b"#%PAM-1.0\n")


@pytest.mark.parametrize("content", [b"", b"account required a.so\n", b"auth required pam_env.so"])
def test_a_stack_that_asks_nobody_gets_no_line(content: bytes) -> None:
    with pytest.raises(StackError):
        with_line(content)


def test_only_our_very_line_is_taken_out() -> None:
    by_hand = b"auth sufficient pam_faceauth.so debug\nauth required pam_unix.so\n"
    with pytest.raises(StackError, match="by hand"):
        without_line(by_hand)
    other = b"auth sufficient pam_fprintd.so\n"
    assert without_line(other) == other


def test_a_line_that_is_jumped_over_stays() -> None:
    above = b"auth [success=2 default=ignore] pam_unix.so\n"
    behind = b"auth requisite pam_deny.so\n"
    with pytest.raises(StackError, match="jumps over"):
        without_line(above + line() + behind)
    short = above.replace(b"2", b"1") + behind + line()
    assert without_line(short) == above.replace(b"2", b"1") + behind


def test_ours_under_pam_python_is_ours() -> None:
    script = b"/usr/lib/faceauth/pam_module/pam_faceauth.py"
    ours, others = rules(
        b"auth sufficient pam_python.so " + script + b"\nauth required pam_python.so /x.py"
    )
    assert ours.is_ours
    assert not others.is_ours


def test_reached_follows_includes_in_order() -> None:
    files = {
        "sudo-i": b"auth include sudo",
        "sudo": b"@include /etc/pam.d/common\nauth required b.so",
        "common": b"auth required a.so",
    }
    modules = [(name, rule.module) for name, rule in reached(files, "sudo-i") if not rule.includes]
    assert modules == [("common", "a.so"), ("sudo", "b.so")]
    assert includers(files, "sudo") == ["sudo-i"]


@pytest.mark.parametrize("content", [b"@include a", b"auth include missing", b"@include /opt/a"])
def test_loops_and_missing_files_are_refused(content: bytes) -> None:
    with pytest.raises(StackError):
        reached({"a": content}, "a")


LINES = st.sampled_from(
    [
        *(b"", b"# comment", b"#%PAM-1.0", b"auth required pam_env.so", b"auth requisite \\"),
        *(b"auth required pam_unix.so nullok", b"  pam_nologin.so", b"@include common-auth"),
        *(b"account required pam_unix.so", b"auth [default=ignore] pam_rootok.so", b"\xff\x00"),
        *(b"-auth optional pam_gnome_keyring.so", b"auth [success=2 default=bad] pam_unix.so"),
    ]
)


@given(st.lists(LINES | st.binary(max_size=20), max_size=12), st.booleans())
def test_what_is_put_in_comes_out_without_trace(lines: list[bytes], newline: bool) -> None:
    content = b"\n".join(lines) + (b"\n" if newline else b"")
    try:
        after = with_line(content)
    except StackError:
        return
    assert len(after) == len(content) + len(line())
    assert [rule.is_ours for rule in rules(after)].count(True) == 1
    before = [rule.module for rule in rules(content)]
    assert [rule.module for rule in rules(after) if not rule.is_ours] == before
    assert without_line(after) == content
