# SPDX-License-Identifier: MIT
"""The verbs that look: verify (is it me?) and identify (who is it?).

They run the very scan that a login runs, with its policy, lockout and audit.
"""

from collections.abc import Mapping
from typing import Any

import click

from cli import connection, output
from cli.arguments import bus_text, user_argument, whose
from cli.exits import Exit, exit_for_result
from cli.language import _
from cli.lazy import Verb
from cli.scanning import hints
from cli.terminal import polkit_agent

service_option = click.option(
    "-s",
    "--service",
    callback=bus_text,
    default="",
    metavar="SERVICE",
    help="Scan by the policy of this PAM service.",
)


@click.command(cls=Verb)
@user_argument
@service_option
def verify(user: str | None, service: str) -> Exit:
    """Scan once: is it you, or USER?

    Ends 0 for a match, 1 where the scan did not find the user, 4 where there was no scan.
    """
    name = whose(user)
    daemon = connection.connect()
    with polkit_agent(), hints(bar=False) as on_progress:
        result, details = daemon.verify(name, service=service, on_progress=on_progress)
    show({"user": name, "result": result, **details}, result)
    return exit_for_result(result)


@click.command(cls=Verb)
@service_option
def identify(service: str) -> Exit:
    """Scan once: which enrolled user is in front of the camera? (root)"""
    daemon = connection.connect()
    with hints(bar=False) as on_progress:
        result, user, details = daemon.identify(service=service, on_progress=on_progress)
    show({"user": user, "result": result, **details}, f"{result}: {user}" if user else result)
    return exit_for_result(result)


def show(answer: Mapping[str, Any], verdict: str) -> None:
    """Print a verdict: what, why, how long it took, and the scores where the caller got them."""
    if output.wants_json():
        output.print_json(answer)
        return
    why = answer.get("reason")
    output.say(f"{verdict} ({why})" if why else verdict)
    if not answer.get("frames"):
        return  # the camera was not even opened: there is nothing to measure
    facts = {
        _("time"): f"{answer['milliseconds']} ms",
        _("frames"): str(answer["frames"]),
        _("face"): answer.get("label") or answer.get("face", ""),
        _("score"): scores(answer),
        _("liveness"): ", ".join(f"{m} {p:.3f}" for m, p in answer.get("liveness", {}).items()),
    }
    output.facts({name: value for name, value in facts.items() if value})


def scores(answer: Mapping[str, Any]) -> str:
    """Similarity against what a match needs; only root is told."""
    if "score" not in answer:
        return ""
    return _("{score:.3f} against {threshold:.3f}").format_map(answer)
