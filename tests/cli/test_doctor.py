# SPDX-License-Identifier: MIT
"""doctor: what it finds on machines in all states, and that nothing makes it fall over."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cli import doctor as verb
from cli.checks import (
    bus,
    camera,
    clock,
    configuration,
    enrolment,
    models,
    pam,
    polkit,
    unit,
)
from cli.checks import daemon as daemon_checks
from cli.checks.finding import Finding, Level, ok
from cli.checks.machine import Answer, Machine
from cli.exits import Exit
from faceauthd.client import DaemonUnreachableError
from faceauthd.config import CameraConfig, Config
from faceauthd.results import PermissionDeniedError
from tests.cli.conftest import FACE, Run
from tests.cli.test_status import CAMERA, STATUS
from tests.harness.data import ROOT

OK, WARNING, PROBLEM, UNKNOWN = Level.OK, Level.WARNING, Level.PROBLEM, Level.UNKNOWN


@dataclass
class Pretended(Machine):
    """A machine whose programs answer as the test says; one that is not named is not installed."""

    programs: dict[str, Answer] = field(default_factory=dict)

    def ask(self, *command: str) -> Answer | None:
        return self.programs.get(command[0])


@pytest.fixture
def machine(tmp_path: Path) -> Pretended:
    """A machine with nothing on it."""
    return Pretended(tmp_path / "config.toml", "alice", root=tmp_path, daemon_error="no answer")


def levels(findings: Iterator[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def put(machine: Machine, *names: str) -> None:
    for name in names:
        machine.path(name).parent.mkdir(parents=True, exist_ok=True)
        machine.path(name).touch()


def test_the_verb_on_this_very_machine(
    faceauth: Run, daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.get_status.side_effect = DaemonUnreachableError("no answer")
    monkeypatch.setenv("FACEAUTH_CONFIG", str(tmp_path / "missing.toml"))
    outcome = faceauth("doctor", "alice", "--json")
    answer = json.loads(outcome.out)
    assert (outcome.status, outcome.err) == (Exit.NO, "")
    assert {one["area"] for one in answer["findings"]} == set(verb.AREAS)
    assert not [one for one in answer["findings"] if "this check failed" in one["text"]]
    found = [one["level"] for one in answer["findings"]]
    assert answer["problems"] == found.count("problem") > 0
    assert answer["warnings"] == found.count("warning")
    assert all(one["advice"] for one in answer["findings"] if one["level"] == "problem")
    people = faceauth("doctor", "alice")
    assert people.status == Exit.NO
    assert "no answer" in people.out
    assert people.out.splitlines()[-1].startswith(f"{answer['problems']} problem")


def test_the_exit_status_is_about_problems_alone(
    faceauth: Run, daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [Finding(WARNING, "so so", "do"), Finding(UNKNOWN, "dark"), ok("fine")]
    monkeypatch.setattr(verb, "check_of", lambda _: lambda _: iter(findings))
    outcome = faceauth("doctor", "alice")
    assert outcome.status == Exit.DONE
    assert outcome.out.splitlines()[-1] == f"{len(verb.AREAS)} warnings"
    findings.append(Finding(PROBLEM, "broken", "mend it"))
    assert faceauth("doctor", "alice").status == Exit.NO
    del findings[0], findings[-1]
    assert faceauth("doctor", "alice").out.splitlines()[-1] == "no problem found"


def test_a_check_that_breaks_does_not_end_the_others(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: Machine) -> Iterator[Finding]:
        yield ok("so far")
        raise ZeroDivisionError("division by zero")

    checks = {"one": breaks, "two": lambda _: iter([ok("fine")])}
    monkeypatch.delenv("FACEAUTH_DEBUG", raising=False)
    results = list(verb.examine(machine, checks))
    assert [(area, finding.level) for area, finding in results] == [
        *(("one", OK), ("one", UNKNOWN), ("two", OK)),
    ]
    assert "ZeroDivisionError" in results[1].finding.text


def test_configuration(machine: Machine) -> None:
    assert levels(configuration.check(machine)) == [OK]
    machine.config = Config(disabled=True)
    assert levels(configuration.check(machine)) == [OK, WARNING]
    machine.config_file.write_text("nosuch = 1")
    assert "nosuch" in next(configuration.check(machine.learn())).text
    assert levels(configuration.check(machine)) == [PROBLEM]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [OK, OK]),
        ({"version": "0.0.1"}, [OK, WARNING, OK]),
        ({"worker": "starting"}, [OK, WARNING]),
        ({"worker": "idle"}, [OK, OK]),
        ({"worker": "failed", "warnings": ["why"]}, [OK, PROBLEM, WARNING]),
    ],
)
def test_daemon(
    changes: dict[str, Any], expected: list[Level], daemon: Any, machine: Machine
) -> None:
    machine.daemon = daemon
    daemon.get_status.return_value = {**STATUS, "version": version("faceauth-login"), **changes}
    assert levels(daemon_checks.check(machine)) == expected


def test_no_daemon(machine: Machine) -> None:
    assert levels(daemon_checks.check(machine)) == [PROBLEM]


def test_bus(machine: Pretended) -> None:
    assert levels(bus.check(machine)) == [PROBLEM, PROBLEM, UNKNOWN]
    put(machine, "/usr/share/dbus-1/system.d/org.faceauth.FaceAuth1.conf", bus.ACTIVATION)
    for answer, level in (
        (Answer(1, ""), UNKNOWN),
        (Answer(0, "   uint32 0\n"), OK),
        (Answer(0, "   uint32 4294967294\n"), PROBLEM),  # nobody of ours
    ):
        machine.programs["dbus-send"] = answer
        assert levels(bus.check(machine)) == [OK, level]


def test_polkit(machine: Pretended) -> None:
    assert levels(polkit.check(machine)) == [PROBLEM]
    put(machine, polkit.POLICY)
    assert levels(polkit.check(machine)) == [OK, WARNING]
    for answer, level in (
        (Answer(1, ""), UNKNOWN),
        (Answer(0, "org.example\n" + "\n".join(polkit.ACTIONS)), OK),
        (Answer(0, "\n".join(polkit.ACTIONS[1:])), PROBLEM),
    ):
        machine.programs["pkaction"] = answer
        assert levels(polkit.check(machine)) == [OK, level]


SHOWN = "LoadState={}\nActiveState={}\nUnitFileState={}\nNRestarts={}\n"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (("loaded", "active", "enabled", "0"), [OK, OK]),
        (("loaded", "failed", "enabled", "4"), [PROBLEM, WARNING, OK]),
        (("loaded", "inactive", "disabled", "0"), [WARNING, WARNING, OK]),
        (("not-found", "inactive", "", "0"), [PROBLEM]),
    ],
)
def test_unit(state: tuple[str, ...], expected: list[Level], machine: Pretended) -> None:
    assert levels(unit.check(machine)) == [UNKNOWN]
    put(machine, f"{unit.BOOTED}/x")
    assert levels(unit.check(machine)) == [UNKNOWN]
    level = "→ Overall exposure level for faceauthd.service: {} OK :-)\n"
    machine.programs = {
        "systemctl": Answer(0, SHOWN.format(*state)),
        "systemd-analyze": Answer(0, level.format("0.7")),
    }
    assert levels(unit.check(machine)) == expected
    machine.programs["systemd-analyze"] = Answer(0, level.format("9.2"))
    assert (levels(unit.check(machine))[-1] == WARNING) == (len(expected) > 1)
    del machine.programs["systemd-analyze"]
    assert (levels(unit.check(machine))[-1] == UNKNOWN) == (len(expected) > 1)


def test_models(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.config = Config(models_dir=tmp_path)
    found = list(models.check(machine))
    assert "dlib (recognition) is what is registered" in found[0].text
    assert {finding.level for finding in found} == {OK}
    assert found[-1].text.startswith("liveness is judged by faceauth-")  # the one that ships
    (tmp_path / "yunet").mkdir()
    damaged = [f for f in models.check(machine) if "yunet" in f.text]
    assert [finding.level for finding in damaged] == [PROBLEM]
    (tmp_path / "yunet").rmdir()
    (tmp_path / "mobilefacenet").mkdir()
    with monkeypatch.context() as all_right:
        all_right.setattr(models, "verify", lambda *_: None)
        (alone,) = (f for f in models.check(machine) if "without yunet" in f.text)
    assert (alone.level, alone.advice) == (WARNING, "faceauth models install yunet")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.json").write_text("{}")
    assert "mine" in models.liveness(machine).text
    monkeypatch.setattr(models, "load_passive_models", lambda _: [])
    assert models.liveness(machine).level == PROBLEM


def folder_of(tmp_path: Path, brightness: int) -> Config:
    folder = tmp_path / f"pictures{brightness}"
    folder.mkdir()
    picture = np.full((64, 64, 3), brightness, np.uint8)
    assert cv2.imwrite(str(folder / "1.png"), picture)
    return Config(camera=CameraConfig(device=str(folder), paced=False))


def test_light(machine: Machine, tmp_path: Path) -> None:
    for brightness, level in ((200, OK), (5, WARNING)):
        machine.config = folder_of(tmp_path, brightness)
        assert levels(camera.check(machine)) == [WARNING, level]
        assert f"brightness {brightness} of 255" in camera.light(machine).text
    machine.config = Config(camera=CameraConfig(device=str(tmp_path / "none")))
    assert camera.light(machine).level == UNKNOWN


def test_camera_as_the_daemon_sees_it(machine: Machine, daemon: Any) -> None:
    machine.daemon = daemon
    daemon.list_cameras.return_value = []
    assert levels(camera.check(machine)) == [PROBLEM]
    denied = {**CAMERA, "usable": False, "reason": "no permission for /dev/video0"}
    daemon.list_cameras.return_value = [denied]
    assert levels(camera.check(machine)) == [UNKNOWN]
    daemon.list_cameras.return_value = [{**CAMERA, "usable": False, "reason": "virtual"}]
    assert levels(camera.check(machine)) == [PROBLEM]


def test_a_camera_that_somebody_has_open(machine: Machine, daemon: Any, tmp_path: Path) -> None:
    node = tmp_path / "video0"
    node.touch()
    machine.daemon = daemon
    daemon.list_cameras.return_value = [
        {**CAMERA, "node": str(node)},
        {**CAMERA, "name": "IR camera", "infrared": True},
    ]
    with node.open():
        found = list(camera.check(machine))
    assert [finding.level for finding in found] == [OK, OK, WARNING]  # and no look through it
    assert "infrared: IR camera" in found[1].text
    assert f"({os.getpid()})" in found[2].text
    assert camera.who_has(str(node)) == []


PASSWORDS = (ROOT / "packaging" / "pam" / "faceauth").read_text()
CLOSED = "auth sufficient pam_faceauth.so\nauth required pam_unix.so\n"
ACCOUNT = "account required pam_permit.so\n"
TELLS = "account optional pam_faceauth.so\n"
OPEN = CLOSED.replace("required", "sufficient") + "auth required pam_permit.so\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, [PROBLEM, WARNING]),
        ({"faceauth": PASSWORDS}, [OK, WARNING]),
        ({"faceauth": PASSWORDS, "sudo": CLOSED, "su": "@include sudo\n"}, [OK, OK, OK]),
        ({"faceauth": CLOSED, "sudo": CLOSED}, [PROBLEM, OK]),
        ({"faceauth": "auth required pam_permit.so\n", "sudo": CLOSED}, [PROBLEM, OK]),
        ({"faceauth": PASSWORDS, "sudo": CLOSED * 2}, [OK, WARNING]),
        ({"faceauth": PASSWORDS, "sudo": "auth required pam_permit.so\n" + CLOSED}, [OK, OK]),
        ({"faceauth": PASSWORDS, "sudo": CLOSED + "auth optional pam_permit.so\n"}, [OK, OK]),
        ({"faceauth": PASSWORDS, "sudo": OPEN}, [OK, PROBLEM]),
        ({"faceauth": PASSWORDS, "sudo": CLOSED + ACCOUNT}, [OK, WARNING]),
        ({"faceauth": PASSWORDS, "sudo": CLOSED + TELLS + ACCOUNT}, [OK, OK]),
        ({"faceauth": PASSWORDS, "x": ACCOUNT, "sudo": CLOSED + "@include x\n"}, [OK, WARNING]),
        ({"faceauth": PASSWORDS, "x": TELLS, "sudo": CLOSED + "@include x\n"}, [OK, OK]),
        ({"faceauth": PASSWORDS, "sudo": CLOSED + "account include missing\n"}, [OK, PROBLEM]),
        ({"faceauth": PASSWORDS, "sudo": "@include missing\n"}, [OK, UNKNOWN, WARNING]),
    ],
)
def test_pam(files: dict[str, str], expected: list[Level], machine: Machine) -> None:
    put(machine, "/etc/pam.d/x")
    for name, text in files.items():
        machine.path(f"/etc/pam.d/{name}").write_text(text)
    module, *others = levels(pam.check(machine, "pam_permit.so"))
    assert (module, others) == (OK, expected)
    assert next(pam.check(machine, "pam_nosuch.so")).level == PROBLEM


def test_enrolment(machine: Machine, daemon: Any) -> None:
    assert levels(enrolment.check(machine)) == [UNKNOWN]
    machine.daemon = daemon
    daemon.can_verify.return_value = ("ready", {})
    daemon.get_status.return_value = STATUS
    assert levels(enrolment.check(machine)) == [OK, OK]
    daemon.can_verify.return_value = ("locked-out", {})
    assert "locked-out" in list(enrolment.check(machine))[1].text
    daemon.list_faces.return_value = [{**FACE, "usable": False}]
    assert levels(enrolment.check(machine)) == [PROBLEM, WARNING]
    daemon.get_status.return_value = {"model": ""}
    assert levels(enrolment.check(machine)) == [UNKNOWN, WARNING]
    daemon.list_faces.return_value = []
    assert levels(enrolment.check(machine)) == [WARNING]
    daemon.list_faces.side_effect = PermissionDeniedError("not yours to see")
    assert levels(enrolment.check(machine)) == [UNKNOWN]


def test_clock(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(clock.check(machine)) == [PROBLEM, OK]
    put(machine, clock.BOOT_ID)
    assert levels(clock.check(machine)) == [OK]
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "clock_gettime", lambda which: -float(which))
    assert levels(clock.check(machine)) == [WARNING, WARNING]


def test_a_program_that_is_missing_fails_or_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(Path("config.toml"), "alice")
    assert machine.ask("/no/such/program") is None
    assert machine.ask("false") == Answer(1, "")
    monkeypatch.setattr("cli.checks.machine.PATIENCE", 0.01)
    assert machine.ask("sleep", "60") is None
