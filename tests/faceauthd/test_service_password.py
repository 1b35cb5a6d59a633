# SPDX-License-Identifier: MIT
"""What a password login changes, who may tell of one, and whose refusals count against whom."""

from dataclasses import replace
from typing import Any

import pytest

from faceauthd.config import LockoutConfig
from faceauthd.lockout import Lockout, Moment
from faceauthd.results import StorageError
from faceauthd.store import OWN
from faceauthd.strong_auth import HOUR
from faceauthd.variants import Typed
from tests.faceauthd.frames import GOOD, STRANGE
from tests.faceauthd.stage import (
    CONFIG,
    NEIGHBOUR,
    OTHER,
    ROOT,
    SELF,
    USER,
    Answer,
    Caller,
    Stage,
)
from tests.harness.bus import PrivateBus, polkit_stand_in

STRICT = replace(CONFIG, lockout=LockoutConfig(attempts=2, first_wait=30))
SHOWN = [STRANGE] * 30


def refused(stage: Stage, who: Caller, **options: Typed) -> str:
    """One scan of USER in which a stranger was judged."""
    number = len(stage.worker.scans)
    answer = who.verify(USER, **options)
    stage.scan(number).show(*SHOWN)
    return str(answer.values()[0])


def result(answer: Answer) -> str:
    return str(answer.values()[0])


# Strong authentication


def test_a_password_opens_the_way_for_a_face_until_the_next_start(stage: Stage) -> None:
    stage.set(replace(CONFIG, verify=replace(CONFIG.verify, after_boot=True)))
    stage.enrolled()
    root = stage.caller(ROOT)
    assert result(root.verify()) == "strong-auth-required"
    assert stage.worker.scans == []
    assert root.password_given(service=Typed("s", "login")).values() == ()
    assert stage.result_of(GOOD, GOOD) == "match"
    stage.parts.now = lambda: Moment("next boot", 5.0)
    assert result(root.verify()) == "strong-auth-required"


def test_a_password_grows_old(stage: Stage) -> None:
    stage.set(replace(CONFIG, verify=replace(CONFIG.verify, max_age=8.0)))
    stage.enrolled()
    root = stage.caller(ROOT)
    root.password_given().values()
    assert stage.result_of(GOOD, GOOD) == "match"
    stage.clock += 8 * HOUR
    assert result(root.verify()) == "strong-auth-required"


def test_a_face_is_no_password(stage: Stage) -> None:
    stage.enrolled()
    assert stage.result_of(GOOD, GOOD) == "match"
    assert stage.store.last_password(USER) is None


@pytest.mark.parametrize("uid", [SELF, OTHER])
def test_only_root_may_tell_of_a_password(stage: Stage, private_bus: PrivateBus, uid: int) -> None:
    """Whatever polkit says: a user's own program could tell of one that nobody typed."""
    actions = ("verify", "enroll", "manage")
    with polkit_stand_in(private_bus, [f"org.faceauth.FaceAuth1.{name}" for name in actions]):
        assert stage.caller(uid).password_given().error() == "PermissionDenied"
    assert stage.store.last_password(USER) is None


def test_a_password_that_cannot_be_recorded_is_an_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(user: str, when: Moment) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(stage.store, "password_given", full)
    assert stage.caller(ROOT).password_given().error() == "Storage"


# Lockout


def test_after_fifty_refusals_a_face_is_off_until_a_password(stage: Stage) -> None:
    stage.enrolled()
    stage.store.set_lockout(USER, Lockout(49, stage.parts.now()))
    stage.clock += 1e6
    root = stage.caller(ROOT)
    assert refused(stage, root) == "no-match"
    stage.clock += 1e9
    assert result(root.verify()) == "locked-out"
    root.password_given().values()
    assert stage.result_of(GOOD, GOOD) == "match"


