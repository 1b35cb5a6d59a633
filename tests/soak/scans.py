# SPDX-License-Identifier: MIT
"""Verifications in a row, and fifty clients at once, through a real daemon with real models."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from faceauthd.client import FaceAuth
from models.face import Image
from tests.harness import clips, pictured
from tests.harness.rig import SHARED_MODELS, Rig
from tests.soak import painted
from tests.soak.growth import Size
from tests.soak.painted import PaintedRig
from tests.soak.report import Report

# As few frames as make a verdict: it is the many scans that count here, not their length.
QUICK = """
[camera]
paced = false
[enroll]
frames = 3
[verify]
liveness = []
frames = 1
timeout = 30
no_face_timeout = 1
"""
CLIENTS = 50
WARM = (20, 1_000)  # scans after which a process is measured; it has its size after the second
HANG = 60.0  # seconds after which a client is stuck
FRAMES = 6  # of a clip, which loops
Going = Callable[[int], bool]  # whether to go on after so many
Run = Callable[[Going], Report]


@contextmanager
def stage(
    of: type[Rig], person: Image, stranger: Image, models: Path | None = None
) -> Iterator[tuple[Rig, Path, Path]]:
    """A running system with alice enrolled; the clip that shows her, and one of a stranger."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        clip = clips.write(folder / "alice.avi", [person] * FRAMES)
        other = clips.write(folder / "stranger.avi", [stranger] * FRAMES)
        with of(clip, config=QUICK, models=models) as rig:
            rig.enrol("alice", clip)
            yield rig, clip, other


def real() -> AbstractContextManager[tuple[Rig, Path, Path]]:
    """With MobileFaceNet where it is, else with the models that come with faceauth."""
    return stage(Rig, pictured.somebody(), pictured.somebody_else(), SHARED_MODELS)


def quick() -> AbstractContextManager[tuple[Rig, Path, Path]]:
    """With people who are colours."""
    return stage(PaintedRig, painted.painted(painted.ALICE), painted.painted(painted.STRANGER))


def in_a_row(
    name: str,
    made: Callable[[], AbstractContextManager[tuple[Rig, Path, Path]]],
    stranger_each: int,
) -> Run:
    """One after another; each so many scans a stranger sits there, who must be refused."""

    def run(going: Going) -> Report:
        report, results = Report(name), Counter[str]()
        with made() as (rig, person, other), rig.client() as daemon:
            sizes: dict[str, Size] = {}
            while going(report.done):
                stranger = report.done % stranger_each == stranger_each - 1
                rig.show(other if stranger else person)
                result, details = daemon.verify("alice")
                judged = result in ("match", "no-match")
                results[result if judged else f"{result} ({details['reason']})"] += 1
                report.done += 1
                report.wrong_accepts += stranger and result == "match"
                if report.done in WARM:
                    sizes = measure(rig)
            report.faults = grown(sizes, measure(rig))
            report.notes = f"{counts(results)}; {growth(sizes, measure(rig))}"
        return report

    return run


def at_once(going: Going) -> Report:
    """Fifty clients ask in the same moment: one is served, all are answered."""
    report, results = Report(f"{CLIENTS} clients at once"), Counter[str]()
    with real() as (rig, _, _):
        sizes: dict[str, Size] = {}
        while going(report.done):
            answers = ask_together(rig)
            report.hangs += CLIENTS - len(answers)
            report.done += CLIENTS
            results.update(answers)
            if not 1 <= answers.count("match") <= CLIENTS or set(answers) - {"match", "busy"}:
                report.faults.append(f"answers: {Counter(answers)}")
            sizes = sizes or measure(rig)
        report.faults += grown(sizes, measure(rig))
        report.notes = f"{counts(results)}; {growth(sizes, measure(rig))}"
    return report


def ask_together(rig: Rig) -> list[str]:
    """The results that the clients got; one that got none in time is missing."""
    answers: list[str] = []
    start = threading.Barrier(CLIENTS)

    def ask() -> None:
        with FaceAuth(rig.bus.address) as daemon:
            start.wait()
            answers.append(daemon.verify("alice")[0])

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    return list(answers)


def measure(rig: Rig) -> dict[str, Size]:
    (worker,) = rig.workers()
    return {"daemon": Size.at_rest(rig.daemon.process.pid), "worker": Size.at_rest(worker)}


def grown(before: dict[str, Size], after: dict[str, Size]) -> list[str]:
    return [fault for name, size in before.items() for fault in size.faults(name, after[name])]


def growth(before: dict[str, Size], after: dict[str, Size]) -> str:
    return ", ".join(
        f"{name} {after[name].memory - size.memory:+} KiB,"
        f" {after[name].descriptors - size.descriptors:+} descriptors,"
        f" {after[name].threads - size.threads:+} threads"
        for name, size in before.items()
    )


def counts(results: Counter[str]) -> str:
    return ", ".join(f"{count:,} {result}" for result, count in results.most_common())
