# SPDX-License-Identifier: MIT
"""The verb ``status``: what runs, and what somebody should worry about."""

import click

from cli import connection, output
from cli.language import _, plural
from cli.lazy import Verb


@click.command(cls=Verb)
def status() -> None:
    """Say what runs: engine, models, camera, enrolled users, warnings."""
    state = connection.connect().get_status()
    if output.wants_json():
        output.print_json(state)
        return
    for warning in state["warnings"]:
        output.warn(warning)
    liveness = ", ".join(f"{cue}: {model}" for cue, model in state["liveness"].items())
    # Before the models are loaded nobody knows; "none" would sound like a fault.
    unknown = _("none") if state["model"] else _("none yet")
    switched = _("disabled") if state["disabled"] else _("enabled")
    output.facts(
        {
            "faceauthd": f"{state['version']}, {switched}",
            _("worker"): state["worker"],
            _("engine"): state["engine"] or _("none"),
            _("model"): state["model"] or _("none yet"),
            _("liveness"): liveness or unknown,
            _("camera"): state["camera"] or _("none"),
            _("enrolled"): plural("{number} user", "{number} users", state["enrolled"]),
        }
    )
