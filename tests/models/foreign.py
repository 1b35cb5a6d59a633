# SPDX-License-Identifier: MIT
"""A folder of another user's, where root is at work: as the daemon's is."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who works for others")


@contextmanager
def foreign_folder() -> Iterator[Path]:
    """Nobody's, and where nobody can get to: pytest's own folders are closed to others."""
    outer = Path(tempfile.mkdtemp(prefix="faceauth-foreign-"))
    try:
        outer.chmod(0o755)
        folder = outer / "theirs"
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)
        yield folder
    finally:
        shutil.rmtree(outer)
