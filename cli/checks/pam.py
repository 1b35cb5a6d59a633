# SPDX-License-Identifier: MIT
"""PAM: does our module load, which services have it, do they stay shut without a face, do they tell
of passwords.

That they stay shut is proved, not read: the real libpam authenticates on scratch copies
(cli/pam_proof.py).
"""

from collections.abc import Iterator

from cli.checks.finding import Finding, ok, problem, unknown, warning
from cli.checks.machine import Machine
from cli.pam_change import SERVICES, holders
from cli.pam_folder import PamFolder
from cli.pam_proof import loads, prove, prove_password, prove_refuses
from cli.pam_stack import OURS, Files, StackError, reached

PASSWORDS = "faceauth"  # the service that asks for a password before enrolling


def check(machine: Machine, module: str = OURS) -> Iterator[Finding]:
    folder = PamFolder(machine.root)
    files = folder.files()
    yield loaded(module)
    yield from own_service(files)
    with_face = 0
    for service in SERVICES:
        if not folder.has(service):
            continue
        try:
            found = holders(files, service)
        except StackError as error:
            yield unknown(f"{service}: {error}", "sudo faceauth doctor")
            continue
        if found:
            with_face += 1
            yield stays_shut(files, service, found)
    if not with_face:
        yield warning("no PAM service asks for a face", "for example: faceauth pam enable sudo")


def loaded(module: str) -> Finding:
    try:
        if loads(module):
            return ok(f"libpam can load {module}")
    except StackError as error:
        return unknown(str(error))
    return problem(f"libpam cannot load {module}", "install faceauth's PAM module again")


def own_service(files: Files) -> Iterator[Finding]:
    if PASSWORDS not in files:
        text = f"PAM has no service {PASSWORDS}: only root can enrol, for no password is right"
        yield problem(text, "install faceauth again")
        return
    try:
        if holders(files, PASSWORDS):
            text = f"the PAM service {PASSWORDS} lets a face in: a face could vouch for another"
            yield problem(text, "install faceauth again")
            return
        prove_refuses(files, PASSWORDS)
        prove_password(files, files, PASSWORDS)
    except StackError as error:
        yield problem(f"the PAM service {PASSWORDS}: {error}", "install faceauth again")
    else:
        yield ok(f"the PAM service {PASSWORDS} takes a password, and nothing else")


def stays_shut(files: Files, service: str, found: list[str]) -> Finding:
    where = "" if service in found else f", through {found[0]}"
    if len(found) > 1:
        text = f"{service} asks for a face {len(found)} times: in {', '.join(found)}"
        return warning(text, f"take one out; see: faceauth pam disable {service}")
    try:
        prove(files, files, service)
        tells = tells_of_passwords(files, service)
    except StackError as error:
        return problem(f"{service}: {error}", f"faceauth pam disable {service}, or mend its file")
    if not tells:
        text = f"{service} takes a face{where} by the auth line alone: passwords there do not count"
        return warning(text, "add it (man pam_faceauth): account optional pam_faceauth.so")
    return ok(f"{service} takes a face{where}; without one it asks for the password")


def tells_of_passwords(files: Files, service: str) -> bool:
    """Whether the daemon hears of passwords there; true also of a service without account rules,
    for which libpam takes those of `other`."""
    rules = [rule for _, rule in reached(files, service, "account") if not rule.includes]
    return not rules or any(rule.is_ours for rule in rules)
