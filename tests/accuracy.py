# SPDX-License-Identifier: MIT
"""``make accuracy``: recognition as Verify decides, on the real people of ../shared/data.

Everybody is enrolled from one session and shown in another, to their own account and to everybody
else's, with the sessions, policy and thresholds that the daemon uses; liveness is off, so that
nothing but identity refuses. Where a person has one recording only, its first half enrols and its
second half is shown, which says less: light and place are the same.

A *run* is what the camera shows from some frame on, for as long as a scan may take. Runs of one
recording overlap, so the intervals are too narrow; the people behind the figures are counted too.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from faceauthd import comparison
from faceauthd.config import Config
from faceauthd.enrolment import ONE_PERSON
from faceauthd.messages import Ready
from faceauthd.policy import for_service
from faceauthd.results import Result
from faceauthd.sessions import EnrollSession, Enrolment, Template, VerifySession
from models.engine import Engine, load_engine
from models.evaluation.datasets import IMAGES
from models.evaluation.rates import Rate
from models.evaluation.recognition_text import share
from models.face import Image
from models.observation import Observation
from models.observer import Observer
from models.recognition.calibration import Calibration, calibration_for
from tests.harness import clips, people
from tests.harness.data import SHARED

ENGINES = ("mobilefacenet", "dlib")
VIDEO_FPS = 15  # every second frame of the videos, as a webcam in a dim room
MOST_FRAMES = 160  # of a video
STILLS_FPS = 2  # pictures of one recording are shown so fast, again and again
SCAN = {VIDEO_FPS: 75, STILLS_FPS: 30}  # frames of a run, by the speed
EVERY = 5  # frames between the beginnings of two runs


@dataclass(frozen=True, eq=False)
class Seen(Observation):
    """A frame with both embeddings that a worker may be asked for."""

    alone: NDArray[np.float32] | None = None  # without the mirror image


Frames = Sequence[Seen]


class Measured:
    """The thresholds that ship, as the daemon's parts know them."""

    @staticmethod
    def threshold(model: str, fmr: float) -> float:
        return calibration_for(model).threshold(fmr)

    @staticmethod
    def run_threshold(model: str, fmr: float) -> float:
        return calibration_for(model).run_threshold(fmr)


@dataclass(frozen=True)
class Recording:
    """One session of one person; with ``halves`` it serves as two."""

    person: str
    images: Iterable[Image]
    fps: int
    halves: bool


@dataclass(frozen=True)
class Shown:
    """Frames of one person that are to enrol, or to verify, from the recording ``session``."""

    person: str
    session: str
    frames: Frames
    fps: int


@dataclass
class Outcome:
    """How one engine did on one set: results of runs, and the people behind them.

    not_enrolled  person: why, for each session that gave no template
    mistaken      (who was shown, whose account): how many runs were accepted
    """

    enrolled: int = 0
    not_enrolled: list[str] = field(default_factory=list)
    genuine: Counter[str] = field(default_factory=Counter)
    impostor: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    mistaken: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def frr(self) -> Rate:
        total = self.genuine.total()
        return Rate(total - self.genuine[Result.MATCH], total)

    @property
    def far(self) -> Rate:
        return Rate(self.impostor[Result.MATCH], self.impostor.total())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    parser.add_argument("--engine", action="append", help="only this engine; may be repeated")
    parser.add_argument("--fmr", type=float, default=Config().verify.fmr, help="the policy's")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(arguments)
    if not SHARED.is_dir():
        print("make accuracy needs ../shared/data", file=sys.stderr)
        return 1
    found = {
        (title, name): measure(load_engine(name, SHARED / "models"), recordings(), options.fmr)
        for name in options.engine or ENGINES
        for title, recordings in SETS.items()
    }
    print(json.dumps(as_json(found), indent=2) if options.json else as_text(found))
    return 0


def videos() -> Iterator[Recording]:
    """Eighteen people's clips."""
    for name, clip in (people.live_people() | people.portraits()).items():
        frames = islice(clips.frames(clip), 0, 2 * MOST_FRAMES, 2)
        yield Recording(name, frames, VIDEO_FPS, halves=True)


def webcam() -> Iterator[Recording]:
    """Six people's stills from their own webcams."""
    for folder in sorted((SHARED / "people" / "webcam").iterdir()):
        pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES)
        yield Recording(folder.name, stills(pictures), STILLS_FPS, halves=True)


def nuaa() -> Iterator[Recording]:
    """Eight people, some on several days, in several lights, with and without glasses."""
    sessions: dict[tuple[str, str], list[Path]] = {}
    for path in (SHARED / "liveness" / "nuaa" / "real").glob("*.jpg"):
        person, session = path.stem[:4], path.stem[4:].rpartition("_")[0]
        sessions.setdefault((person, session), []).append(path)
    for (person, _), paths in sorted(sessions.items()):
        ordered = sorted(paths, key=lambda path: int(path.stem.rpartition("_")[2]))
        yield Recording(person, stills(ordered), STILLS_FPS, halves=False)


SETS = {
    "videos, other half": videos,
    "webcam stills, other half": webcam,
    "NUAA, other session": nuaa,
}


def stills(paths: Iterable[Path]) -> Iterator[Image]:
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is not None:
            yield np.asarray(image, np.uint8)


