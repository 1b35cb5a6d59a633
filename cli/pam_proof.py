# SPDX-License-Identifier: MIT
"""The proof that a stack stays shut: authentications with the real libpam on a scratch copy.

In the copy a stand-in (Linux-PAM's pam_debug) answers in the place of our module: each refusal
that ours can give, and success. The other modules are the real ones and get a wrong password, or
a stand-in answers for them too, where the text says so. Raises StackError, with the reason, where
the proof fails or cannot be made.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from cli import pam_trial
from cli.pam_stack import GATES, PLAIN_CONTROLS, Files, Rule, StackError, reached, rules

REFUSALS = ("authinfo_unavail", "auth_err", "maxtries")  # all that pam_faceauth.py answers
# The modules that check a password, or something else that shows who somebody is.
CREDENTIALS = frozenset(
    f"pam_{name}.so"
    for name in (
        *("authd", "himmelblau", "krb5", "ldap", "pkcs11", "sss", "systemd_home", "tcb", "unix"),
        *("duo", "fprintd", "google_authenticator", "oath", "p11", "u2f", "unix2", "unix_auth"),
        *("userdb", "winbind", "yubico"),
    )
)
HANG_GUARD = 60  # seconds; the trials take some hundredths

Answers = Callable[[Rule], str | None]  # what a stand-in answers for a rule; None: the real module


def prove_refuses(files: Files, service: str) -> None:
    """Without a face and with a wrong password nobody gets in, whichever way a face is refused.

    Nor does anybody once each module that only bars or prepares has succeeded: something must
    refuse at the end, or a face's refusal is the last word and counts for nothing.
    """
    *refused, unclosed = run(
        service,
        *((files, answers(face)) for face in REFUSALS),
        (files, answers(REFUSALS[0], credentials="auth_err", gates="success")),
    )
    if pam_trial.PAM_SUCCESS in refused:
        raise StackError("without a face and with a wrong password it lets anyone in")
    if unclosed == pam_trial.PAM_SUCCESS:
        raise StackError(
            "a wrong password is let in as soon as another of its modules succeeds; "
            "it must end in: auth required pam_deny.so"
        )


def prove_face(files: Files, service: str) -> None:
    """A face lets in, so that the stand-ins above did stand in its way."""
    (code,) = run(service, (files, answers("success", gates="success")))
    if code != pam_trial.PAM_SUCCESS:
        raise StackError(f"in libpam's trial a face does not let in (PAM's code {code})")


def prove_password(before: Files, after: Files, service: str) -> None:
    """The right password lets in before and after, whichever way the face is refused.

    Without this, a stack that libpam could not even read would pass for one that stays shut.
    """
    old, *new = run(
        service,
        (before, answers(REFUSALS[0], credentials="success", gates="success")),
        *((after, answers(face, credentials="success", gates="success")) for face in REFUSALS),
    )
    if old != pam_trial.PAM_SUCCESS:
        raise StackError(
            f"in libpam's trial not even the right password lets in (PAM's code {old})"
        )
    if any(code != pam_trial.PAM_SUCCESS for code in new):
        raise StackError(f"the right password would no longer let in (PAM's codes {new})")


def prove(before: Files, after: Files, service: str) -> None:
    """All of the above; ``before`` may be ``after``."""
    prove_refuses(after, service)
    prove_face(after, service)
    prove_password(before, after, service)


def loads(module: str) -> bool:
    """Whether libpam can load a module that has no credentials to set, as ours; it asks no more."""
    stack = {"trial": f"auth required {module}\n".encode()}
    (code,) = run("trial", (stack, lambda _: None), what="load")
    return code == pam_trial.PAM_SUCCESS


def answers(face: str, credentials: str | None = None, gates: str | None = None) -> Answers:
    """Stand-ins for our module, for those that check credentials, and for gates to be passed.

    A gate that grants by itself, or whose answers are listed one by one, stays the real one.
    """

    def answer(rule: Rule) -> str | None:
        if rule.is_ours:
            return face
        if rule.name in CREDENTIALS:
            return credentials
        plain = rule.control in PLAIN_CONTROLS - {"sufficient"}
        return gates if rule.name in GATES and plain else None

    return answer


def run(service: str, *trials: tuple[Files, Answers], what: str = "authenticate") -> list[int]:
    """PAM's code for each trial."""
    with tempfile.TemporaryDirectory(prefix="faceauth-pam-") as scratch:
        questions = []
        for number, (files, answer) in enumerate(trials):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            included = {rule.included for _, rule in reached(files, service) if rule.includes}
            for name in {service, *included}:
                (folder / name).write_bytes(stand_in(files[name], answer, folder))
            questions.append([str(folder), service, what])
        return ask(questions)


def stand_in(content: bytes, answer: Answers, folder: Path) -> bytes:
    """The auth lines of a file, with the stand-ins in their places.

    Includes get the whole path: libpam 1.5 looks for them in /etc/pam.d whatever it was told.
    """
    lines = []
    for rule in rules(content):
        code = None if rule.includes else answer(rule)
        if rule.control == "@include":
            lines.append(f"@include {folder / rule.included}")
        elif rule.includes:
            lines.append(f"auth {rule.control} {folder / rule.included}")
        elif code:
            lines.append(f"auth {rule.control} pam_debug.so auth={code}")
        else:
            lines.append(f"{rule.dash}auth {rule.control} {rule.module} {rule.arguments}")
    return "\n".join([*lines, ""]).encode("latin-1")


def ask(questions: Sequence[list[str]]) -> list[int]:
    """Run the trials in a process of their own, without this one's environment and terminal."""
    command = [sys.executable, "-I", "-S", pam_trial.__file__, secrets.token_hex(16)]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(questions).encode(),
            capture_output=True,
            env={"PATH": os.defpath},
            cwd="/",
            start_new_session=True,
            timeout=HANG_GUARD,
            check=True,
        )
        codes = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise StackError(
            f"libpam has not answered on a scratch copy in {HANG_GUARD} s; "
            "try again when the machine is less busy"
        ) from None
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        why = type(error).__name__
        raise StackError(f"libpam could not be asked on a scratch copy: {why}") from None
    return [int(code) for code in codes]
