# SPDX-License-Identifier: MIT
"""The verb ``status``: what runs, and what somebody should worry about."""

import click

from cli import connection, output
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
    output.facts(
        {
            "faceauthd": f"{state['version']}, {'disabled' if state['disabled'] else 'enabled'}",
            "worker": state["worker"],
            "engine": state["engine"] or "none",
            "model": state["model"] or "none yet",
            # Before the models are loaded nobody knows; "none" would sound like a fault.
            "liveness": liveness or ("none" if state["model"] else "none yet"),
            "camera": state["camera"] or "none",
            "enrolled": "1 user" if state["enrolled"] == 1 else f"{state['enrolled']} users",
        }
    )
