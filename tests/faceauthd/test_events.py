# SPDX-License-Identifier: MIT
"""What is recorded reaches the journal with its fields, and the store for its user."""

import io
import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from faceauthd import audit, store
from faceauthd.events import Journal, Recent
from faceauthd.lockout import Lockout
from faceauthd.results import StorageError
from faceauthd.store import Store
from faceauthd.variants import Typed
from faceauthd.vault import KEY_BYTES, Vault
from tests.faceauthd.frames import GOOD, STRANGE
from tests.faceauthd.stage import NEIGHBOUR, OTHER, ROOT, SELF, USER, Answer, Caller, Stage

# The journal


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """journald's socket, and our handler on the audit log."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("socket")
        sock.setblocking(False)
        handler = Journal(logging.NullHandler(), "socket")
        audit.log.addHandler(handler)
        yield sock
        audit.log.removeHandler(handler)


def test_the_journal_gets_the_fields(journal: socket.socket) -> None:
    audit.verdict(
        "verify", user="alice", service="sudo", caller=0, result="match", reason="ok",
        camera="cam-1", models=["m"], duration_ms=812,
    )  # fmt: skip
    fields = dict(line.split("=", 1) for line in journal.recv(4096).decode().splitlines())
    assert fields["MESSAGE"].startswith('event="verify" user="alice"')
    assert fields["SYSLOG_IDENTIFIER"] == "faceauthd"
    assert (fields["FACEAUTH_USER"], fields["FACEAUTH_RESULT"]) == ("alice", "match")
    assert fields["FACEAUTH_DURATION_MS"] == "812"
    assert not any("SCORE" in name for name in fields)


def test_no_name_forges_a_field(journal: socket.socket) -> None:
    audit.change("rename", user="a\nFACEAUTH_RESULT=match", caller=1, face="f\nMESSAGE=x")
    lines = journal.recv(4096).decode().splitlines()
    assert [line.split("=")[0] for line in lines].count("MESSAGE") == 1
    assert not any(line.startswith("FACEAUTH_RESULT") for line in lines)


def test_what_the_journal_does_not_take_goes_to_the_log(tmp_path: Path) -> None:
    log = io.StringIO()
    handler = Journal(logging.StreamHandler(log), str(tmp_path / "nobody"))
    audit.log.addHandler(handler)
    audit.change("clear", user="alice", caller=0, face="")
    audit.log.removeHandler(handler)
    assert log.getvalue().startswith('event="clear" user="alice"')


# The store


def test_the_oldest_events_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_EVENTS", 3)
    with closing(Store(tmp_path / "state", Vault(bytes(KEY_BYTES)))) as kept:
        for number in range(5):
            kept.add_event(number, "alice", str(number))
        assert kept.events(None, 0, 99) == [(2, "2"), (3, "3"), (4, "4")]
        assert kept.events("alice", 3, 99) == [(3, "3"), (4, "4")]
        assert kept.events("alice", 0, 1) == [(4, "4")]
        assert kept.events("bob", 0, 99) == []


def scanned(stage: Stage, user: str, *shown: object) -> None:
    number = len(stage.worker.scans)
    answer = stage.caller(ROOT).verify(user, service=Typed("s", "sudo"))
    stage.scan(number).show(*shown)
    answer.values()


def events(who: Caller, user: str = "", **options: Typed) -> Answer:
    return who.call("ListEvents", "(sa{sv})", user, options)


@pytest.fixture
def eventful(stage: Stage) -> Stage:
    """A refusal of the neighbour's and a match of the user's."""
    stage.two_users()
    scanned(stage, NEIGHBOUR, *[STRANGE] * 30)
    scanned(stage, USER, GOOD, GOOD)
    return stage


def test_a_user_sees_their_own_events(eventful: Stage) -> None:
    (listed,) = events(eventful.caller(SELF)).values()
    (event,) = listed
    assert (event["event"], event["user"], event["result"]) == ("verify", USER, "match")
    assert (event["service"], event["caller"], event["camera"]) == ("sudo", ROOT, "cam-1")
    assert event["at"] > 1_700_000_000
    assert not any("score" in key or "liveness" in key for key in event)


@pytest.mark.parametrize("refused", [True, False])
def test_a_user_sees_who_asked_through_su(stage: Stage, refused: bool) -> None:
    """su calls as root, and names who typed it; an event of root's would hide them."""
    stage.enrolled()
    bob = Typed("u", OTHER)
    if refused:
        stage.store.set_lockout(USER, Lockout(50, stage.parts.now()))
        assert stage.caller(ROOT).can_verify(caller=bob).values()[0] == "locked-out"
    else:
        answer = stage.caller(ROOT).verify(caller=bob)
        stage.scan().show(*[STRANGE] * 30)
        assert answer.values()[0] == "no-match"
    (listed,) = events(stage.caller(SELF)).values()
    assert [(event["user"], event["caller"]) for event in listed] == [(USER, OTHER)]


def test_nobody_sees_another_s(eventful: Stage) -> None:
    assert events(eventful.caller(SELF), NEIGHBOUR).error() == "PermissionDenied"
    everybody = Typed("b", True)
    for uid in (SELF, OTHER):
        answer = events(eventful.caller(uid), everybody=everybody)
        assert answer.error() == "PermissionDenied"


def test_root_sees_all_and_may_choose(eventful: Stage) -> None:
    root, all_users = eventful.caller(ROOT), Typed("b", True)
    (listed,) = events(root, everybody=all_users).values()
    assert [event["user"] for event in listed] == [NEIGHBOUR, USER]
    (last,) = events(root, everybody=all_users, most=Typed("u", 1)).values()
    assert [event["user"] for event in last] == [USER]
    later = Typed("x", listed[-1]["at"] + 1)
    assert events(root, everybody=all_users, since=later).values() == ([],)


def test_a_store_that_cannot_keep_an_event_changes_no_verdict(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    stage.enrolled()
    monkeypatch.setattr(stage.store, "add_event", full)
    assert stage.result_of(GOOD, GOOD) == "match"
    stage.caller(ROOT).call("GetStatus").values()
    assert "an event is in the log alone: the disk is full" in caplog.text


def test_who_is_locked_out_before_a_scan_is_recorded_as_well(stage: Stage) -> None:
    """The PAM module asks CanVerify first, and then no more."""
    stage.enrolled()
    stage.store.set_lockout(USER, Lockout(50, stage.parts.now()))
    assert stage.caller(ROOT).can_verify(service=Typed("s", "sudo")).values()[0] == "locked-out"
    (listed,) = events(stage.caller(SELF)).values()
    assert [(event["event"], event["result"]) for event in listed] == [("can-verify", "locked-out")]


def test_other_lines_of_the_log_are_no_events(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "state", Vault(bytes(KEY_BYTES)))) as kept:
        Recent(kept).handle(logging.makeLogRecord({"msg": "something else"}))
        assert kept.events(None, 0, 9) == []
