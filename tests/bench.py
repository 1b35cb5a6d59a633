# SPDX-License-Identifier: MIT
"""``make bench``: how long a login takes and what it costs; ``--json`` for programs.

Times are of this machine in this minute. A PAM call is the whole life of pamtester, an
application that authenticates once; ``floor`` is the same with pam_permit in place of faceauth,
so the difference is ours. Howdy's way of working runs beside it on the same clip.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from faceauthd.client import FaceAuth
from tests.harness import clips, pictured
from tests.harness.data import ROOT, SHARED
from tests.harness.rig import Rig

RUNS = 30
PERSON = "alice"
HOWDY = ROOT / "tests" / "harness" / "howdys_way.py"
FRAMES = 60  # frames that a stage is measured on

Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs of each (default {RUNS})")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="faceauth-bench-") as folder:
        figures = measure(Path(folder), options.runs)
    print(json.dumps(figures, indent=2) if options.json else as_text(figures))
    return 0


def measure(folder: Path, runs: int) -> Figures:
    """All figures; times in milliseconds, memory in MB."""
    enrol, later, words = person(folder)
    figures: Figures = {
        "machine": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
        },
        "clip": words,
        "runs": runs,
    }
    with running(enrol, later, paced=True) as rig:
        figures["engine"] = engine_of(rig)
        figures["floor"] = spread(runs, lambda: rig.pam("permit", PERSON).code == "SUCCESS")
        figures["login, camera in real time"] = spread(runs, lambda: accepted(rig))
        figures["memory"] = memory(rig)
        figures["stages"] = stages(rig, later)
    with running(enrol, later, paced=False) as rig:
        figures["login, frames as fast as they come"] = spread(runs, lambda: accepted(rig))
    howdy = [sys.executable, str(HOWDY), str(later)]
    figures["howdy's way"] = spread(
        runs, lambda: subprocess.run(howdy, check=False).returncode == 0
    )
    command = [str(Path(sys.executable).parent / "faceauth"), "--help"]
    figures["faceauth --help"] = spread(
        runs, lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0
    )
    return figures


def person(folder: Path) -> tuple[Path, Path, str]:
    """Somebody to enrol, the same person later, and words for who it is."""
    real = SHARED / "video" / "pairs" / "apfol" / "genuine.webm"
    if real.exists():
        return *clips.halves(real, folder), "../shared/data/video/pairs/apfol/genuine.webm"
    picture = pictured.somebody()
    enrol = clips.from_picture(folder / "enrol.avi", picture)
    later = clips.from_picture(folder / "later.avi", picture, start=45)
    return enrol, later, "scikit-image's astronaut (a picture, so without liveness)"


@contextmanager
def running(enrol: Path, later: Path, *, paced: bool) -> Iterator[Rig]:
    """A rig in which the person is enrolled and sits before the camera."""
    config = f"[camera]\npaced = {str(paced).lower()}\n"
    if not (SHARED / "video").is_dir():
        config += "[verify]\nliveness = []\n"
    with Rig(enrol, users=[PERSON], config=config) as rig:
        with FaceAuth(rig.bus.address) as daemon:
            daemon.enroll(PERSON, "bench")
        rig.show(later)
        yield rig


def accepted(rig: Rig) -> bool:
    return rig.pam("face", PERSON).code == "SUCCESS"


def spread(runs: int, work: Callable[[], bool]) -> Figures:
    """The times of many runs; a run that did not do its work is counted and not timed."""
    times, failed = [], 0
    for _ in range(runs):
        start = time.perf_counter()
        if work():
            times.append((time.perf_counter() - start) * 1000)
        else:
            failed += 1
    times.sort()
    if not times:
        return {"failed": failed}
    p95 = times[min(len(times) - 1, round(0.95 * (len(times) - 1)))]
    return {"p50": median(times), "p95": p95, "max": times[-1], "failed": failed}


def engine_of(rig: Rig) -> Figures:
    with FaceAuth(rig.bus.address) as daemon:
        status = daemon.get_status()
    return {key: status[key] for key in ("engine", "model", "liveness")}


def memory(rig: Rig) -> Figures:
    """Proportional set size, MB, of the daemon and its worker, ready and idle."""
    daemon = rig.daemon.process.pid
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
    return {"daemon": pss(daemon), "worker": sum(pss(int(pid)) for pid in children)}


def pss(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def stages(rig: Rig, clip: Path) -> Figures:
    """Median of each stage on one frame, as the worker does it."""
    from models.engine import load_engine
    from models.liveness.passive import load_passive_models

    engine = load_engine("auto", rig.models_dir)
    passive = load_passive_models(rig.models_dir)
    times: dict[str, list[float]] = defaultdict(list)
    for image in islice(clips.frames(clip), FRAMES):
        with stopwatch(times["detection"]):
            faces = engine.detect(image)
        for face in faces[:1]:
            with stopwatch(times["embedding"]):
                engine.embed(image, face)
            for model in passive:
                with stopwatch(times[f"liveness ({model.id})"]):
                    model.score(image, face)
    return {stage: median(values) for stage, values in times.items()}


@contextmanager
def stopwatch(times: list[float]) -> Iterator[None]:
    """Appends the milliseconds that its body took."""
    start = time.perf_counter()
    yield
    times.append((time.perf_counter() - start) * 1000)


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def as_text(figures: Figures) -> str:
    """The figures as a table in Markdown, ready for the README."""
    machine = figures["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']:.1f}, "
        f"Python {machine['python']}; "
        f"clip: {figures['clip']}; engine: {figures['engine']['model']}; {figures['runs']} runs.",
        "",
        "| milliseconds | p50 | p95 | max | failed |",
        "|---|---|---|---|---|",
    ]
    for name, values in figures.items():
        if isinstance(values, dict) and "failed" in values:
            cells = [
                f"{values[key]:.0f}" if key in values else "–" for key in ("p50", "p95", "max")
            ]
            lines.append(f"| {name} | {' | '.join(cells)} | {values['failed']} |")
    lines += ["", "| one frame | ms |", "|---|---|"]
    lines += [f"| {stage} | {value:.1f} |" for stage, value in figures["stages"].items()]
    lines += ["", "| memory (PSS) | MB |", "|---|---|"]
    lines += [f"| {process} | {value:.0f} |" for process, value in figures["memory"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
