# SPDX-License-Identifier: MIT
"""Fixtures of the daemon's tests: a bus for each module, a stage or a bench for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faceauthd import accounts
from tests.faceauthd.films import write_clip
from tests.faceauthd.stage import Stage
from tests.faceauthd.supervised import GUARD, Bench
from tests.harness.bus import HANG_GUARD, PrivateBus


@pytest.fixture(scope="module")
def private_bus() -> Iterator[PrivateBus]:
    with PrivateBus() as bus:
        yield bus


@pytest.fixture
def stage(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """Where a look-up may take as long as it likes: a busy machine is no silent database."""
    monkeypatch.setattr(accounts, "TIMEOUT", HANG_GUARD)
    stage = Stage(private_bus, tmp_path / "state")
    yield stage
    stage.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(write_clip(tmp_path / "clip.avi", 12), stop=GUARD, answer=GUARD, retry=3600.0)
    yield bench
    bench.supervisor.stop()
