# SPDX-License-Identifier: MIT
"""A model of one's own reaches the running daemon, and leaves it again: by the installed script."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit
from cli.liveness_install import STARTS_WITHIN
from faceauthd.worker_spec import Limits
from tests.cli.conftest import HANG_GUARD, Run
from tests.harness.bus import PrivateBus
from tests.harness.daemon import running_daemon
from tests.models.lights import START, recorded

CONFIG = """
engine = "dlib"
models_dir = "{folder}/models"

[camera]
device = "{folder}/camera"
"""


@pytest.fixture
def config(bus: PrivateBus, tmp_path: Path) -> Iterator[str]:
    """The configuration of a daemon that runs."""
    (tmp_path / "models").mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    with running_daemon(bus, CONFIG.format(folder=tmp_path), tmp_path / "state") as daemon:
        yield str(daemon.config)


def test_a_worker_has_the_time_that_the_daemon_gives_it() -> None:
    """Else a good model is taken back on a slow machine, of which the daemon knows."""
    assert Limits().start == STARTS_WITHIN


def test_installed_and_taken_back(script: Run, config: str, tmp_path: Path) -> None:
    (tmp_path / "start.onnx").write_bytes(START)
    data, new = recorded(tmp_path / "data", 6), recorded(tmp_path / "new", 30, 9, "cam2")
    model = str(tmp_path / "model")

    def faceauth(*arguments: str) -> dict[str, object]:
        outcome = script(*arguments, "--json", env={"FACEAUTH_CONFIG": config})
        assert outcome.status == Exit.DONE, outcome.err
        answer = json.loads(outcome.out)
        assert isinstance(answer, dict)
        return answer

    def passive() -> object:
        until = time.monotonic() + HANG_GUARD
        while (status := faceauth("status"))["worker"] == "starting":
            assert time.monotonic() < until
        liveness = status["liveness"]
        assert isinstance(liveness, dict)
        return liveness["passive"]

    shipped = passive()
    head = ("--arch", "minifasnet-head", "--from", str(tmp_path / "start.onnx"))
    faceauth("liveness", "train", str(data), model, *head)
    faceauth("liveness", "install", model, str(new))
    assert passive() == f"{shipped}, personal"
    faceauth("liveness", "rollback")
    assert passive() == shipped
