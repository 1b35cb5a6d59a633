# SPDX-License-Identifier: MIT
"""The proof, with the real libpam: what distributions ship passes, and open doors do not."""

import sys

import pytest

from cli.pam_proof import REFUSALS, answers, loads, prove, prove_face, prove_refuses, run
from cli.pam_stack import StackError, with_line

FACE = "auth sufficient pam_faceauth.so"
STACKS = {
    "Debian": {
        "sudo": "@include common-auth\n@include common-account\n",
        "common-auth": (
            "auth [success=1 default=ignore] pam_unix.so nullok\n"
            "auth requisite pam_deny.so\n"
            "auth required pam_permit.so\n"
            "auth optional pam_cap.so\n"
        ),
        "common-account": "account required pam_permit.so\n",
    },
    "Debian with sssd": {
        "sudo": (
            "auth [success=2 default=ignore] pam_unix.so nullok\n"
            "auth [success=1 default=ignore] pam_sss.so use_first_pass\n"
            "auth requisite pam_deny.so\n"
            "auth required pam_permit.so\n"
        )
    },
    "Fedora": {
        "sudo": "auth include system-auth\n",
        "system-auth": (
            "auth required pam_env.so\n"
            "auth required pam_faildelay.so delay=2000000\n"
            "auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n"
            "auth [default=1 ignore=ignore success=ok] pam_localuser.so\n"
            "auth sufficient pam_unix.so nullok\n"
            "auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n"
            "auth sufficient pam_sss.so forward_pass\n"
            "auth required pam_deny.so\n"
        ),
    },
    "Fedora's gdm": {
        "sudo": (
            "auth [success=done ignore=ignore default=bad] pam_sepermit.so\n"
            "auth substack password-auth\n"
            "auth optional pam_gnome_keyring.so\n"
        ),
        "password-auth": "auth sufficient pam_unix.so\nauth required pam_deny.so\n",
    },
    "SUSE": {"sudo": "auth required pam_env.so\nauth required pam_unix.so try_first_pass\n"},
    "SDDM on Debian": {
        "sudo": (
            "auth requisite pam_nologin.so\n"
            "auth required pam_succeed_if.so user != root quiet_success\n"
            "auth required pam_unix.so\n"
            "-auth optional pam_kwallet5.so\n"
        )
    },
    "two factors": {
        "sudo": "auth required pam_unix.so\nauth required pam_google_authenticator.so\n"
    },
}


def encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


@pytest.mark.parametrize("name", STACKS)
def test_what_distributions_ship_passes(name: str) -> None:
    before = encoded(STACKS[name])
    after = {**before, "sudo": with_line(before["sudo"])}
    prove(before, after, "sudo")
    # And it is the right password, not just any, that lets in.
    wrong = answers(REFUSALS[0], credentials="auth_err", gates="success")
    right = answers(REFUSALS[0], credentials="success", gates="success")
    codes = run("sudo", (after, wrong), (after, right))
    assert codes[0] != 0
    assert codes[1] == 0


# Stacks that let people in without a face or a password; none of them may get past the proof.
OPEN = {
    "a module before ours succeeds": f"auth required pam_permit.so\n{FACE}\n",
    "one behind it does": f"{FACE}\nauth optional pam_permit.so\n",
    "nothing closes it": f"auth required pam_env.so\n{FACE}\nauth sufficient pam_unix.so\n",
    "ignored refusal": f"{FACE}\nauth optional pam_unix.so\nauth required pam_permit.so\n",
    "a jump over the deny": (
        f"{FACE}\nauth [default=1] pam_unix.so\nauth requisite pam_deny.so\n"
        "auth required pam_permit.so\n"
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_open_doors_are_found(name: str) -> None:
    with pytest.raises(StackError):
        prove_refuses({"sudo": OPEN[name].encode()}, "sudo")


def test_includes_are_those_of_the_copy_and_not_of_this_machine() -> None:
    """libpam 1.5 looks for a relative include in /etc/pam.d, whatever folder it was given."""
    files = encoded({"sudo": f"{FACE}\n@include common-auth\n", "common-auth": ""})
    prove_face(files, "sudo")
    for name, opened in (("pam_permit.so", True), ("pam_deny.so", False)):
        files["common-auth"] = f"auth required {name}\n".encode()
        (code,) = run("sudo", (files, answers(REFUSALS[0])))
        assert (code == 0) == opened
        files["sudo-i"] = b"auth include sudo\n"
        (code,) = run("sudo-i", (files, answers(REFUSALS[0])))
        assert (code == 0) == opened


def test_a_face_behind_a_closed_door_is_no_use() -> None:
    stack = f"auth requisite pam_deny.so\n{FACE}\n".encode()
    with pytest.raises(StackError, match="a face does not let in"):
        prove_face({"sudo": stack}, "sudo")


def test_a_stack_whose_password_cannot_be_shown_to_work_is_refused() -> None:
    stack = f"{FACE}\nauth required pam_unix.so\nauth required pam_nosuch.so\n".encode()
    with pytest.raises(StackError, match="not even the right password"):
        prove({"sudo": stack}, {"sudo": stack}, "sudo")


def test_loads() -> None:
    assert loads("pam_permit.so")
    assert not loads("pam_nosuch.so")


def test_without_libpams_answer_there_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("/bin/false", "/bin/true", "/no/such/program"):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(StackError, match="could not be asked"):
            loads("pam_deny.so")


def test_a_busy_machine_is_told_from_a_bad_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.pam_proof.HANG_GUARD", 0)
    with pytest.raises(StackError, match="less busy"):
        run("sudo", ({"sudo": b"auth required pam_deny.so\n"}, answers("auth_err")))