def measure(
    engine: Engine, recordings: Iterable[Recording], fmr: float = Config().verify.fmr
) -> Outcome:
    """Enrol from every session and verify with every other one."""
    config, calibration = Config(), calibration_for(engine.model)
    policy = replace(for_service(config, ""), liveness=(), fmr=fmr)
    observer = Observer(engine, (), config.verify.min_face)
    outcome = Outcome()
    templates: list[tuple[str, Template]] = []
    probes: list[Shown] = []
    for number, recording in enumerate(recordings):
        to_enrol, to_verify = sessions(recording, number, observer)
        probes.append(to_verify)
        enrolment = enrol(to_enrol, config, calibration)
        if enrolment.vectors is None:
            outcome.not_enrolled.append(f"{to_enrol.person}: {enrolment.reason}")
        else:
            template = Template("1", to_enrol.person, "", enrolment.vectors)
            templates.append((to_enrol.session, template))
    outcome.enrolled = len(templates)
    for session, template in templates:
        rule = (Measured(), Ready(engine.name, engine.model, len(template.vectors[0]), {}))
        wish = (policy.fmr, [template])
        begin = partial(
            VerifySession,
            policy,
            [template],
            comparison.threshold(*rule, *wish),
            {},
            comparison.sure(*rule, *wish),
            comparison.run_threshold(*rule, *wish),
        )
        for probe in probes:
            if probe.session != session:
                judge(outcome, template.user, probe, begin)
    return outcome


def sessions(recording: Recording, number: int, observer: Observer) -> tuple[Shown, Shown]:
    """What of a recording enrols, and what verifies."""
    fps = recording.fps
    frames = [
        seen(observer, image, index, index / fps) for index, image in enumerate(recording.images)
    ]
    if not recording.halves:
        both = Shown(recording.person, str(number), frames, fps)
        return both, both
    middle = len(frames) // 2
    return (
        Shown(recording.person, f"{number}, first half", frames[:middle], fps),
        Shown(recording.person, f"{number}, second half", frames[middle:], fps),
    )


def seen(observer: Observer, image: Image, index: int, at: float) -> Seen:
    look = observer.look(image, index, at)
    if look.face is None:
        return Seen(**vars(look.observation))
    frame = replace(look.observation, embedding=observer.embed(image, look.face))
    return Seen(**vars(frame), alone=observer.embed(image, look.face, once=True))


def enrol(shown: Shown, config: Config, calibration: Calibration) -> Enrolment:
    consistency = calibration.threshold(ONE_PERSON)
    session = EnrollSession(config.enroll.frames, config.verify.dark, consistency)
    for frame in shown.frames:
        session.feed(frame)
    return session.ended("end")


def judge(
    outcome: Outcome,
    user: str,
    probe: Shown,
    begin: Callable[[], VerifySession],
) -> None:
    """Show all runs of a session to one user's account."""
    genuine = user == probe.person
    results = outcome.genuine if genuine else outcome.impostor
    if genuine:
        outcome.people.add(probe.person)
    else:
        outcome.pairs.add((probe.person, user))
    for run in runs(probe):
        session = begin()
        for frame in as_sent(run, session):
            if session.feed(frame):
                break
        result = session.expire().result
        results[result] += 1
        if genuine and result is not Result.MATCH:
            outcome.refused.add(probe.person)
        if not genuine and result is Result.MATCH:
            outcome.mistaken[probe.person, user] += 1


def as_sent(run: Frames, session: VerifySession) -> Iterator[Observation]:
    """The frames as the worker sends them: followed, or embedded once or twice."""
    embedded_at = -float("inf")
    for frame in run:
        if frame.at - embedded_at < session.every:
            yield replace(frame, embedding=None)
        else:
            once = session.once and frame.faces == 1
            yield replace(frame, embedding=frame.alone, once=True) if once else frame
            embedded_at = frame.at if frame.faces == 1 else -float("inf")


def runs(shown: Shown) -> Iterator[Frames]:
    """From every fifth frame on, for as long as a scan lasts; at the end it begins again."""
    count, length = len(shown.frames), SCAN[shown.fps]
    for start in range(0, count, EVERY):
        yield [
            replace(shown.frames[(start + step) % count], index=step, at=step / shown.fps)
            for step in range(length)
        ]


def as_text(found: Mapping[tuple[str, str], Outcome]) -> str:
    """A table in Markdown."""
    lines = [
        "| set | engine | templates | genuine runs refused | people refused at least once "
        "| impostor runs accepted | pairs of people mistaken at least once |",
        "|---|---|---|---|---|---|---|",
    ]
    for (title, engine), one in found.items():
        failed = f", {len(one.not_enrolled)} failed" if one.not_enrolled else ""
        why = ", ".join(
            f"{count} {result}" for result, count in one.genuine.items() if result != Result.MATCH
        )
        lines.append(
            f"| {title} | {engine} | {one.enrolled}{failed} "
            f"| {share(one.frr)}{f' ({why})' if why else ''} "
            f"| {len(one.refused)} of {len(one.people)} | {share(one.far)} "
            f"| {len(one.mistaken)} of {len(one.pairs)} |"
        )
    return "\n".join(lines)


def as_json(found: Mapping[tuple[str, str], Outcome]) -> list[dict[str, Any]]:
    return [
        {
            "set": title,
            "engine": engine,
            "templates": one.enrolled,
            "not_enrolled": one.not_enrolled,
            "genuine": dict(one.genuine),
            "impostor": dict(one.impostor),
            "people": sorted(one.people),
            "refused_at_least_once": sorted(one.refused),
            "mistaken": [[*pair, runs] for pair, runs in one.mistaken.most_common()],
        }
        for (title, engine), one in found.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
