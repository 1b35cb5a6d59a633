# SPDX-License-Identifier: MIT
"""Who may call what: the table, and the table as it holds on the bus."""

import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from faceauthd import contract
from faceauthd.authority import ALLOW, DENY, TABLE, Action, Caller, caller, rule
from faceauthd.bus import BusError, Peer
from faceauthd.results import BUS_NAME
from faceauthd.variants import Typed
from tests.faceauthd.frames import GOOD
from tests.faceauthd.stage import OTHER, ROOT, SELF, SERVICE, USER, Answer, Stage, run_until
from tests.harness.bus import HANG_GUARD, POLICY, PrivateBus, polkit_stand_in
from tests.harness.data import ROOT as PROJECT


def parsed(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_text())  # noqa: S314 (a file of our own)


METHODS = [element.get("name", "") for element in parsed(contract.FILE).iter("method")]


def test_the_table_knows_every_method_and_no_other() -> None:
    assert sorted(TABLE) == sorted(METHODS)


def test_root_may_do_everything_and_a_method_without_a_row_is_root_s() -> None:
    for method in [*METHODS, "Later"]:
        assert rule(method, Caller.ROOT) is ALLOW
    assert rule("Later", Caller.SELF) is DENY
    assert rule("Later", Caller.OTHER) is DENY


def test_who_is_who() -> None:
    assert caller(0, 1000) is Caller.ROOT
    assert caller(0, None) is Caller.ROOT
    assert caller(1000, 1000) is Caller.SELF
    assert caller(1000, 0) is Caller.OTHER
    assert caller(1000, None) is Caller.OTHER


def test_nobody_changes_another_s_faces_without_managing() -> None:
    for method in ("Enroll", "RenameFace", "RemoveFace", "ClearFaces"):
        assert rule(method, Caller.OTHER) is Action.MANAGE
        assert rule(method, Caller.SELF) is Action.ENROLL


def call(stage: Stage, uid: int, method: str) -> Answer:
    """Call a method about USER, with arguments that are good enough."""
    who = stage.caller(uid)
    match method:
        case "CanVerify" | "Verify" | "Watch" | "PasswordGiven" | "ListEvents":
            return who.call(method, "(sa{sv})", USER, {})
        case "Identify":
            return who.identify()
        case "Enroll":
            return who.enroll()
        case "RenameFace":
            return who.call(method, "(sss)", USER, "0", "me")
        case "RemoveFace":
            return who.call(method, "(ss)", USER, "0")
        case "BackupFaces" | "RestoreFaces":
            with tempfile.TemporaryFile() as file:
                return who.call(method, "(sayh)", USER, [0] * 32, 0, fds=[file.fileno()])
        case "ListFaces" | "ClearFaces":
            return who.call(method, "(s)", USER)
    return who.call(method)


def is_denied(stage: Stage, uid: int, method: str) -> bool:
    """Whether the gate kept the caller out; what comes behind it does not matter here."""
    scans = len(stage.worker.scans)
    answer = call(stage, uid, method)
    run_until(lambda: answer.got or len(stage.worker.scans) > scans)
    if answer.open:  # it came as far as the camera
        stage.scan(scans).show(GOOD, GOOD, GOOD)
        stage.scan(scans).end("end", "")  # which Watch goes on until
        answer.values()
        return False
    (got,) = answer.got
    return getattr(got, "name", "").endswith(".PermissionDenied")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("uid", "who"), [(SELF, Caller.SELF), (OTHER, Caller.OTHER)])
def test_the_table_holds_on_the_bus_without_polkit(
    stage: Stage, method: str, uid: int, who: Caller
) -> None:
    stage.enrolled()
    # Methods that are about no user see everybody but root as another.
    about_nobody = method in ("Identify", "Cancel", "ListCameras", "GetStatus", "Reload")
    decides = rule(method, Caller.OTHER if about_nobody else who)
    assert is_denied(stage, uid, method) is (decides is not ALLOW)
    assert is_denied(stage, ROOT, method) is False


@pytest.mark.parametrize("action", list(Action))
def test_polkit_opens_what_its_action_stands_for_and_nothing_else(
    stage: Stage, private_bus: PrivateBus, action: Action
) -> None:
    stage.enrolled()
    with polkit_stand_in(private_bus, [action]):
        for method in METHODS:
            opens = rule(method, Caller.OTHER) in (ALLOW, action)
            assert is_denied(stage, OTHER, method) is not opens, method
            if method == "ClearFaces" and opens:
                stage.enrolled()


def test_polkit_s_policy_describes_these_actions_and_gives_nothing_to_strangers() -> None:
    policy = parsed(PROJECT / "packaging/polkit/org.faceauth.FaceAuth1.policy")
    actions = {element.get("id"): element.find("defaults") for element in policy.iter("action")}
    assert set(actions) == set(Action)
    defaults = {
        action: [child.text for child in element]
        for action, element in actions.items()
        if element is not None
    }
    assert defaults == {
        Action.VERIFY: ["no", "no", "yes"],
        Action.ENROLL: ["no", "no", "auth_self_keep"],
        Action.MANAGE: ["no", "no", "auth_admin_keep"],
    }


def test_the_daemon_s_user_may_ask_polkit_about_others() -> None:
    """polkit tells nobody else but root: without this every answer would be a no."""
    policy = parsed(PROJECT / "packaging/polkit/org.faceauth.FaceAuth1.policy")
    for action in policy.iter("action"):
        owners = [note.text for note in action.iter("annotate")]
        assert owners == ["unix-user:faceauth"], action.get("id")


def test_only_root_and_the_daemon_s_user_may_own_the_name() -> None:
    policy = parsed(POLICY)
    owners = {
        element.get("user")
        for element in policy.iter("policy")
        if any(allow.get("own") == BUS_NAME for allow in element.iter("allow"))
    }
    assert owners == {"root", "faceauth"}


def test_what_the_bus_policy_does_not_open_is_closed(stage: Stage) -> None:
    """An interface that nobody opened does not even reach the daemon."""
    closed = Peer(SERVICE.name, SERVICE.path, "org.faceauth.FaceAuth1.Later")
    with pytest.raises(BusError) as caught:
        stage.caller(OTHER).bus.wait(closed, "Do", Typed("()", ()), timeout=HANG_GUARD)
    assert caught.value.name == "org.freedesktop.DBus.Error.AccessDenied"
