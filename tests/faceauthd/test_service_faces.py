# SPDX-License-Identifier: MIT
"""Enroll and what is done with enrolled faces, over the bus."""

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from faceauthd import arguments
from faceauthd.authority import Action
from faceauthd.lockout import Lockout
from faceauthd.results import StorageError
from faceauthd.variants import Typed
from models.recognition.calibration import CalibrationError
from tests.faceauthd.frames import ALICE, BOB, GOOD, NOBODY
from tests.faceauthd.stage import CONFIG, INFO, NEIGHBOUR, OTHER, ROOT, SELF, USER, Stage
from tests.harness.bus import PrivateBus, polkit_stand_in
from tests.harness.watch import until


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def enrol(stage: Stage, label: str = "") -> str:
    """Enrol the user as root; the id."""
    number = len(stage.worker.scans)
    answer = stage.caller(ROOT).enroll(USER, label)
    stage.scan(number).show(GOOD, GOOD, GOOD)
    return str(answer.values()[0])


def test_a_face_is_stored_before_the_caller_hears_of_it(stage: Stage) -> None:
    face_id = enrol(stage, "with glasses")
    (face,) = stage.store.faces(USER)
    assert (face.face_id, face.label, face.camera) == (face_id, "with glasses", "cam-1")
    assert (face.engine, face.model) == ("fake", "fake-v1")
    assert np.allclose(face.vectors, ALICE)


def test_faces_without_a_label_are_counted(stage: Stage) -> None:
    enrol(stage)
    enrol(stage)
    assert [face.label for face in stage.store.faces(USER)] == ["face 1", "face 2"]


def test_progress_is_told_to_the_caller(stage: Stage) -> None:
    caller = stage.caller(ROOT)
    answer = caller.enroll()
    stage.scan().show(GOOD, NOBODY, GOOD, GOOD)
    answer.values()
    assert caller.hints[0] == ("scanning", 0.0)
    assert "look-at-camera" in [hint for hint, _ in caller.hints]
    fractions = [fraction for _, fraction in caller.hints]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(2 / 3)  # the last frame is answered, not hinted


def test_an_enrolment_starts_the_lockout_afresh(stage: Stage) -> None:
    stage.store.set_lockout(USER, Lockout(50, stage.parts.now()))
    enrol(stage)
    assert stage.store.get_lockout(USER) == Lockout()


@pytest.mark.parametrize("label", ["x" * 65, "x" * 10_000, "a\nb", "\x1b[31m", " "])
def test_wrong_labels_are_refused_before_the_scan(stage: Stage, label: str) -> None:
    face = stage.enrolled()
    assert stage.caller(ROOT).enroll(USER, label).error() == "InvalidArgument"
    answer = stage.caller(ROOT).call("RenameFace", "(sss)", USER, face, label)
    assert answer.error() == "InvalidArgument"
    assert stage.worker.scans == []


def test_a_taken_label_is_refused_before_the_scan(stage: Stage) -> None:
    enrol(stage, "me")
    assert stage.caller(ROOT).enroll(USER, "me").error() == "InvalidArgument"
    assert len(stage.worker.scans) == 1


def test_a_user_without_an_account_cannot_be_enrolled(stage: Stage) -> None:
    assert stage.caller(ROOT).enroll("no-such-user").error() == "InvalidArgument"


@pytest.mark.parametrize(
    ("why", "text", "error"),
    [
        ("missing", "no camera found", "NoCamera"),
        ("busy", "in use", "Busy"),
        ("broken", "the passed file is no video", "EnrollFailed"),
        ("error", "the worker died", "EnrollFailed"),
        ("end", "", "EnrollFailed"),
    ],
)
@pytest.mark.parametrize("opened", [True, False])
def test_a_scan_that_fails_stores_nothing(
    stage: Stage, why: str, text: str, error: str, opened: bool
) -> None:
    answer = stage.caller(ROOT).enroll()
    scan = stage.scan()
    if opened:
        scan.show(GOOD)
    scan.end(why, text)  # type: ignore[arg-type]
    assert answer.error() == error
    assert text in answer.text()
    assert stage.store.faces(USER) == []


