# SPDX-License-Identifier: MIT
"""What the packages are made of says one thing in one place; that it works, tests/vm shows."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from faceauthd.config import MODELS_DIR
from tests.harness.data import ROOT

PACKAGING = ROOT / "packaging"
DEBIAN = PACKAGING / "debian"
SELINUX = PACKAGING / "selinux"
SELINUX_MAKEFILE = Path("/usr/share/selinux/devel/Makefile")  # selinux-policy-dev's
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

# What stands beside the files that are installed: how they are, and what is no program's.
TOOLS = {
    "arch",
    "archives",
    "build-deb",
    "debian",
    "fleet",
    "install",
    "install-train",
    "release-root",
    "rpm",
}
BUILD_TIME = {"make_catalogue.py", "selinux"}


def test_install_leaves_out_no_file() -> None:
    script = (PACKAGING / "install").read_text()
    files = [
        path.relative_to(PACKAGING)
        for path in PACKAGING.rglob("*")
        if path.is_file() and path.relative_to(PACKAGING).parts[0] not in TOOLS | BUILD_TIME
    ]
    assert len(files) >= 8
    assert [str(file) for file in files if f" {file} " not in script] == []


@pytest.mark.parametrize("recipe", ["rpm/faceauth.spec", "arch/PKGBUILD"])
def test_other_recipes_pack_what_install_lays_out(recipe: str) -> None:
    text = (PACKAGING / recipe).read_text()
    assert re.search(r"^(?:Version: *|pkgver=)(.*)$", text, re.MULTILINE)[1] == VERSION  # type: ignore[index]
    assert "/install " in text
    assert "UNTESTED" in text


@pytest.mark.parametrize("script", ["faceauth.postinst", "faceauth.prerm", "faceauth.postrm"])
def test_maintainer_scripts_stop_at_the_first_failure(script: str) -> None:
    path = DEBIAN / script
    subprocess.run(["sh", "-n", path], check=True)
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert next(line for line in lines if line) == "set -e"


def test_nothing_is_switched_on_by_the_installation() -> None:
    assert "Default: no" in (PACKAGING / "pam-configs/faceauth").read_text()
    postinst = (DEBIAN / "faceauth.postinst").read_text()
    assert "pam enable" not in postinst
    assert "--enable" not in postinst


def maintain(folder: Path, script: str, what: str, uid: int) -> "subprocess.CompletedProcess[str]":
    """A maintainer script where the account faceauth has this uid; stdout: what is done with it."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("systemd-sysusers", "py3compile", "dbus-send", "pam-auth-update", "rm"):
        (programs / name).write_text("#!/bin/sh\n")
    (programs / "id").write_text(f"#!/bin/sh\necho {uid}\n")
    (programs / "userdel").write_text("#!/bin/sh\necho deleted $1\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", DEBIAN / script, what],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("uid", "status"), [(990, 0), (1000, 1)])
def test_the_daemon_s_account_is_no_person_s(tmp_path: Path, uid: int, status: int) -> None:
    done = maintain(tmp_path, "faceauth.postinst", "configure", uid)
    assert done.returncode == status
    assert ("is a person's (uid 1000)" in done.stderr) == bool(status)


@pytest.mark.parametrize(("uid", "said"), [(990, "deleted faceauth\n"), (1000, "")])
def test_a_purge_deletes_no_person_s_account(tmp_path: Path, uid: int, said: str) -> None:
    done = maintain(tmp_path, "faceauth.postrm", "purge", uid)
    assert (done.returncode, done.stdout) == (0, said)


def stack(folder: Path, line: str) -> str:
    """What prerm says with this line in a PAM file; empty where it lets the package go."""
    (folder / "pam.d").mkdir()
    (folder / "pam.d/sudo").write_text(f"auth required pam_env.so\n{line}\n")
    programs = folder / "bin"
    programs.mkdir()
    for name in ("pam-auth-update", "faceauth", "py3clean"):
        (programs / name).write_text("#!/bin/sh\nexit 1\n" if name == "faceauth" else "#!/bin/sh\n")
        (programs / name).chmod(0o755)
    script = folder / "prerm"
    script.write_text((DEBIAN / "faceauth.prerm").read_text().replace("/etc/", f"{folder}/"))
    done = subprocess.run(
        ["sh", script, "remove"],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == bool(done.stderr)
    return done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "auth required pam_faceauth.so",
        "-auth\tsufficient\tpam_faceauth.so timeout=5",
        "auth [success=1 default=die] /usr/lib/security/pam_faceauth.so",
    ],
)
def test_the_module_stays_while_a_stack_names_it(line: str, tmp_path: Path) -> None:
    assert "pam.d/sudo" in stack(tmp_path, line)


@pytest.mark.parametrize("line", ["auth required pam_unix.so", "# auth required pam_faceauth.so"])
def test_the_module_goes_once_no_stack_names_it(line: str, tmp_path: Path) -> None:
    assert stack(tmp_path, line) == ""


def test_selinux_labels_what_the_unit_and_the_configuration_name() -> None:
    unit = (PACKAGING / "systemd/faceauthd.service").read_text()
    program = re.search(r"^ExecStart=(\S+)$", unit, re.MULTILINE)[1]  # type: ignore[index]
    labels = re.findall(
        r"^(/\S+)\s.*object_r:(\w+),", (SELINUX / "faceauth.fc").read_text(), re.MULTILINE
    )
    assert dict(labels) == {
        program: "faceauthd_exec_t",
        "/etc/faceauth(/.*)?": "faceauthd_etc_t",
        "/var/lib/faceauth(/.*)?": "faceauthd_var_lib_t",
        f"{MODELS_DIR}(/.*)?": "faceauthd_models_t",
        "/etc/faceauth/pam-backup/.*": "etc_t",
    }
    policy = (SELINUX / "faceauth.te").read_text()
    declared = set(re.findall(r"^type (\w+);", policy, re.MULTILINE))
    assert {label for _path, label in labels} <= declared | {"etc_t"}


@pytest.mark.skipif(not SELINUX_MAKEFILE.exists(), reason="selinux-policy-dev is not installed")
def test_the_selinux_module_is_built(tmp_path: Path) -> None:
    shutil.copytree(SELINUX, tmp_path, dirs_exist_ok=True)
    done = subprocess.run(
        ["make", "-f", SELINUX_MAKEFILE, "faceauth.pp"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "faceauth.pp").exists()
