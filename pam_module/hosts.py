# SPDX-License-Identifier: MIT
"""The PAM application that asks, in the two ways in which the module meets it.

Both hosts have `user`, `service` and `rhost` (empty where PAM has none), the real uid of the
application's process as `caller`, `show` a text and `log` a line. `show` gives the PAM code, and
whether a password was typed: then it is PAM_AUTHTOK, for the module behind this one, and kept
nowhere else.
"""

from __future__ import annotations

from _socket import AF_UNIX, SOCK_DGRAM, socket  # bus_client.py says why
from posix import _exit, getuid  # not os: the same

TYPE_CHECKING = False  # typing takes as long to import as all the rest
if TYPE_CHECKING:
    from typing import Any, NoReturn, Protocol

    class Host(Protocol):
        """What the two have in common."""

        user: str
        service: str
        rhost: str
        caller: int

        def show(self, style: int, text: str, /) -> tuple[int, bool]: ...

        def log(self, priority: int, text: str, /) -> None: ...


# Linux-PAM's numbers.
PAM_SUCCESS, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL, PAM_MAXTRIES, PAM_CONV_ERR = 0, 7, 9, 11, 19
PAM_IGNORE = 25
PAM_PROMPT_ECHO_OFF, PAM_ERROR_MSG, PAM_TEXT_INFO = 1, 3, 4
PAM_SILENT = 0x8000
LOG_NOTICE, LOG_DEBUG, LOG_AUTHPRIV = 5, 7, 10 << 3
SYSLOG_SOCKET = "/dev/log"
LOADER_SOCKET = 3


def clean(text: str) -> str:
    """One line for the log, whatever the text holds: names come from outside."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])


class Loader:
    """The host behind pam_faceauth.so; loader.c has the protocol. A password stays over there."""

    def __init__(self, user: str, service: str, rhost: str, caller: str) -> None:
        self.user, self.service, self.rhost, self.caller = user, service, rhost, int(caller)
        self.socket = socket(fileno=LOADER_SOCKET)

    def show(self, style: int, text: str) -> tuple[int, bool]:
        self.socket.sendall(bytes([style]) + text.encode())
        code, typed = self.socket.recv(3)
        return code, bool(typed)

    def log(self, priority: int, text: str) -> None:
        self.socket.sendall(b"l" + bytes([priority]) + text.encode())

    def end(self, code: int) -> NoReturn:
        """Gives the verdict, and ends this process with it."""
        self.socket.sendall(b"v" + bytes([code]))
        _exit(code)


class PamPython:
    """The host around pam_python.so, by its handle; in the host's own process."""

    def __init__(self, pamh: Any) -> None:
        self.pamh = pamh
        self.user = pamh.get_user(None) or ""
        self.service, self.rhost = pamh.service or "", pamh.rhost or ""
        self.caller = getuid()

    def show(self, style: int, text: str) -> tuple[int, bool]:
        try:
            typed = self.pamh.conversation(self.pamh.Message(style, text)).resp
        except self.pamh.exception as error:
            return error.pam_result, False
        if style != PAM_PROMPT_ECHO_OFF:
            return PAM_SUCCESS, False
        if typed:
            self.pamh.authtok = typed
        # No answer at all has confirmed nothing; an empty one has.
        return PAM_CONV_ERR if typed is None else PAM_SUCCESS, bool(typed)

    def log(self, priority: int, text: str) -> None:
        """Not with the syslog module: its openlog would rename the host's own log lines."""
        line = f"<{LOG_AUTHPRIV | priority}>pam_faceauth({self.service}:auth): {text}"
        try:
            log = socket(AF_UNIX, SOCK_DGRAM)
            try:
                log.setblocking(False)
                log.sendto(line.encode(), SYSLOG_SOCKET)
            finally:
                log.close()
        except OSError:
            return  # a log that is full or missing, or no descriptor for it, changes no verdict
