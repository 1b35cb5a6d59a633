# SPDX-License-Identifier: MIT
"""pam: one line in, the same bytes out, and nothing written that was not proved first."""

import json
import os
import stat
from functools import partial
from pathlib import Path

import pytest

from cli.exits import Exit
from cli.pam_folder import PamFolder
from cli.pam_stack import StackError
from tests.cli.conftest import Run, one_line
from tests.cli.scratch_pam import COMMON_AUTH, FILES, LINE, MODULE, POLKIT, SUDO


@pytest.fixture
def pam(faceauth: Run, tmp_path: Path) -> Run:
    """``pam("enable", "sudo")`` on that system."""
    return partial(faceauth, "pam", "--root", str(tmp_path), "--module", str(MODULE))


def snapshot(own: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mode) for p in own.iterdir() if p.is_file()}


def backups(own: Path) -> list[str]:
    folder = own.parent / "faceauth/pam-backup"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_enable_shows_and_writes_one_line(system: Path, pam: Run) -> None:
    (system / "sudo").chmod(0o640)
    outcome = pam("enable", "sudo")
    assert outcome.status == Exit.DONE
    assert f"\n+{LINE} @include common-auth" in outcome.out
    assert outcome.out.endswith("sudo: enabled\n")
    assert (system / "sudo").read_text() == SUDO.replace("@include", LINE + "@include")
    assert stat.S_IMODE((system / "sudo").stat().st_mode) == 0o640
    assert sorted(path.name for path in system.iterdir()) == sorted(FILES)
    backup = system.parent / "faceauth/pam-backup/sudo"
    assert backup.read_text() == SUDO
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("umask", [0, 0o077])
def test_the_daemon_reads_what_lies_beside_the_backups_and_nobody_writes_there(
    system: Path, pam: Run, umask: int
) -> None:
    before = os.umask(umask)
    try:
        assert pam("enable", "sudo").status == Exit.DONE
    finally:
        os.umask(before)
    assert stat.S_IMODE((system.parent / "faceauth").stat().st_mode) == 0o755


def test_all_goes_and_comes_without_trace(system: Path, pam: Run) -> None:
    before = snapshot(system)
    assert pam("enable", "sudo", "sudo-i", "su", "login", "polkit-1").status == 0
    assert (system / "su").read_text().startswith("auth       sufficient pam_rootok.so\n" + LINE)
    assert (system / "polkit-1").read_text() == POLKIT.replace("@include", LINE + "@include")
    assert len(backups(system)) == 5

    again = pam("enable", "sudo")
    assert again == (Exit.DONE, "sudo: is enabled already; nothing was changed\n", "")

    assert pam("disable", "--all").status == Exit.DONE
    assert snapshot(system) == before
    assert backups(system) == []
    assert pam("disable", "sudo").out.endswith("is disabled already; nothing was changed\n")
    assert pam("disable", "--all").status == Exit.DONE


def test_a_line_by_hand_keeps_all_from_no_other_service(system: Path, pam: Run) -> None:
    pam("enable", "sudo", "login")
    by_hand = (system / "sudo").read_text().replace("pam_faceauth.so", "pam_faceauth.so debug")
    (system / "sudo").write_text(by_hand)
    before = snapshot(system)
    outcome = pam("disable", "--all", "--dry-run")
    assert (outcome.status, snapshot(system)) == (Exit.UNAVAILABLE, before)
    outcome = pam("disable", "--all")
    assert outcome.status == Exit.UNAVAILABLE
    assert "login: disabled" in outcome.out
    assert outcome.err.startswith("faceauth: sudo: its line with pam_faceauth was written")
    assert (system / "login").read_text() == FILES["login"]
    assert (system / "sudo").read_text() == by_hand


def test_changes_of_others_stay(system: Path, pam: Run) -> None:
    pam("enable", "sudo", "polkit-1")
    for name in ("sudo", "polkit-1"):
        with (system / name).open("a") as file:
            file.write("# mine\n")
    assert pam("disable", "sudo", "polkit-1").status == Exit.DONE
    assert (system / "sudo").read_text() == SUDO + "# mine\n"
    assert (system / "polkit-1").read_text() == POLKIT + "# mine\n"


