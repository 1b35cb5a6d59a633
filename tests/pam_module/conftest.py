# SPDX-License-Identifier: MIT
"""The loader and the driver, built once; a folder of PAM stacks, and fake buses, for each test."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.data import ROOT
from tests.pam_module.fake_bus import FakeBus
from tests.pam_module.pam_host import HERE, Stacks


@pytest.fixture(scope="session")
def loader() -> None:
    """build/pam_faceauth.so, as it is shipped."""
    subprocess.run(["make", "-s", "-C", ROOT / "pam_module"], check=True)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("driver") / "driver"
    subprocess.run(
        ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, HERE / "driver.c", "-lpam"],
        check=True,
    )
    return program


@pytest.fixture
def stacks(loader: None, driver: Path, tmp_path: Path) -> Stacks:
    return Stacks(tmp_path / "pam.d", driver)


@pytest.fixture
def fake_bus() -> Iterator[Callable[..., FakeBus]]:
    """Makes fake buses, with FakeBus's arguments."""
    buses: list[FakeBus] = []
    with tempfile.TemporaryDirectory() as folder:  # tmp_path may be too long for a socket

        def make(**arguments: Any) -> FakeBus:
            buses.append(FakeBus(Path(folder) / f"bus{len(buses)}", **arguments))
            return buses[-1]

        yield make
        for bus in buses:
            bus.close()
