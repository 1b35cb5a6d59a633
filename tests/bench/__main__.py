# SPDX-License-Identifier: MIT
"""The command line of ``make bench``."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tests.bench.encodings import FACES, encodings
from tests.bench.frames import stages
from tests.bench.galleries import SIZES, galleries
from tests.bench.logins import logins
from tests.bench.originals import original
from tests.bench.person import Person, person, rigged
from tests.bench.processes import resting
from tests.bench.ratios import ratios
from tests.bench.table import as_text
from tests.bench.times import Figures
from tests.bench.training import training
from tests.harness import clips

RUNS = 30
IDLE = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="faceauth-bench-") as folder:
        keep_byte_code(Path(folder))
        figures = measure(Path(folder), options)
    print(json.dumps(figures, indent=2) if options.json else as_text(figures))
    broken = [one["what"] for one in figures["ratios"] if one["broken"]]
    if options.guard and broken:
        print(f"slower than it was: {'; '.join(broken)}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="How long a login takes.")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs of each (default {RUNS})")
    parser.add_argument(
        "--idle", type=float, default=IDLE, help=f"seconds to watch it rest (default {IDLE:.0f})"
    )
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=SIZES, help="how many templates are enrolled"
    )
    parser.add_argument("--engine", default="auto", help="the recognition engine")
    parser.add_argument(
        "--guard", action="store_true", help="fail where a promise is broken, for CI"
    )
    parser.add_argument(
        "--original", action="store_true", help="the original's way as well (needs TensorFlow)"
    )
    parser.add_argument(
        "--training", action="store_true", help="training as well (needs TensorFlow)"
    )
    return parser.parse_args(arguments)


def measure(folder: Path, options: argparse.Namespace) -> Figures:
    """All figures; times in milliseconds, memory in MB."""
    somebody = person(folder)
    figures: Figures = {"machine": machine(), "clip": somebody.words, "runs": options.runs}
    figures |= engine(somebody, options.engine)
    figures |= logins(somebody, options.runs, options.engine)
    figures["memory"], figures["wake-ups"] = resting(somebody, options.idle, options.engine)
    figures["galleries"] = galleries(folder, tuple(options.sizes))
    figures["dlib's network"] = encodings(list(islice(clips.frames(somebody.later), FACES)))
    if options.original:
        figures["the original's way"] = original(somebody.later)
    if options.training:
        figures["training"] = training()
    figures["ratios"] = ratios(figures)
    return figures


def keep_byte_code(folder: Path) -> None:
    """The programs to come find their byte code from their second run on, as installed ones do."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "byte-code")


def engine(somebody: Person, name: str) -> Figures:
    """What runs in the rig, and how long each stage of it takes."""
    with rigged(somebody, paced=True, engine=name) as rig:
        with rig.client() as daemon:
            status = daemon.get_status()
        return {
            "engine": {key: status[key] for key in ("engine", "model", "liveness")},
            "stages": stages(name, rig.models_dir, somebody.later),
        }


def machine() -> Figures:
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