def test_an_own_file_like_the_distributions_is_not_deleted(system: Path, pam: Run) -> None:
    (system / "polkit-1").write_text(POLKIT)
    pam("enable", "polkit-1")
    pam("disable", "polkit-1")
    assert (system / "polkit-1").read_text() == POLKIT


def test_dry_run_needs_no_rights_and_writes_nothing(
    system: Path, pam: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(system)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    outcome = pam("enable", "sudo", "polkit-1", "--dry-run")
    assert outcome.status == Exit.DONE
    assert outcome.out.count("would be enabled; nothing was written") == 2
    assert snapshot(system) == before
    assert backups(system) == []
    denied = pam("enable", "sudo")
    assert denied.status == Exit.DENIED
    assert "only root" in one_line(denied)


def test_what_pam_auth_update_wrote_is_left_alone(system: Path, pam: Run) -> None:
    (system / "common-auth").write_text(
        COMMON_AUTH.replace("success=1", "success=2").join(
            ("auth\t[success=3 default=ignore]\tpam_faceauth.so\n", "")
        )
    )
    before = snapshot(system)
    outcome = pam("enable", "sudo")
    assert outcome.status == Exit.DONE
    assert "has a face already, through common-auth; nothing was changed" in outcome.out
    outcome = pam("disable", "sudo")
    assert outcome.status == Exit.UNAVAILABLE
    assert "pam-auth-update" in one_line(outcome)
    assert snapshot(system) == before
    status = json.loads(pam("status", "sudo", "--json").out)["services"]
    assert [(one["face"], one["through"]) for one in status] == [(True, "common-auth")]


def test_a_variant_that_only_includes(system: Path, pam: Run) -> None:
    outcome = pam("enable", "su-l")
    assert outcome.status == Exit.UNAVAILABLE
    assert "it only includes su" in one_line(outcome)
    assert "su-l: has a face already, through su" in pam("enable", "su", "su-l").out


def test_one_refusal_and_none_is_written(system: Path, pam: Run) -> None:
    before = snapshot(system)
    outcome = pam("enable", "sudo", "lightdm", "su")
    assert outcome.status == Exit.UNAVAILABLE
    assert one_line(outcome).startswith("lightdm: without a face and with a wrong password")
    assert snapshot(system) == before
    assert backups(system) == []


def test_one_failure_to_write_puts_the_others_back(
    system: Path, pam: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(system)
    replace = PamFolder.replace

    def fail_at_su(
        self: PamFolder, service: str, before: bytes | None, after: bytes | None
    ) -> None:
        if service == "su":
            raise StackError("No space left on device")
        replace(self, service, before, after)

    monkeypatch.setattr(PamFolder, "replace", fail_at_su)
    outcome = pam("enable", "sudo", "polkit-1", "su")
    assert outcome.status == Exit.UNAVAILABLE
    assert "su: No space left" in one_line(outcome)
    assert snapshot(system) == before


def test_a_file_changed_meanwhile_is_not_overwritten(system: Path) -> None:
    folder = PamFolder(system.parent.parent)
    with pytest.raises(StackError, match="changed by somebody else"):
        folder.replace("sudo", b"what it was", b"auth required pam_permit.so\n")
    assert (system / "sudo").read_text() == SUDO


def test_files_that_cannot_be_trusted(system: Path, pam: Run, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.write_text(SUDO)
    target = system / "sudo"

    def refused(*words: str) -> None:
        outcome = pam("enable", "sudo")
        assert outcome.status == Exit.UNAVAILABLE, outcome
        assert all(word in one_line(outcome) for word in ("sudo: ", "nothing was changed", *words))

    target.chmod(0o666)
    refused("can be written by others")
    for destination in (secret, system / "sudo-i"):
        target.unlink()
        target.symlink_to(destination)
        refused("is a link to", str(destination))
    assert secret.read_text() == SUDO
    target.unlink()
    target.mkdir()
    refused()
    target.rmdir()
    os.mkfifo(target, 0o600)
    refused("not a regular file")
    target.unlink()
    refused("no such PAM service")
    target.write_bytes(b"#" * 300_000)
    refused("larger than")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("account required pam_permit.so\n", "no auth lines"),
        ("auth required pam_env.so\n", "nothing behind a face could refuse"),
        ("@include missing\n", "missing, which sudo includes"),
        ("auth include sudo\n", "includes itself"),
        ("auth required pam_unix.so\nauth required pam_nosuch.so\n", "right password"),
        (
            "auth sufficient pam_permit.so\nauth required pam_deny.so\n@include common-auth\n",
            "anyone",
        ),
    ],
)
def test_stacks_that_are_refused(content: str, words: str, system: Path, pam: Run) -> None:
    (system / "sudo").write_text(content)
    outcome = pam("enable", "sudo")
    assert outcome.status == Exit.UNAVAILABLE
    assert words in one_line(outcome)
    assert (system / "sudo").read_text() == content


@pytest.mark.parametrize(
    "name",
    ["sshd", "common-auth", "../../etc/shadow", "sudo/../su", "/etc/pam.d/sudo", "", "other"],
)
def test_services_that_are_not_ours_to_change(name: str, system: Path, pam: Run) -> None:
    before = snapshot(system)
    outcome = pam("enable", name)
    assert outcome.status == Exit.USAGE
    one_line(outcome)
    outcome = pam("disable", name)
    assert (outcome.status != Exit.DONE) or "nothing was changed" in outcome.out
    assert snapshot(system) == before


def test_including_services_that_count_or_would_ask_twice(system: Path, pam: Run) -> None:
    counting = "auth [success=1 default=ignore] pam_unix.so\nauth include login\n"
    (system / "swaylock").write_text(counting)
    outcome = pam("enable", "login")
    assert outcome.status == Exit.UNAVAILABLE
    assert "swaylock includes it: and counts lines" in one_line(outcome)
    (system / "swaylock").write_text("auth include login\n")
    assert pam("enable", "swaylock").status == Exit.DONE
    outcome = pam("enable", "login")
    assert "faceauth pam disable swaylock" in one_line(outcome)


def test_a_module_that_does_not_load_is_not_put_in(system: Path, pam: Run) -> None:
    before = snapshot(system)
    outcome = pam("--module", "/no/such/pam_faceauth.so", "enable", "sudo")
    assert outcome.status == Exit.UNAVAILABLE
    assert "cannot load /no/such/pam_faceauth.so" in one_line(outcome)
    assert snapshot(system) == before


def test_status(system: Path, pam: Run) -> None:
    pam("enable", "su")
    services = json.loads(pam("status", "--json").out)["services"]
    assert {one["service"]: (one["face"], one["through"]) for one in services} == {
        **dict.fromkeys(("sudo", "sudo-i", "polkit-1", "login", "lightdm"), (False, "")),
        "su": (True, ""),
        "su-l": (True, "su"),
    }
    assert "yes (through su)" in pam("status").out
    assert pam("status", "su", "su-l").status == Exit.DONE
    assert pam("status", "su", "sudo").status == Exit.NO
    assert pam("status", "kde").status == Exit.NO  # not on this system
    assert pam("status", "sshd").status == Exit.USAGE


def test_enable_answers_programs(system: Path, pam: Run) -> None:
    answer = json.loads(pam("enable", "su", "su-l", "--json").out)
    assert not answer["dry_run"]
    su, variant = answer["services"]
    assert (su["service"], su["changed"], su["through"]) == ("su", True, "")
    assert f"+{LINE}" in su["diff"]
    assert variant == {"service": "su-l", "changed": False, "through": "su", "diff": ""}


def test_a_question_without_services(system: Path, pam: Run) -> None:
    for arguments in (["enable"], ["disable"], ["disable", "--all", "sudo"]):
        outcome = pam(*arguments)
        assert outcome.status == Exit.USAGE
        one_line(outcome)
