# SPDX-License-Identifier: MIT
"""The second line: by it the daemon hears of password logins. It has no say, and no trace."""

from pathlib import Path

import pytest

from cli.pam_change import enabled
from cli.pam_folder import PamFolder
from cli.pam_stack import Files, StackError, line, rules, with_line, without_line
from tests.cli.scratch_pam import MODULE, SUDO

AUTH, ACCOUNT = line(), line(kind="account")
COMMON_ACCOUNT = "account required pam_permit.so\n"


def after(system: Path, sudo: str, **others: str) -> bytes:
    """The service sudo, once enabled in a system with these files as well."""
    (system / "sudo").write_text(sudo)
    for name, text in others.items():
        (system / name.replace("_", "-")).write_text(text)
    folder = PamFolder(system.parents[1])
    files: Files = folder.files()
    changed = enabled(folder, files, "sudo", str(MODULE)).after
    assert changed is not None
    return changed


def account_lines(content: bytes) -> list[tuple[str, str]]:
    return [(rule.control, rule.name) for rule in rules(content, "account") if rule.is_ours]


def test_a_service_with_account_rules_gets_both_lines(system: Path) -> None:
    for sudo in (SUDO + COMMON_ACCOUNT, SUDO + "@include common-account\n"):
        content = after(system, sudo, common_account=COMMON_ACCOUNT)
        assert account_lines(content) == [("optional", "pam_faceauth.so")]
        assert without_line(content).decode() == sudo


def test_a_service_without_account_rules_keeps_those_of_other(system: Path) -> None:
    assert account_lines(after(system, SUDO)) == []


def test_an_account_stack_that_counts_lines_is_not_shifted() -> None:
    counts = b"account [success=1 default=ignore] a.so\nauth required b.so\naccount required c.so\n"
    with pytest.raises(StackError, match="counts lines"):
        with_line(counts, account=True)
    assert account_lines(with_line(counts)) == []


def test_only_our_very_line_is_taken_out() -> None:
    by_hand = b"auth required a.so\naccount required pam_faceauth.so\n"
    with pytest.raises(StackError, match="by hand"):
        without_line(by_hand)


def test_a_file_from_before_the_second_line_loses_the_first() -> None:
    assert without_line(AUTH + b"auth required a.so\n") == b"auth required a.so\n"
    assert without_line(AUTH + ACCOUNT + b"auth required a.so\n") == b"auth required a.so\n"
