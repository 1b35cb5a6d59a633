# SPDX-License-Identifier: MIT
"""One frame, stage by stage, as the worker and the session treat it; in one thread each."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from faceauthd.camera import open_source
from faceauthd.camera.terms import Frame
from faceauthd.config import CameraConfig, Config
from faceauthd.pipeline import Pipeline, Wishes
from faceauthd.policy import for_service
from faceauthd.sessions import Template, VerifySession
from faceauthd.sessions.follow import EVERY
from models.engine import Engine, load_engine
from models.face import Face, Image
from models.liveness.passive import PassiveModel, load_passive_models
from models.observation import Observation
from models.observer import Observer
from tests.bench.times import Figures, stopwatch
from tests.harness import clips

ONCE = "embedding, without the mirror image"
FRAMES = 60  # that a stage is measured on, in each round
ROUNDS = 5
OPENINGS = 20


def stages(engine_name: str, models_dir: Path, clip: Path) -> Figures:
    """Milliseconds: of each stage the median, in the best of some rounds.

    A processor that others share, as a virtual one's, is a quarter slower for seconds at a time.
    """
    engine = load_engine(engine_name, models_dir)
    passive = load_passive_models(models_dir)
    images = list(islice(clips.frames(clip), FRAMES))
    rounds = [one_by_one(engine, passive, images) for _ in range(ROUNDS)]
    found = opening(clip) | {stage: min(each[stage] for each in rounds) for stage in rounds[0]}
    observer = Observer(engine, passive, Config().verify.min_face)
    observations: list[Observation] = []
    # Twice, since what runs first also fills the caches.
    for every in (0.0, EVERY) * 2:
        start = time.perf_counter()
        observations = piped(observer, images, every)
        found[THROUGHPUT[every]] = len(images) / (time.perf_counter() - start)
    return found | deciding(observations)


THROUGHPUT = {0.0: "frames a second, each recognised", EVERY: "frames a second, followed"}


def opening(clip: Path) -> Figures:
    """Opening the clip as a camera, and its first picture."""
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(OPENINGS):
        with stopwatch(times["camera open"]):
            source = open_source(CameraConfig(device=str(clip), paced=False))
        with stopwatch(times["first frame"]):
            next(source.frames())
        source.close()
    return medians(times)


def one_by_one(engine: Engine, passive: Sequence[PassiveModel], images: Sequence[Image]) -> Figures:
    times: dict[str, list[float]] = defaultdict(list)
    before: Face | None = None
    for image in images:
        with stopwatch(times["detection and landmarks"]):
            faces = engine.detect(image)
        if len(faces) != 1:
            before = None
            continue
        (face,) = faces
        if before is not None:
            with stopwatch(times["following"]):
                engine.follow(image, before)
        before = face
        with stopwatch(times["of it landmarks"]):
            landmarks(engine, image, face)
        with stopwatch(times["embedding"]):
            engine.embed(image, face)
        with stopwatch(times[ONCE]):
            engine.embed(image, face, once=True)
        for model in passive:
            with stopwatch(times[f"liveness ({model.id})"]):
                model.score(image, face)
    return medians(times)


def landmarks(engine: Engine, image: Image, face: Face) -> None:
    """The part of detection that places the landmarks; the detectors keep it to themselves."""
    detector: Any = engine.detector
    if hasattr(detector, "_look_again"):
        detector._look_again(image, face.box)
    else:
        import cv2
        import dlib

        box = face.box
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        edges = (box.x, box.y, box.x + box.width - 1, box.y + box.height - 1)
        detector._predict(grey, dlib.rectangle(*map(round, edges)))


def piped(observer: Observer, images: Sequence[Image], every: float) -> list[Observation]:
    """What the pipeline reports of these frames, as of a camera with 30 a second."""
    frames: Iterator[Frame] = (
        Frame(image, index / clips.FPS, index) for index, image in enumerate(images)
    )
    seen: list[Observation] = []
    wishes = Wishes(embed=True, liveness=True)
    Pipeline(observer, wishes, every, lambda observation, *_: seen.append(observation)).run(frames)
    return seen


def deciding(observations: Sequence[Observation]) -> Figures:
    """One frame in a session; a new session begins where one has decided."""
    vectors = [one.embedding for one in observations if one.embedding is not None]
    if not vectors:
        return {}
    template = Template("1", "alice", "", vectors[0][None])
    policy = replace(for_service(Config(), ""), liveness=())
    session = VerifySession(policy, [template], 0.4, {}, 0.5)
    times: list[float] = []
    for observation in observations:
        with stopwatch(times):
            verdict = session.feed(observation)
        if verdict is not None:
            session = VerifySession(policy, [template], 0.4, {}, 0.5)
    return {"deciding": median(times)}


def medians(times: dict[str, list[float]]) -> Figures:
    return {stage: median(values) for stage, values in times.items()}
