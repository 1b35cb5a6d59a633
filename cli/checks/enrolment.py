# SPDX-License-Identifier: MIT
"""The caller: are they enrolled, with faces that the engine can compare, and not locked out."""

from collections.abc import Iterator

from cli.checks.finding import Finding, ok, problem, unknown, warning
from cli.checks.machine import Machine
from faceauthd.results import FaceAuthError

ADVICE = {
    "locked-out": "log in once with the password, or wait",
    "camera-missing": "see: faceauth cameras",
    "remote": "only who sits at the machine is let in by face",
    "lid-closed": "open the lid",
    "disabled": "faceauth enable",
    "strong-auth-required": "log in once with the password",
    "busy": "another scan is running; try again",
    "error": "see: journalctl -u faceauthd",
}
LOADING = "wait a moment; if it stays so: journalctl -u faceauthd"


def check(machine: Machine) -> Iterator[Finding]:
    user = machine.user
    if machine.daemon is None:
        yield unknown(f"whether {user} is enrolled: faceauthd does not answer")
        return
    try:
        faces = machine.daemon.list_faces(user)
        result, _ = machine.daemon.can_verify(user)
        loaded = machine.daemon.get_status()["model"]
    except FaceAuthError as error:
        yield unknown(f"whether {user} is enrolled: {error}")
        return
    if not faces:
        yield warning(f"{user} is not enrolled", f"faceauth add {user}")
        return
    usable = sum(bool(face["usable"]) for face in faces)
    if not loaded:
        yield unknown(f"whether {user}'s faces can be compared: no model is loaded", LOADING)
    elif not usable:
        text = f"{user}'s faces were enrolled with another model, and none can be compared"
        yield problem(text, f"faceauth add {user}")
    else:
        yield ok(f"{user} is enrolled; faces that can be compared: {usable} of {len(faces)}")
    if result == "ready":
        yield ok(f"{user} is not locked out: a scan could start now")
    elif result != "not-enrolled":
        yield warning(f"no scan could start for {user} now: {result}", ADVICE.get(result, ""))
