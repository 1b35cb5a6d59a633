# SPDX-License-Identifier: MIT
"""The verb ``liveness``: models that tell a face from a copy, trained on one's own camera."""

import click

from cli.lazy import Verbs

VERBS = {
    "collect": "cli.liveness_collect:collect",
    "train": "cli.liveness_train:train",
    "evaluate": "cli.liveness_evaluate:evaluate",
    "install": "cli.liveness_install:install",
    "rollback": "cli.liveness_install:rollback",
    "list": "cli.liveness_install:list_versions",
}


@click.group(cls=Verbs, verbs=VERBS)
def liveness() -> None:
    """Teach faceauth your camera: collect, train, evaluate, install.

    A model of your own can only refuse more than the one that ships, never less.
    """
