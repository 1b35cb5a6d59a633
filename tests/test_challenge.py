# SPDX-License-Identifier: MIT
"""A challenge from the pixels to the verdict: who does what is asked gets in, and no other clip."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceauthd.config import Config
from faceauthd.policy import for_service
from faceauthd.results import Result
from faceauthd.sessions import ChallengeSession, Gesture, Template, VerifySession
from models.engine import load_engine
from models.face import Image
from models.observation import Observation
from models.observer import Observer
from models.poser import load_poser
from models.recognition.calibration import calibration_for
from pam_module.contract import GESTURES
from tests.harness.clips import write
from tests.harness.data import SHARED, needs
from tests.harness.gestures import RATE, enrolling, performed
from tests.harness.rig import Rig

pytestmark = [needs("video"), needs("models")]

# Seconds enough for a machine that is busy; the frames come as fast as they are judged.
ASKING = """
[camera]
paced = false
[lockout]
attempts = 20
[verify]
challenge_timeout = 15
[service.sudo]
confirm = "none"
liveness = ["passive", "challenge"]
"""
TRIES = 60  # one in four succeeds: none of them does once in 3e7 times
FRESH = 10  # tries, and then a lockout would be near


@pytest.fixture(scope="module")
def observer() -> Observer:
    engine = load_engine("mobilefacenet", SHARED / "models")
    return Observer(engine, [], 60, load_poser(engine.name, SHARED / "models"))


def observed(observer: Observer, images: list[Image]) -> Iterator[Observation]:
    """What the worker would say of these images, one after the other."""
    for index, image in enumerate(images):
        look = observer.look(image, index, index / RATE)
        assert look.face is not None
        yield replace(
            look.observation,
            embedding=observer.embed(image, look.face),
            pose=observer.pose(image, look.face),
        )


@pytest.mark.parametrize("shown", list(Gesture))
def test_each_clip_passes_the_challenge_that_it_shows_and_no_other(
    shown: Gesture, observer: Observer
) -> None:
    """Without liveness models, for one of the clips is an edited portrait."""
    known = np.array([one.embedding for one in observed(observer, enrolling(shown)[::3])])
    mean = known.mean(axis=0)
    template = Template("1", "alice", "", (mean / np.linalg.norm(mean))[np.newaxis])
    threshold = calibration_for("mobilefacenet-v1").threshold(1e-4)
    policy = replace(for_service(Config(), ""), liveness=())
    frames = list(observed(observer, performed(shown)))

    def result(asked: Gesture) -> Result:
        session = ChallengeSession(
            lambda: VerifySession(policy, [template], threshold, {}),
            *(policy, [template], threshold, [asked]),
        )
        for frame in frames:
            session.feed(frame)
        return session.expire().result

    assert {asked: result(asked) for asked in Gesture} == {
        asked: Result.MATCH if asked is shown else Result.NOT_LIVE for asked in Gesture
    }


def test_through_pam_a_clip_gets_in_when_it_is_asked_for_what_it_shows(tmp_path: Path) -> None:
    """And is told what to do each time. What is asked cannot be chosen, so it tries until then."""
    enrol = write(tmp_path / "enrol.avi", enrolling(Gesture.TURN_LEFT), RATE)
    camera = write(tmp_path / "camera.avi", performed(Gesture.TURN_LEFT), RATE)
    with Rig(camera, config=ASKING) as rig:
        seen = set()
        for number in range(TRIES):
            if number % FRESH == 0:
                with rig.client() as daemon:
                    daemon.clear_faces("alice")
                rig.enrol("alice", enrol)
            answer = rig.pam("sudo", "alice")
            asked = [gesture for gesture, text in GESTURES.items() if text in answer.output]
            assert len(asked) == 1, answer
            match = asked == [Gesture.TURN_LEFT]
            assert answer.code == ("SUCCESS" if match else "AUTH_ERR"), answer
            assert rig.last_result() == ("match" if match else "not-live")
            seen.add(match)
            if seen == {True, False}:
                return
    pytest.fail(f"in {TRIES} tries it was {'always' if True in seen else 'never'} asked for that")
