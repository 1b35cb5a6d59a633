# SPDX-License-Identifier: MIT
"""`faceauth-fleet` against hosts that are folders; tests/vm runs it against real ones."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.data import ROOT

FLEET = ROOT / "packaging/fleet/faceauth-fleet"

# Stands for ssh: notes what each host is told, runs it there, and knows hosts that fail somewhere.
SSH = """#!/bin/sh
host=${1#root@}; shift
printf '%s\\n' "$*" >> "$FOLDER/$host.told"
case $host in
unreachable) exit 255 ;;
esac
export HOST=$host
PATH="$FOLDER/bin:$PATH" exec sh -c "$*"
"""
STAND_INS = {
    "apt-get": 'test "$HOST" != no-room || { echo "E: no space left" >&2; exit 100; }',
    "systemctl": "true",
    "install": "true",
    "faceauth": """case "$*" in *restore*)
  read -r word
  test "$word" = "correct horse" || { echo "wrong passphrase" >&2; exit 1; } ;;
esac""",
}


@dataclass(frozen=True)
class Fleet:
    """A folder with packages, a backup and stand-ins for what the hosts have."""

    folder: Path

    def run(self, *hosts: str, knows: str = "correct horse") -> tuple[int, list[str]]:
        """The exit status, and the lines that are printed."""
        (self.folder / "passphrase").write_text(knows + "\n")
        files = {"-p": "debs", "-c": "config.toml", "-b": "backup", "-k": "passphrase"}
        options = [word for key, name in files.items() for word in (key, str(self.folder / name))]
        done = subprocess.run(
            [FLEET, *options, "-s", "sudo login", *hosts],
            env={
                "PATH": "/usr/bin:/bin",
                "FLEET_SSH": str(self.folder / "ssh"),
                "FOLDER": str(self.folder),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    def told(self, host: str) -> str:
        """All command lines that a host got."""
        return (self.folder / f"{host}.told").read_text()


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    release = subprocess.run(
        ["sh", "-c", '. /etc/os-release && echo "$ID" | sed s/debian/deb/ && echo "$VERSION_ID"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.replace("\n", "")
    (tmp_path / "debs").mkdir()
    (tmp_path / f"debs/faceauth_1.0+{release}_amd64.deb").write_text("package")
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "backup").write_text("sealed")
    (tmp_path / "bin").mkdir()
    for name, text in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    return Fleet(tmp_path)


def test_each_host_goes_through_all_steps_in_order(fleet: Fleet) -> None:
    status, lines = fleet.run("desk", "lab")
    assert status == 0, lines
    assert [line.split(",")[0] for line in lines] == ["desk: ok", "lab: ok"]
    told = fleet.told("lab")
    steps = ["apt-get install", "config -c", "store restore", "pam enable sudo login", "status"]
    assert sorted(steps, key=told.index) == steps


def test_one_host_that_fails_keeps_no_other_from_it(fleet: Fleet) -> None:
    status, lines = fleet.run("unreachable", "no-room", "desk")
    assert status == 2
    assert lines[0].startswith("unreachable: failed at connect")
    assert lines[1] == "no-room: failed at install package: E: no space left"
    assert lines[2].startswith("desk: ok")
    assert "pam enable" not in fleet.told("no-room")


def test_a_wrong_passphrase_enables_nothing(fleet: Fleet) -> None:
    status, lines = fleet.run("desk", knows="wrong")
    assert (status, lines) == (1, ["desk: failed at restore enrolments: wrong passphrase"])
    assert "pam enable" not in fleet.told("desk")


def test_the_passphrase_is_on_no_command_line(fleet: Fleet) -> None:
    fleet.run("desk")
    assert "correct horse" not in fleet.told("desk")


def test_nothing_is_left_on_the_host(fleet: Fleet) -> None:
    fleet.run("desk")
    assert "rm -rf '/tmp/" in fleet.told("desk").splitlines()[-1]


@pytest.mark.parametrize("arguments", [[], ["-p", "/nowhere", "desk"], ["-p", "/", "-b", "x", "h"]])
def test_what_cannot_be_meant_is_refused_before_any_host_is_asked(arguments: list[str]) -> None:
    done = subprocess.run([FLEET, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("faceauth-fleet")
