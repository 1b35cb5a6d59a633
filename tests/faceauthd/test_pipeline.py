# SPDX-License-Identifier: MIT
"""The pipeline: frames in order, few in hand, embedded where it is due; and faults are heard of."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from faceauthd import pipeline as pipelines
from faceauthd.camera.terms import Frame
from faceauthd.pipeline import IN_HAND, Pipeline, Wishes
from models.face import Box, Face, Image
from models.observation import Observation
from models.observer import Look
from models.pose import Pose

IMAGE = np.zeros((48, 64, 3), np.uint8)
FACE = Face(Box(10, 10, 20, 20), np.zeros((5, 2), np.float32), 1.0)
BOTH = Wishes(embed=True, liveness=True)
GUARD = 30.0  # seconds: only a hang reaches this


def seen(index: int, at: float, faces: int = 1) -> Look:
    one = faces == 1
    observation = Observation(index, at, faces, 0, 90.0, (64, 48), FACE.box if one else None)
    return Look(observation, FACE if one else None)


@dataclass
class Eyes:
    """A judge that remembers what it was asked for; ``faces`` and ``lost`` are by frame."""

    faces: dict[int, int] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    looked: list[int] = field(default_factory=list)
    followed: list[int] = field(default_factory=list)
    embedded: int = 0
    once: list[bool] = field(default_factory=list)
    embedders: set[int] = field(default_factory=set)  # the threads that embedded

    def look(self, _image: Image, index: int, at: float) -> Look:
        self.looked.append(index)
        return seen(index, at, self.faces.get(index, 1))

    def follow(self, _image: Image, index: int, at: float, before: Face) -> Look | None:
        assert before is FACE
        self.followed.append(index)
        return None if index in self.lost else seen(index, at)

    def embed(self, _image: Image, face: Face, once: bool) -> NDArray[np.float32]:
        assert face is FACE
        self.once.append(once)
        self.embedders.add(threading.get_ident())
        self.embedded += 1
        return np.array([1, 0], np.float32)

    def live(self, _image: Image, _face: Face) -> dict[str, float]:
        return {"m": 0.9}

    def pose(self, _image: Image, _face: Face) -> Pose:
        raise AssertionError("nobody asked for a pose")


def film(count: int, rate: float = 30) -> Iterator[Frame]:
    for index in range(count):
        yield Frame(IMAGE, index / rate, index)


def reported(
    eyes: Eyes, count: int = 10, every: float = 0.0, rate: float = 30, wishes: Wishes = BOTH
) -> list[Observation]:
    reports: list[Observation] = []
    pipeline = Pipeline(eyes, wishes, every, lambda seen, _image: reports.append(seen))
    pipeline.run(film(count, rate))
    return reports


@pytest.mark.parametrize(
    ("faces", "waited_for"),
    [({}, [4, 8]), ({1: 2}, [6]), ({9: 0}, [4, 8])],
)
def test_what_may_be_enough_is_waited_for(faces: dict[int, int], waited_for: list[int]) -> None:
    """Behind four frames in a row with a face; what no longer waits is reported."""

    class Slow(Eyes):
        def live(self, image: Image, face: Face) -> dict[str, float]:
            time.sleep(0.02)
            return super().live(image, face)

    reports: list[Observation] = []
    all_reported: list[int] = []

    def frames() -> Iterator[Frame]:
        for frame in film(10):
            if frame.index == len(reports) > 0:
                all_reported.append(frame.index)
            yield frame

    add = lambda seen, _image: reports.append(seen)  # noqa: E731
    Pipeline(Slow(faces), BOTH, 0.0, add, enough=4).run(frames())
    assert set(waited_for) <= set(all_reported)
    assert len(reports) == 10


def test_behind_frames_that_were_enough_no_other_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipelines, "WORD", 60.0)
    another, stopped = threading.Event(), threading.Event()

    def frames() -> Iterator[Frame]:
        yield from film(4)
        if not stopped.is_set():
            another.set()

    def stop() -> None:
        another.wait(0.1)  # so that there was time for it
        stopped.set()
        pipeline.stop()

    def report(seen: Observation, _image: Image) -> None:
        if seen.index == 3:
            threading.Thread(target=stop).start()

    pipeline = Pipeline(Eyes(), BOTH, 0.0, report, enough=4)
    pipeline.run(frames())
    assert not another.is_set()


def embedded(reports: list[Observation]) -> list[int]:
    return [report.index for report in reports if report.embedding is not None]


def test_every_frame_is_reported_whole_and_in_order() -> None:
    eyes = Eyes()
    reports = reported(eyes, 50)
    assert [report.index for report in reports] == list(range(50))
    assert embedded(reports) == eyes.looked == list(range(50))
    assert all(report.liveness == {"m": 0.9} for report in reports)
    assert not eyes.followed


@pytest.mark.parametrize(
    ("rate", "frames"), [(30, [0, 3, 6, 9]), (60, [0, 6]), (10, list(range(10)))]
)
def test_a_face_is_embedded_as_often_as_the_clock_says(rate: float, frames: list[int]) -> None:
    eyes = Eyes()
    reports = reported(eyes, every=0.09, rate=rate)
    assert embedded(reports) == eyes.looked == frames
    assert all(report.liveness for report in reports), "liveness is judged in each frame"


@pytest.mark.parametrize("every", [0.0, 0.09])
def test_the_few_faces_of_one_that_is_followed_are_embedded_by_the_callers_thread(
    every: float,
) -> None:
    eyes = Eyes()
    reported(eyes, every=every)
    assert (eyes.embedders == {threading.get_ident()}) == (every > 0)
    assert len(eyes.embedders) == 1


def test_one_face_is_embedded_at_a_time() -> None:
    """Also where the face is followed from now on, while the frame before is being embedded."""
    busy = threading.Lock()

    class Slow(Eyes):
        def embed(self, image: Image, face: Face, once: bool) -> NDArray[np.float32]:
            assert busy.acquire(blocking=False), "the network is at work"
            try:
                time.sleep(0.02)
                return super().embed(image, face, once)
            finally:
                busy.release()

    def frames() -> Iterator[Frame]:
        for frame in film(20, rate=10):
            pipeline.every = 0.05 if frame.index % 2 else 0.0
            yield frame

    eyes, reports = Slow(), list[Observation]()
    pipeline = Pipeline(eyes, BOTH, 0.0, lambda seen, _image: reports.append(seen))
    pipeline.run(frames())
    assert embedded(reports) == list(range(20))
    assert len(eyes.embedders) == 2


def test_whatever_is_not_the_same_single_face_is_looked_at_and_embedded() -> None:
    eyes = Eyes(lost={2})
    assert embedded(reported(eyes, every=0.09)) == [0, 2, 5, 8]
    assert 2 in eyes.looked


def test_nothing_is_followed_from_a_frame_without_a_single_face() -> None:
    eyes = Eyes(faces={0: 2, 1: 0})
    reports = reported(eyes, every=0.09)
    assert eyes.looked[:3] == [0, 1, 2] and embedded(reports) == [2, 5, 8]
    assert not reports[0].liveness and not reports[1].liveness


def test_what_is_not_wished_for_is_left_out() -> None:
    eyes = Eyes()
    reports = reported(eyes, wishes=Wishes(embed=False, liveness=False))
    assert not eyes.embedded and not any(report.liveness for report in reports)


def test_how_often_can_be_changed_while_it_runs() -> None:
    reports: list[Observation] = []

    def report(observation: Observation, _image: Image) -> None:
        reports.append(observation)
        if observation.index == 3:
            pipeline.every = 0.0

    pipeline = Pipeline(Eyes(), BOTH, 0.09, report)
    pipeline.run(film(40))
    assert embedded(reports)[-20:] == list(range(20, 40))


def test_the_mirror_image_can_be_left_out_while_it_runs() -> None:
    reports: list[Observation] = []

    def report(observation: Observation, _image: Image) -> None:
        reports.append(observation)
        pipeline.once = 3 <= observation.index < 20

    eyes = Eyes()
    pipeline = Pipeline(eyes, BOTH, 0.0, report)
    pipeline.run(film(40))
    assert [seen.once for seen in reports] == eyes.once
    assert eyes.once[:4] == [False] * 4
    assert eyes.once[10:20] == [True] * 10 and eyes.once[-10:] == [False] * 10


def test_few_frames_are_in_hand() -> None:
    """Nothing is reported before ``free`` is set, so no more may be taken than are in hand."""
    taken: list[int] = []
    reports: list[Observation] = []
    free, waits = threading.Event(), threading.Event()

    def report(observation: Observation, _image: Image) -> None:
        waits.set()
        assert free.wait(GUARD)
        reports.append(observation)

    def frames() -> Iterator[Frame]:
        for frame in film(20):
            taken.append(frame.index)
            if frame.index > IN_HAND and not free.is_set():
                pytest.fail("a frame was taken with no room for it")
            yield frame

    pipeline = Pipeline(Eyes(), BOTH, 0.0, report)
    thread = threading.Thread(target=pipeline.run, args=[frames()])
    thread.start()
    assert waits.wait(GUARD)
    free.set()
    thread.join(GUARD)
    assert len(reports) == 20


@pytest.mark.parametrize("every", [0.0, 0.09])
@pytest.mark.parametrize("part", ["look", "embed", "live", "report"])
def test_a_fault_of_any_part_ends_it(part: str, every: float) -> None:
    eyes, fault = Eyes(), RuntimeError("a network's mistake")

    def fail(*_arguments: object) -> None:
        raise fault

    if part != "report":
        setattr(eyes, part, fail)
    report = fail if part == "report" else lambda _observation, _image: None
    with pytest.raises(RuntimeError, match="a network's mistake"):
        Pipeline(eyes, BOTH, every, report).run(film(20))


@pytest.mark.parametrize("every", [0.0, 0.09])
def test_what_was_seen_before_a_fault_is_reported(every: float) -> None:
    class Failing(Eyes):
        def live(self, image: Image, face: Face) -> dict[str, float]:
            time.sleep(0.02)
            return super().live(image, face)

        def embed(self, image: Image, face: Face, once: bool) -> NDArray[np.float32]:
            if self.embedded == 1:
                raise RuntimeError("a network's mistake")
            return super().embed(image, face, once)

    reports: list[Observation] = []
    pipeline = Pipeline(Failing(), BOTH, every, lambda seen, _image: reports.append(seen))
    with pytest.raises(RuntimeError, match="a network's mistake"):
        pipeline.run(film(20))
    at = 3 if every else 1  # where the fault is; what is behind it is nobody's business
    assert [seen.index for seen in reports[:at]] == list(range(at))
    assert at not in [seen.index for seen in reports]


def test_a_fault_while_following_ends_it() -> None:
    eyes = Eyes()

    def fail(*_arguments: object) -> None:
        raise RuntimeError("a network's mistake")

    eyes.follow = fail  # type: ignore[method-assign,assignment]
    with pytest.raises(RuntimeError, match="a network's mistake"):
        reported(eyes, every=0.09)


def test_once_stopped_nothing_more_is_waited_for() -> None:
    """What then becomes of the frames in hand is nobody's business, a fault in them neither."""
    eyes = Eyes()

    def live(_image: Image, _face: Face) -> dict[str, float]:
        stopped.wait(GUARD)
        raise RuntimeError("a network's mistake")

    eyes.live = live  # type: ignore[method-assign]
    stopped = threading.Event()

    def frames() -> Iterator[Frame]:
        yield from film(2)
        pipeline.stop()
        stopped.set()

    pipeline = Pipeline(eyes, BOTH, 0.0, lambda _observation, _image: None)
    pipeline.run(frames())
