# SPDX-License-Identifier: MIT
"""Real faces and models for the tests: the folder ``shared/`` beside the checkout, if there is one.

Nothing of it is part of the project. Tests that need it carry ``@needs("video/pairs")`` and are
skipped by that name where it is missing.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"


def needs(path: str) -> pytest.MarkDecorator:
    """Skip a test by name where ``../shared/data/<path>`` is missing."""
    return pytest.mark.skipif(
        not (SHARED / path).exists(), reason=f"needs real data: ../shared/data/{path} is not there"
    )
