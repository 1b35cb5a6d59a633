# SPDX-License-Identifier: MIT
"""A face is verified with the camera that it was enrolled with, and with no other."""

from dataclasses import replace

import pytest

from faceauthd.binding import ANY_CAMERA
from faceauthd.camera.terms import PASSED_FILE_ID
from faceauthd.variants import Typed
from tests.faceauthd.frames import ALICE, GOOD
from tests.faceauthd.stage import CAMERA, CONFIG, INFO, ROOT, SELF, USER, Stage
from tests.harness.bus import PrivateBus, polkit_stand_in

ANOTHER = replace(CAMERA, id="cam-2", node="/dev/video2")


def enrolled_with(stage: Stage, camera: str) -> None:
    stage.store.add_face(
        USER, "", engine="fake", model=INFO.model, camera=camera, vectors=ALICE[None]
    )


@pytest.mark.parametrize("camera", ["cam-1", ANY_CAMERA, PASSED_FILE_ID])
def test_a_face_of_this_camera_or_of_none_is_compared(stage: Stage, camera: str) -> None:
    enrolled_with(stage, camera)
    assert stage.caller(SELF).can_verify().values()[0] == "ready"
    assert stage.result_of(GOOD, GOOD) == "match"


@pytest.mark.parametrize("camera", ["cam-2", "file:clip.mp4", "files", "CAM-1", "cam-1 "])
def test_a_face_of_another_camera_is_never_compared(stage: Stage, camera: str) -> None:
    enrolled_with(stage, camera)
    assert stage.caller(SELF).can_verify().values()[0] == "not-enrolled"
    answer = stage.caller(ROOT).verify()
    stage.scan().show(GOOD, GOOD)
    result, details = answer.values()
    assert result == "not-enrolled"
    assert "no face was enrolled with this camera (cam-1)" in details["reason"]
    assert stage.scan().stopped


def test_only_the_faces_of_this_camera_are_compared(stage: Stage) -> None:
    enrolled_with(stage, "cam-2")
    stage.enrolled(vector=-ALICE)
    assert stage.result_of(*[GOOD] * 30) == "no-match"


def test_identify_is_bound_as_well(stage: Stage) -> None:
    enrolled_with(stage, "cam-2")
    answer = stage.caller(ROOT).identify()
    stage.scan().show(GOOD, GOOD)
    assert answer.values()[:2] == ("not-enrolled", "")


def test_the_configuration_may_allow_every_camera(stage: Stage) -> None:
    enrolled_with(stage, "cam-2")
    stage.set(replace(CONFIG, verify=replace(CONFIG.verify, any_camera=True)))
    assert stage.caller(SELF).can_verify().values()[0] == "ready"
    assert stage.result_of(GOOD, GOOD) == "match"


@pytest.mark.parametrize(("options", "kept"), [({}, "cam-1"), ({"any_camera": True}, ANY_CAMERA)])
def test_enrolling_binds_unless_it_is_told_not_to(
    stage: Stage, options: dict[str, bool], kept: str
) -> None:
    typed = {key: Typed("b", value) for key, value in options.items()}
    answer = stage.caller(ROOT).enroll(USER, "", (), **typed)
    stage.scan().show(GOOD, GOOD, GOOD)
    answer.values()
    assert [face.camera for face in stage.store.faces(USER)] == [kept]


def test_another_camera_takes_what_enrolling_takes(stage: Stage, private_bus: PrivateBus) -> None:
    """Who may enrol may bind to the camera that is there now: polkit asks for the password."""
    enrolled_with(stage, "cam-2")
    with polkit_stand_in(private_bus, []):
        assert stage.caller(SELF).enroll().error() == "PermissionDenied"
    with polkit_stand_in(private_bus, ["org.faceauth.FaceAuth1.enroll"]):
        answer = stage.caller(SELF).enroll()
        stage.scan().show(GOOD, GOOD, GOOD)
        answer.values()
    assert [face.camera for face in stage.store.faces(USER)] == ["cam-2", "cam-1"]
