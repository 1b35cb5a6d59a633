# SPDX-License-Identifier: MIT
"""A policy's BPCER: thresholds follow the calibration, and only ever rise."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceauthd.config import Config, ServiceConfig, VerifyConfig
from faceauthd.messages import Ready
from faceauthd.status import warnings
from faceauthd.strictness import cues, unproven
from faceauthd.variants import Typed
from tests.faceauthd.stage import CONFIG, INFO, ROOT, SELF, USER, FakeWorker, Stage

BOUNDS = ((0.3, 0.03), (0.6, 0.05), (0.8, 0.12), (0.95, 0.4))
CALIBRATED = replace(INFO, bounds={"m": BOUNDS})
SUDO = Typed("s", "sudo")
UNSURE = {"liveness": {"m": 0.7}}  # live by the model's own threshold, not by a stricter one


@pytest.mark.parametrize(
    ("bpcer", "threshold"),
    [(0.0, 0.5), (0.02, 0.5), (0.04, 0.5), (0.05, 0.6), (0.11, 0.6), (0.12, 0.8), (0.5, 0.95)],
)
def test_the_threshold_is_the_highest_that_keeps_to_it(bpcer: float, threshold: float) -> None:
    assert cues(CALIBRATED, bpcer) == {"passive": {"m": threshold}}


def test_a_model_without_a_calibration_keeps_its_threshold() -> None:
    assert cues(INFO, 0.5) == INFO.cues


RISING = st.lists(st.floats(0, 1), max_size=6, unique=True).map(sorted)


@given(
    own=st.floats(0.001, 1),
    rising=st.tuples(RISING, RISING),
    rates=st.tuples(*[st.floats(0, 0.5)] * 2),
)
def test_no_rate_lowers_a_threshold_and_a_larger_one_never_does(
    own: float, rising: tuple[list[float], list[float]], rates: tuple[float, float]
) -> None:
    bounds = tuple(zip(*rising, strict=False))
    info = Ready("e", "m", 8, {"passive": {"m": own}}, bounds={"m": bounds})
    small, large = (cues(info, rate)["passive"]["m"] for rate in sorted(rates))
    assert own <= small <= large


def test_a_stricter_policy_refuses_whom_the_model_alone_lets_pass(stage: Stage) -> None:
    stage.worker.info = CALIBRATED
    stage.set(replace(CONFIG, services={"sudo": ServiceConfig(bpcer=0.12)}))
    stage.enrolled()
    results = []
    for number, service in enumerate((Typed("s", "other"), SUDO)):
        answer = stage.caller(ROOT).verify(service=service)
        stage.scan(number).show(*[UNSURE] * 30)
        results.append(answer.values()[0])
    assert results == ["match", "not-live"]
    assert stage.store.get_lockout(USER).failures == 1


def asking_for(bpcer: float, **services: ServiceConfig) -> Config:
    return Config(verify=VerifyConfig(bpcer=bpcer), services=services)


def test_what_cannot_be_promised_is_said_once() -> None:
    config = asking_for(0.04, sudo=ServiceConfig(bpcer=0.04), su=ServiceConfig(bpcer=0.06))
    (line,) = unproven(config, CALIBRATED)
    assert line.startswith("verify.bpcer = 0.04: the liveness model m promises no less than 0.05")
    assert "keeps its threshold" in line


def test_nothing_is_said_where_nothing_is_asked() -> None:
    assert not unproven(asking_for(0.0), INFO)
    off = ServiceConfig(liveness=(), bpcer=0.01)
    assert not unproven(asking_for(0.0, sudo=off), CALIBRATED)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [({}, "has no calibration"), ({"m": ()}, "too few live faces"), ({"m": BOUNDS[:1]}, "too few")],
)
def test_a_model_of_which_too_little_is_known_is_named(
    bounds: dict[str, tuple[tuple[float, float], ...]], words: str
) -> None:
    (line,) = unproven(asking_for(0.1), replace(INFO, bounds=bounds))
    assert words in line


def test_the_status_tells(stage: Stage) -> None:
    stage.set(asking_for(0.04))
    stage.worker.info = CALIBRATED
    (status,) = stage.caller(SELF).call("GetStatus").values()
    assert [line for line in status["warnings"] if "verify.bpcer" in line]
    worker = FakeWorker(info=CALIBRATED)
    assert not [line for line in warnings(asking_for(0.05), worker) if "bpcer" in line]