def fill_the_disk(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored any more; a deletion of nothing does not write, and so succeeds."""
    rows = stage.store._database.rows

    def full(sql: str, *values: object) -> Any:
        if sql.startswith(("REPLACE", "INSERT")):
            raise StorageError("the disk is full")
        return rows(sql, *values)

    monkeypatch.setattr(stage.store._database, "rows", full)


def test_refusals_count_also_where_the_disk_does_not_take_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever can fill it could show photographs without end."""
    stage.set(STRICT)
    stage.enrolled()
    root = stage.caller(ROOT)
    with monkeypatch.context() as patch:
        fill_the_disk(stage, patch)
        assert [refused(stage, root) for _ in range(2)] == ["error", "error"]
        assert result(root.verify()) == "locked-out"
    assert result(root.verify()) == "locked-out"
    stage.clock += 30
    assert refused(stage, root) == "no-match"
    assert stage.store.get_lockout(USER) == Lockout(3, stage.parts.now())
    stage.clock += 60
    assert stage.result_of(GOOD, GOOD) == "match"
    assert stage.store.get_lockout(USER) == Lockout()


@pytest.mark.parametrize("way", ["password_given", "clear_lockouts"])
def test_what_ends_a_lockout_ends_an_unwritten_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    lockout = Lockout(5, stage.parts.now())
    with monkeypatch.context() as patch:
        fill_the_disk(stage, patch)
        for user in (USER, NEIGHBOUR):
            with pytest.raises(StorageError):
                stage.store.set_lockout(user, lockout)
    moment = [stage.parts.now()] if way == "password_given" else []
    getattr(stage.store, way)(USER, *moment)
    assert stage.store.get_lockout(USER) == Lockout()
    assert stage.store.get_lockout(NEIGHBOUR) == lockout


def test_a_password_of_one_user_frees_no_other(stage: Stage) -> None:
    stage.enrolled()
    stage.store.set_lockout(USER, Lockout(50, stage.parts.now()))
    stage.caller(ROOT).password_given(NEIGHBOUR).values()
    assert result(stage.caller(ROOT).verify()) == "locked-out"


def test_nobody_locks_another_out_by_showing_a_face(stage: Stage, private_bus: PrivateBus) -> None:
    """polkit lets an active user have anyone scanned; then they are locked out, and nobody else."""
    stage.set(STRICT)
    stage.enrolled()
    other = stage.caller(OTHER)
    with polkit_stand_in(private_bus, ["org.faceauth.FaceAuth1.verify"]):
        assert [refused(stage, other) for _ in range(2)] == ["no-match"] * 2
        assert result(other.verify()) == "locked-out"
    assert stage.store.get_lockout(USER, OWN) == Lockout()
    number = len(stage.worker.scans)
    answer = stage.caller(SELF).verify()
    stage.scan(number).show(GOOD, GOOD)
    assert result(answer) == "match"


def test_nobody_locks_another_out_through_a_setuid_program(stage: Stage) -> None:
    """``su alice``, tried by another: the PAM module is root's and says at whose wish it asks."""
    stage.set(STRICT)
    stage.enrolled()
    root, wish = stage.caller(ROOT), Typed("u", OTHER)
    assert [refused(stage, root, caller=wish) for _ in range(2)] == ["no-match"] * 2
    assert result(root.verify(caller=wish)) == "locked-out"
    assert result(root.can_verify(caller=wish)) == "locked-out"
    assert result(root.can_verify()) == "ready"


@pytest.mark.parametrize("wish", [ROOT, SELF])
def test_the_user_and_root_ask_for_the_user(stage: Stage, wish: int) -> None:
    stage.set(STRICT)
    stage.enrolled()
    assert refused(stage, stage.caller(ROOT), caller=Typed("u", wish)) == "no-match"
    assert stage.store.get_lockout(USER).failures == 1


def test_a_user_who_is_locked_out_is_so_for_everybody(stage: Stage) -> None:
    stage.enrolled()
    stage.store.set_lockout(USER, Lockout(50, stage.parts.now()))
    assert result(stage.caller(ROOT).verify(caller=Typed("u", OTHER))) == "locked-out"


def test_only_root_may_say_at_whose_wish_it_asks(stage: Stage) -> None:
    stage.enrolled()
    assert stage.caller(SELF).verify(caller=Typed("u", OTHER)).error() == "InvalidArgument"
    assert stage.worker.scans == []
