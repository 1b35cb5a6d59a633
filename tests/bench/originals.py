# SPDX-License-Identifier: MIT
"""The original's way, in a process of its own: ours must never hold TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path

from tests.bench.times import Figures
from tests.harness.data import ROOT, SHARED

SCRIPT = ROOT / "tests" / "harness" / "originals_way.py"
LIVENESS = SHARED / "models" / "original-livenessnet" / "liveness.h5"


def original(clip: Path) -> Figures:
    """Milliseconds; see tests/harness/originals_way.py."""
    command = [sys.executable, str(SCRIPT), str(clip), str(LIVENESS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Figures = json.loads(done.stdout)
    return found
