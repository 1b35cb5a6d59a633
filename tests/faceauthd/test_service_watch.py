# SPDX-License-Identifier: MIT
"""Watch over the bus: frames to root alone, nobody let in, nothing counted."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from faceauthd.lockout import Lockout
from faceauthd.variants import Typed
from tests.faceauthd.frames import GOOD, NOBODY, NOT_LIVE, SEVERAL, STRANGE, frames
from tests.faceauthd.stage import NEIGHBOUR, OTHER, ROOT, SELF, USER, Caller, Stage, run_until

HANDLE = Typed("h", 0)


def seen(who: Caller, count: int) -> list[dict[str, Any]]:
    """The frames that were shown, once there are so many."""
    run_until(lambda: len(who.frames) >= count)
    return who.frames


def test_root_sees_what_a_scan_sees(stage: Stage) -> None:
    stage.enrolled()
    root = stage.caller(ROOT)
    answer = root.watch()
    stage.scan().show(GOOD, GOOD, STRANGE, NOBODY, NOT_LIVE)
    first, second, strange, nobody, not_live = seen(root, 5)
    assert (first["index"], first["faces"], first["size"]) == (0, 1, [640, 480])
    assert first["box"] == [200, 150, 100, 120]
    assert (first["user"], first["score"]) == (USER, pytest.approx(1.0))
    assert first["threshold"] == pytest.approx(0.9)
    assert (first["liveness"], first["liveness_needed"]) == ({"m": 0.9}, {"m": 0.5})
    assert (first["in_a_row"], first["needed"], "result" in first) == (1, 2, False)
    assert (second["in_a_row"], second["result"]) == (2, "match")
    assert (strange["in_a_row"], strange["score"]) == (0, pytest.approx(0.0))
    assert (nobody["faces"], nobody["hint"], "box" in nobody) == (0, "look-at-camera", False)
    assert not_live["liveness"] == {"m": 0.1}
    assert answer.open, "it goes on"


def test_scan_follows_scan(stage: Stage) -> None:
    stage.enrolled()
    root = stage.caller(ROOT)
    root.watch()
    stage.scan().show(*[GOOD] * 4, *[STRANGE] * 40)
    results = [frame["result"] for frame in seen(root, 44) if "result" in frame]
    assert results == ["match", "match", "no-match", "no-match"]


@pytest.mark.parametrize("uid", [SELF, OTHER])
def test_nobody_else_sees_it(stage: Stage, uid: int) -> None:
    stage.enrolled()
    root, other = stage.caller(ROOT), stage.caller(uid)
    assert other.watch().error() == "PermissionDenied"
    assert other.watch("").error() == "PermissionDenied"
    root.watch()
    stage.scan().show(GOOD, GOOD)
    seen(root, 2)
    other.call("GetStatus").values()
    assert (other.frames, other.hints) == ([], [])
    assert len(stage.worker.scans) == 1


def test_nobody_is_let_in_and_no_refusal_is_counted(stage: Stage) -> None:
    stage.enrolled()
    before = Lockout().refused(stage.parts.now())
    stage.store.set_lockout(USER, before)
    root = stage.caller(ROOT)
    answer = root.watch()
    stage.scan().show(*[GOOD] * 10, *[STRANGE] * 100, *[NOT_LIVE] * 100)
    seen(root, 210)
    root.call("Cancel").values()
    assert answer.values() == (210,)
    assert stage.store.get_lockout(USER) == before


def test_who_is_locked_out_can_be_shown_why(stage: Stage) -> None:
    stage.enrolled()
    lockout = Lockout()
    for _ in range(60):
        lockout = lockout.refused(stage.parts.now())
    stage.store.set_lockout(USER, lockout)
    root = stage.caller(ROOT)
    root.watch()
    stage.scan().show(GOOD, GOOD)
    assert seen(root, 2)[1]["result"] == "match"
    root.call("Cancel").values()
    assert root.verify().values()[0] == "locked-out"


def test_of_all_users_the_most_similar_is_named(stage: Stage) -> None:
    stage.two_users()
    root = stage.caller(ROOT)
    root.watch("")
    stage.scan().show(GOOD, GOOD)
    assert [frame["user"] for frame in seen(root, 2)] == [USER, USER]


def test_of_one_user_nobody_else_is(stage: Stage) -> None:
    stage.two_users()
    root = stage.caller(ROOT)
    root.watch(NEIGHBOUR)
    stage.scan().show(GOOD, GOOD)
    frames = seen(root, 2)
    assert [(frame["user"], frame["score"]) for frame in frames] == [(NEIGHBOUR, 0.0)] * 2


def test_without_anybody_enrolled_there_is_no_score(stage: Stage) -> None:
    root = stage.caller(ROOT)
    root.watch()
    stage.scan().show(GOOD, SEVERAL)
    first, second = seen(root, 2)
    assert "score" not in first
    assert first["liveness"] == {"m": 0.9}
    assert (second["faces"], "result" in second) == (2, False)


def test_it_ends_with_a_file(stage: Stage, tmp_path: Path) -> None:
    stage.enrolled()
    file = tmp_path / "clip"
    file.write_bytes(b"film")
    root = stage.caller(ROOT)
    with file.open("rb") as clip:
        answer = root.watch(fds=[clip.fileno()], source=HANDLE)
        scan = stage.scan()
    assert scan.fd is not None
    scan.show(GOOD, GOOD, GOOD)
    scan.end("end", "")
    assert answer.values() == (3,)


def test_a_file_is_compared_with_the_faces_of_every_camera(stage: Stage, tmp_path: Path) -> None:
    stage.enrolled()  # at cam-1
    (tmp_path / "clip").write_bytes(b"film")
    root = stage.caller(ROOT)
    with (tmp_path / "clip").open("rb") as clip:
        root.watch(fds=[clip.fileno()], source=HANDLE)
        scan = stage.scan()
    scan.on_opened("file", "the passed file")
    for observation in frames([GOOD, GOOD]):
        scan.on_frame(observation)
    assert seen(root, 2)[1]["result"] == "match"


def test_another_camera_than_the_face_s_has_nobody_to_compare_with(stage: Stage) -> None:
    stage.enrolled()  # at cam-1
    root = stage.caller(ROOT)
    root.watch()
    scan = stage.scan()
    scan.on_opened("cam-2", "Another camera")
    scan.on_frame(frames([GOOD])[0])
    assert "score" not in seen(root, 1)[0]


def test_the_caller_who_leaves_ends_it(stage: Stage) -> None:
    stage.enrolled()
    root = stage.caller(ROOT)
    root.watch()
    scan = stage.scan()
    scan.show(GOOD)
    root.leave()
    run_until(lambda: scan.stopped)


def test_only_one_at_a_time(stage: Stage) -> None:
    stage.enrolled()
    root = stage.caller(ROOT)
    root.watch()
    stage.scan()
    assert stage.caller(ROOT).verify().values()[0] == "busy"
    assert stage.caller(ROOT).watch().error() == "Busy"


def test_a_camera_that_is_not_there_is_one_line(stage: Stage) -> None:
    answer = stage.caller(ROOT).watch()
    stage.scan().end("missing", "there is no camera")
    assert (answer.error(), answer.text()) == ("NoCamera", "there is no camera")


# The socket for pictures


def test_pictures_go_to_the_caller_s_socket(stage: Stage) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        stage.caller(ROOT).watch(fds=[theirs.fileno()], pictures=HANDLE)
        scan = stage.scan()
        scan.open()
        assert scan.pictures == 1


def test_without_a_socket_there_are_no_pictures(stage: Stage) -> None:
    stage.caller(ROOT).watch()
    scan = stage.scan()
    scan.open()
    assert scan.pictures == 0


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_another_socket_is_refused(stage: Stage, kind: socket.SocketKind) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with ours, theirs:
        answer = stage.caller(ROOT).watch(fds=[theirs.fileno()], pictures=HANDLE)
        assert answer.error() == "InvalidArgument"


def test_no_socket_at_all_is_refused(stage: Stage) -> None:
    reading, writing = os.pipe()
    answer = stage.caller(ROOT).watch(fds=[writing], pictures=HANDLE)
    assert answer.error() == "InvalidArgument"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    "options",
    [
        {"source": HANDLE, "pictures": HANDLE},
        {"source": HANDLE},  # and no descriptor
        {"pictures": Typed("s", "x")},
        {"caller": Typed("u", 7)},
    ],
)
def test_wrong_options_are_refused(stage: Stage, options: dict[str, Typed]) -> None:
    answer = stage.caller(ROOT).call("Watch", "(sa{sv})", USER, options)
    assert answer.error() == "InvalidArgument"
    assert stage.worker.scans == []


@pytest.mark.parametrize("user", ["no\nname", "x" * 400])
def test_a_name_that_is_none_is_refused(stage: Stage, user: str) -> None:
    assert stage.caller(ROOT).watch(user).error() == "InvalidArgument"
