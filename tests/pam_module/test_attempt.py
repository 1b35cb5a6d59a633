# SPDX-License-Identifier: MIT
"""The module's decisions, where they need no PAM and no bus."""

import errno
import os
import pwd
import socket
from pathlib import Path
from typing import NoReturn

import pytest

from pam_module import attempt, hosts, pam_faceauth
from pam_module.arguments import ArgumentError, Arguments
from pam_module.attempt import Attempt
from pam_module.hosts import PamPython
from tests.pam_module.pam_host import AUTHINFO_UNAVAIL


class Host:
    """A host that writes down what it is shown and told."""

    def __init__(self, user: str = "alice", rhost: str = "") -> None:
        self.user, self.service, self.rhost = user, "stack", rhost
        self.caller = 0
        self.shown: list[str] = []
        self.logged: list[str] = []

    def show(self, _style: int, text: str) -> tuple[int, bool]:
        self.shown.append(text)
        return 0, False

    def log(self, _priority: int, text: str) -> None:
        self.logged.append(text)


def test_the_log_has_one_clean_line() -> None:
    host = Host(user="al\nice\x1b[2J\udcff", rhost="10.0.0.7")
    assert Attempt(host, silent=True).code([]) == AUTHINFO_UNAVAIL
    assert host.logged == ["al?ice?[2J?: remote"]
    assert host.shown == []


def test_the_log_line_is_short() -> None:
    host = Host(user="x" * 5000, rhost="10.0.0.7")
    Attempt(host, silent=True).code([])
    assert len(host.logged[0].encode()) < 1000


def test_what_nobody_expected_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_deadline: float) -> None:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(attempt, "Bus", fail)
    host = Host()
    assert Attempt(host, silent=False).code([]) == AUTHINFO_UNAVAIL
    assert host.logged == ["alice: error: ZeroDivisionError: surprise"]
    assert host.shown == [attempt.RESULTS["error"][1]]


def test_pam_python_without_a_user() -> None:
    class Handle:
        def get_user(self, _prompt: None) -> str:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")

    assert pam_faceauth.pam_sm_authenticate(Handle(), 0, ["path"]) == AUTHINFO_UNAVAIL
    assert pam_faceauth.pam_sm_setcred(Handle(), 0, ["path"]) == 0


def test_pam_python_logs_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the log's socket, with LOG_AUTHPRIV; and a log that is missing or full is no matter."""

    class Handle:
        service, rhost = "sudo", None

        def get_user(self, _prompt: None) -> str:
            return "alice"

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hosts, "SYSLOG_SOCKET", "log")
    host = PamPython(Handle())
    host.log(hosts.LOG_NOTICE, "nobody listens")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("log")
        host.log(hosts.LOG_NOTICE, "alice: match")
        assert log.recv(1000) == b"<85>pam_faceauth(sudo:auth): alice: match"
        for _ in range(1000):
            host.log(hosts.LOG_NOTICE, "nobody reads")

    def none_left(*_arguments: int) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(hosts, "socket", none_left)
    host.log(hosts.LOG_NOTICE, "no descriptor is left")


def test_arguments() -> None:
    arguments = Arguments(["debug", "timeout=20", "bus=unix:path=/x/y,guid=12", "owner=nobody"])
    assert (arguments.debug, arguments.quiet, arguments.timeout) == (True, False, 20)
    assert arguments.socket_path == "/x/y"
    assert Arguments([]).socket_path == "/run/dbus/system_bus_socket"
    assert 0 in Arguments([]).owner_uids
    assert os.getuid() in Arguments([f"owner={pwd.getpwuid(os.getuid()).pw_name}"]).owner_uids


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(ArgumentError, match="wrong argument in the PAM file: tiemout=3"):
        Arguments(["tiemout=3"])
