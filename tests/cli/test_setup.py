# SPDX-License-Identifier: MIT
"""setup: each step, what ends it early, and that PAM is left alone until a face was recognised."""

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli import looking, questions, sights
from cli.exits import Exit
from cli.sights import Sight, best
from faceauthd.camera.terms import CameraError
from faceauthd.config import CameraConfig
from faceauthd.results import EnrollFailedError
from models.face import Image
from tests.cli.conftest import FACE, Run, one_line
from tests.cli.scratch_pam import FILES, LINE, MODULE, SUDO
from tests.cli.test_status import CAMERA

MATCH = ("match", {"reason": "", "milliseconds": 430, "frames": 10})
REFUSED = ("no-match", {"reason": "it is somebody else", "milliseconds": 430, "frames": 10})


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many faces each camera sees, by its id; one that is not named gives no picture."""
    faces: dict[str, int] = {"usb-Camera": 1}

    class Detector:
        def detect(self, image: Image) -> list[int]:
            return [0] * int(image[0, 0, 1])

    class Loaded:
        detector = Detector()

    def look(camera: CameraConfig) -> Image:
        if camera.device not in faces:
            raise CameraError("busy", "another program has it")
        return np.full((48, 64, 3), (120, faces[camera.device], 120), np.uint8)

    monkeypatch.setattr(sights, "look", look)
    monkeypatch.setattr("models.engine.load_engine", lambda *_: Loaded())
    return faces


@pytest.fixture
def setup(system: Path, cameras: dict[str, int], daemon: Any, faceauth: Run, tmp_path: Path) -> Run:
    """``setup("--yes")`` for alice, who is not enrolled yet, on a system with one camera."""
    daemon.list_cameras.return_value = [CAMERA]
    daemon.list_faces.return_value = []
    daemon.enroll.return_value = "8d2f0a11"
    daemon.verify.return_value = MATCH
    (tmp_path / "config.toml").touch()
    places = ("--file", str(tmp_path / "config.toml"), "--root", str(tmp_path))
    return partial(faceauth, "setup", "alice", *places, "--module", str(MODULE))


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``type_in("", "y")``: a person at a terminal gives these answers, line by line."""

    def type_in(*lines: str) -> None:
        monkeypatch.setattr(questions, "has_terminal", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type_in


def unchanged(system: Path) -> bool:
    return all((system / name).read_text() == text for name, text in FILES.items())


def test_yes_changes_no_service_that_was_not_named(system: Path, setup: Run, daemon: Any) -> None:
    outcome = setup("--yes")
    assert outcome.status == Exit.DONE
    assert "password works everywhere" in outcome.out
    assert "recognised, in 0.4 s" in outcome.err
    daemon.enroll.assert_called_once()
    assert unchanged(system)


def test_yes_with_a_service(system: Path, setup: Run) -> None:
    outcome = setup("--yes", "--service", "sudo", "--json")
    assert outcome.status == Exit.DONE
    assert json.loads(outcome.out) == {
        "user": "alice",
        "camera": "usb-Camera",
        "enrolled": "8d2f0a11",
        "result": "match",
        "services": ["sudo"],
    }
    assert (system / "sudo").read_text() == SUDO.replace("@include", LINE + "@include")


def test_a_person_is_asked_before_each_change(
    system: Path, setup: Run, type_in: Callable[..., None], daemon: Any
) -> None:
    # Enter to be enrolled, Enter to be tried; sudo by default; none of the others.
    type_in("", "", "", *["n"] * 10)
    outcome = setup()
    assert outcome.status == Exit.DONE
    assert "sudo: enabled" in outcome.out
    assert (system / "su").read_text() == FILES["su"]
    assert [name for name, text in FILES.items() if (system / name).read_text() != text] == ["sudo"]


def test_a_stack_that_cannot_be_changed_safely_is_said_and_left(
    system: Path, setup: Run, type_in: Callable[..., None]
) -> None:
    type_in("", "", *["y"] * 10)  # lightdm's stack lets anyone in, su-l is only an include
    outcome = setup()
    assert outcome.status == Exit.DONE
    assert "it stays as it is" in outcome.err
    assert (system / "lightdm").read_text() == FILES["lightdm"]
    assert LINE in (system / "su").read_text()


@pytest.mark.parametrize(
    ("answers", "scans"), [(["", "", "n"], 1), (["", "", "y", "", "y", ""], 3)]
)
def test_a_face_that_is_not_recognised_changes_no_service(
    answers: list[str],
    scans: int,
    system: Path,
    setup: Run,
    type_in: Callable[..., None],
    daemon: Any,
) -> None:
    daemon.verify.return_value = REFUSED
    type_in(*answers)
    outcome = setup("--service", "sudo")
    assert outcome.status == Exit.NO
    assert "no PAM service was changed" in outcome.err
    assert daemon.verify.call_count == scans
    assert unchanged(system)


def test_a_refused_face_may_try_again(
    setup: Run, type_in: Callable[..., None], daemon: Any
) -> None:
    daemon.verify.side_effect = [REFUSED, MATCH]
    type_in("", "", "y", "", *["n"] * 10)
    assert setup().status == Exit.DONE


def test_who_is_enrolled_is_not_enrolled_again_unasked(setup: Run, daemon: Any) -> None:
    daemon.list_faces.return_value = [FACE]
    assert setup("--yes").status == Exit.DONE
    daemon.enroll.assert_not_called()


def test_who_wants_another_face_gets_one(
    setup: Run, type_in: Callable[..., None], daemon: Any
) -> None:
    daemon.list_faces.return_value = [FACE]
    type_in("y", "", "", *["n"] * 10)
    assert setup().status == Exit.DONE
    user, *label = daemon.enroll.call_args.args
    assert (user, label) == ("alice", []), "a label of our own would be taken the second time"


def test_no_face_counts_as_unusable_while_models_load(setup: Run, daemon: Any) -> None:
    states = ["starting", "starting", "ready"]
    daemon.get_status.side_effect = lambda: {"worker": states.pop(0)}
    daemon.list_faces.side_effect = lambda _: [{**FACE, "usable": not states}]
    assert setup("--yes").status == Exit.DONE
    daemon.enroll.assert_not_called()


def test_an_enrolment_that_fails_ends_it(system: Path, setup: Run, daemon: Any) -> None:
    daemon.enroll.side_effect = EnrollFailedError("no face was seen")
    outcome = setup("--yes", "--service", "sudo")
    assert outcome.status == Exit.NO
    assert outcome.err.endswith("faceauth: no face was seen\n")
    daemon.verify.assert_not_called()
    assert unchanged(system)


def test_the_camera_that_sees_the_person_is_configured(
    setup: Run, cameras: dict[str, int], daemon: Any, tmp_path: Path
) -> None:
    cameras |= {"blind": 0, "crowd": 2, "desk": 1}
    names = ("busy", "blind", "crowd", "desk")
    daemon.list_cameras.return_value = [{**CAMERA, "id": name, "name": name} for name in names]
    outcome = setup("--yes")
    assert outcome.status == Exit.DONE
    assert "camera 1: busy: another program has it" in outcome.err
    assert "camera 3: crowd: light enough (mean brightness 81 of 255), 2 faces" in outcome.err
    assert 'device = "desk"' in (tmp_path / "config.toml").read_text()
    daemon.reload.assert_called_once()


def test_a_person_may_choose_another_camera(
    setup: Run, cameras: dict[str, int], daemon: Any, type_in: Callable[..., None], tmp_path: Path
) -> None:
    cameras["desk"] = 1
    names = ("desk", "usb-Camera")
    daemon.list_cameras.return_value = [{**CAMERA, "id": name, "name": name} for name in names]
    type_in("2", "", "", *["n"] * 10)
    assert setup().status == Exit.DONE
    assert 'device = "usb-Camera"' in (tmp_path / "config.toml").read_text()


def test_of_a_list_of_cameras_the_chosen_one_becomes_the_first(
    setup: Run, cameras: dict[str, int], daemon: Any, type_in: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text('[camera]\ndevice = ["dock", "gone", "usb-Camera"]\n')
    cameras["dock"] = 1
    names = ("dock", "usb-Camera")
    daemon.list_cameras.return_value = [{**CAMERA, "id": name, "name": name} for name in names]
    type_in("2", "", "", *["n"] * 10)
    assert setup().status == Exit.DONE
    written = (tmp_path / "config.toml").read_text()
    assert 'device = ["usb-Camera", "dock", "gone"]' in written


def test_nobody_in_view_ends_it_before_anything_changed(
    setup: Run, cameras: dict[str, int], daemon: Any
) -> None:
    cameras["usb-Camera"] = 0
    outcome = setup("--yes")
    assert outcome.status == Exit.UNAVAILABLE
    assert "sit in front of the camera" in outcome.err
    daemon.enroll.assert_not_called()


def test_no_camera(setup: Run, daemon: Any) -> None:
    daemon.list_cameras.return_value = [{**CAMERA, "usable": False, "reason": "virtual"}]
    outcome = setup("--yes")
    assert outcome.status == Exit.UNAVAILABLE
    assert "no usable camera" in one_line(outcome)


def test_nobody_to_ask(setup: Run) -> None:
    outcome = setup()
    assert outcome.status == Exit.USAGE
    assert "--yes" in outcome.err


def test_an_unknown_service_is_refused_first(setup: Run, daemon: Any) -> None:
    outcome = setup("--yes", "--service", "sshd")
    assert outcome.status == Exit.USAGE
    assert "sshd" in one_line(outcome)
    daemon.enroll.assert_not_called()


def test_best_camera_is_of_colours_and_in_the_light() -> None:
    infrared = Sight("a", "a", infrared=True, light=90, faces=1)
    dark = Sight("b", "b", infrared=False, light=10, faces=1)
    bright = Sight("c", "c", infrared=False, light=90, faces=1)
    assert best([infrared, dark, bright], 30) == bright
    assert best([infrared, dark], 30) == infrared


def test_looking_gives_a_settled_picture_or_the_reason(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="there is no"):
        looking.look(CameraConfig(device=str(tmp_path / "none")))
    assert looking.brightness(np.full((4, 4, 3), 7, np.uint8)) == 7