def test_two_people_are_not_one_face(stage: Stage) -> None:
    answer = stage.caller(ROOT).enroll()
    stage.scan().show(GOOD, GOOD, *[{"embedding": BOB}] * 10)
    assert answer.error() == "EnrollFailed"
    assert stage.store.faces(USER) == []


def test_the_deadline_ends_an_enrolment(stage: Stage) -> None:
    stage.set(replace(CONFIG, enroll=replace(CONFIG.enroll, timeout=0.05)))
    answer = stage.caller(ROOT).enroll()
    stage.scan().show(GOOD)
    assert answer.error() == "EnrollFailed"


def test_the_caller_may_cancel(stage: Stage) -> None:
    caller = stage.caller(ROOT)
    answer = caller.enroll()
    stage.scan().show(GOOD, GOOD)
    caller.call("Cancel").values()
    assert answer.error() == "Cancelled"
    assert stage.scan().stopped
    assert stage.store.faces(USER) == []


def test_a_store_that_fails_is_reported(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(stage.store, "add_face", full)
    answer = stage.caller(ROOT).enroll()
    stage.scan().show(GOOD, GOOD, GOOD)
    assert answer.error() == "Storage"
    assert answer.text() == "the disk is full"


# A passed file


def test_frames_can_come_from_a_passed_file(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"frames")
    before = open_files()
    with (tmp_path / "clip").open("rb") as file:
        answer = stage.caller(ROOT).enroll(fds=[file.fileno()], source=Typed("h", 0))
        scan = stage.scan()
        assert scan.fd is not None
        assert os.pread(scan.fd, 10, 0) == b"frames"
        scan.show(GOOD, GOOD, GOOD)
        answer.values()
    stage.caller(ROOT).leave()
    until(lambda: open_files() <= before + 1)  # a caller's connection; no copy of the file


def pipe() -> int:
    reading, writing = os.pipe()
    os.close(writing)
    return reading


def write_only() -> int:
    with tempfile.NamedTemporaryFile() as file:
        return os.open(file.name, os.O_WRONLY)


@pytest.mark.parametrize(
    "make",
    [
        pipe,
        write_only,
        lambda: os.open("/", os.O_RDONLY),
        lambda: os.open("/dev/zero", os.O_RDONLY),
        lambda: os.open("/etc/passwd", os.O_PATH),
    ],
)
def test_what_is_no_readable_file_is_refused(stage: Stage, make: Callable[[], int]) -> None:
    fd = make()
    try:
        answer = stage.caller(ROOT).enroll(fds=[fd], source=Typed("h", 0))
        assert answer.error() == "InvalidArgument"
    finally:
        os.close(fd)
    assert stage.worker.scans == []


def test_the_file_of_who_may_not_enrol_is_not_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be on a file system of theirs, which makes who looks at it wait."""
    monkeypatch.setattr(arguments, "check_file", lambda _fd: 1 // 0)
    with Path("/etc/passwd").open("rb") as file:
        answer = stage.caller(OTHER).enroll(fds=[file.fileno()], source=Typed("h", 0))
    assert answer.error() == "PermissionDenied"


def test_a_file_that_nobody_else_may_look_at_is_one_clear_line(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/etc/passwd").open("rb") as file:
        call = stage.caller(ROOT).enroll

        def denied(_fd: int) -> os.stat_result:
            raise PermissionError(errno.EACCES, "Permission denied")

        with monkeypatch.context() as patch:
            patch.setattr(arguments, "os", SimpleNamespace(fstat=denied))  # as FUSE does
            answer = call(fds=[file.fileno()], source=Typed("h", 0))
            assert answer.error() == "InvalidArgument"
    assert answer.text() == "option source: Permission denied"


@pytest.mark.parametrize(
    "options",
    [{"source": Typed("s", "/etc/shadow")}, {"source": Typed("h", 3)}, {"x": Typed("h", 0)}],
)
def test_wrong_sources_are_refused(stage: Stage, options: dict[str, Typed]) -> None:
    answer = stage.caller(ROOT).call("Enroll", "(ssa{sv})", USER, "", options)
    assert answer.error() == "InvalidArgument"


# What is enrolled


def test_faces_are_listed(stage: Stage) -> None:
    new, old = stage.enrolled(), stage.enrolled(model="old-v0")
    (faces,) = stage.caller(SELF).call("ListFaces", "(s)", "").values()
    assert [face["id"] for face in faces] == [new, old]
    assert [face["usable"] for face in faces] == [True, False]
    assert faces[0].keys() == {
        *("id", "label", "engine", "model", "camera", "created", "templates", "usable")
    }


def test_they_stay_usable_while_the_next_worker_loads_the_same_model(stage: Stage) -> None:
    """As behind each scan with ``worker_fresh``."""
    stage.enrolled()
    stage.worker.state, stage.worker.info, stage.worker.former = "starting", None, INFO
    (faces,) = stage.caller(SELF).call("ListFaces", "(s)", "").values()
    assert [face["usable"] for face in faces] == [True]
    (status,) = stage.caller(SELF).call("GetStatus").values()
    assert (status["worker"], status["model"]) == ("starting", INFO.model)
    assert status["liveness"].keys() == INFO.cues.keys()
    stage.worker.former = None
    (faces,) = stage.caller(SELF).call("ListFaces", "(s)", "").values()
    assert [face["usable"] for face in faces] == [False]


def test_faces_are_renamed_removed_and_cleared(stage: Stage) -> None:
    first, second, _ = stage.enrolled(), stage.enrolled(), stage.enrolled()
    root = stage.caller(ROOT)
    root.call("RenameFace", "(sss)", USER, first, "me").values()
    root.call("RemoveFace", "(ss)", USER, second).values()
    assert [face.label for face in stage.store.faces(USER)] == ["me", "face 3"]
    assert root.call("ClearFaces", "(s)", USER).values() == (2,)
    assert root.call("ClearFaces", "(s)", USER).values() == (0,)


def test_the_neighbour_s_face_is_not_one_s_own(stage: Stage, private_bus: PrivateBus) -> None:
    stage.enrolled(USER)
    theirs = stage.enrolled(NEIGHBOUR, BOB)
    with polkit_stand_in(private_bus, [Action.ENROLL]):
        renamed = stage.caller(SELF).call("RenameFace", "(sss)", USER, theirs, "mine")
        assert renamed.error() == "NotEnrolled"
        removed = stage.caller(SELF).call("RemoveFace", "(ss)", USER, theirs)
        assert removed.error() == "NotEnrolled"
    assert [face.label for face in stage.store.faces(NEIGHBOUR)] == ["face 1"]


def too_fine(_model: str, fmr: float) -> float:
    """A calibration that supports the default rate for two templates, and no finer one."""
    if fmr < 5e-5:
        raise CalibrationError(f"nobody has measured {fmr:.2g}")
    return 0.9


def test_more_faces_than_the_calibration_bears_are_refused(stage: Stage) -> None:
    stage.parts.threshold = too_fine
    stage.enrolled()
    stage.enrolled()
    answer = stage.caller(ROOT).call("Enroll", "(ssa{sv})", USER, "", {})
    assert answer.error() == "InvalidArgument"
    assert "cannot have 3 faces" in answer.text()
    assert not stage.worker.scans


def test_so_are_they_where_the_models_were_not_loaded_yet(stage: Stage) -> None:
    stage.parts.threshold = too_fine
    stage.enrolled()
    stage.enrolled()
    loaded, stage.worker.info = stage.worker.info, None
    answer = stage.caller(ROOT).call("Enroll", "(ssa{sv})", USER, "", {})
    scan = stage.scan()
    stage.worker.info = loaded
    scan.open()
    assert answer.error() == "EnrollFailed"
    assert "cannot have 3 faces" in answer.text()
    assert len(stage.store.faces(USER)) == 2


def test_an_fmr_that_nobody_measured_is_warned_of(stage: Stage) -> None:
    stage.parts.threshold = too_fine
    warnings = stage.caller(ROOT).call("GetStatus").values()[0]["warnings"]
    assert not any("too small" in line for line in warnings)
    stage.parts.config = replace(
        stage.parts.config, verify=replace(stage.parts.config.verify, fmr=1e-9)
    )
    warnings = stage.caller(ROOT).call("GetStatus").values()[0]["warnings"]
    assert any("too small" in line and "1e-09" in line for line in warnings)
