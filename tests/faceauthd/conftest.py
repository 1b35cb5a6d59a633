# SPDX-License-Identifier: MIT
"""Fixtures of the daemon's tests: a bus for each module, a stage or a bench for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faceauthd.films import write_clip
from tests.faceauthd.stage import Stage
from tests.faceauthd.supervised import Bench
from tests.harness.bus import PrivateBus


@pytest.fixture(scope="module")
def private_bus() -> Iterator[PrivateBus]:
    with PrivateBus() as bus:
        yield bus


@pytest.fixture
def stage(private_bus: PrivateBus, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(private_bus, tmp_path / "state")
    yield stage
    stage.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(write_clip(tmp_path / "clip.avi", 12), stop=20.0, retry=3600.0)
    yield bench
    bench.supervisor.stop()
