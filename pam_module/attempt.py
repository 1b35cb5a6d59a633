# SPDX-License-Identifier: MIT
"""One authentication: ask the daemon, ask the person, answer PAM.

Only the daemon's "match" in reply to Verify is PAM_SUCCESS. Whatever else happens is a refusal out
of RESULTS, and never PAM_IGNORE: behind a module that has already succeeded, that would let anyone
in. docs/pam.md explains the arguments and the messages.
"""

from __future__ import annotations

import time
from posix import geteuid  # bus_client.py says why

from pam_module.arguments import ArgumentError, Arguments
from pam_module.bus_client import Bus
from pam_module.contract import GESTURES, INTERFACE, OBJECT_PATH, SERVICE
from pam_module.dbus_wire import BusError, Reader
from pam_module.hosts import (
    LOG_DEBUG,
    LOG_NOTICE,
    PAM_AUTH_ERR,
    PAM_AUTHINFO_UNAVAIL,
    PAM_ERROR_MSG,
    PAM_MAXTRIES,
    PAM_PROMPT_ECHO_OFF,
    PAM_SUCCESS,
    PAM_TEXT_INFO,
    clean,
)
from pam_module.language import translated

TYPE_CHECKING = False  # typing takes as long to import as all the rest
if TYPE_CHECKING:
    from pam_module.hosts import Host

READY_TIMEOUT = 5.0  # seconds until CanVerify is answered: a hung daemon may not cost more
MARGIN = 2.0  # seconds that Verify's answer may come later than the policy says

PROMPT = "Password, or Enter for face: "
LOOKING = "Looking for your face…"
RESULTS = {
    "match": (PAM_SUCCESS, ""),
    "no-match": (PAM_AUTH_ERR, "Face not recognised. Look straight at the camera, in good light."),
    "not-live": (PAM_AUTH_ERR, "That did not look like a live face. Even light helps."),
    "locked-out": (PAM_MAXTRIES, "Too many refused faces. Use your password."),
    "no-face": (PAM_AUTHINFO_UNAVAIL, "No face in view. Sit in front of the camera."),
    "multiple-faces": (PAM_AUTHINFO_UNAVAIL, "More than one face in view. Only you may be there."),
    "too-dark": (PAM_AUTHINFO_UNAVAIL, "Too dark for the camera. Turn on a light."),
    "timeout": (PAM_AUTHINFO_UNAVAIL, "No clear view of your face. Hold still, facing the camera."),
    "cancelled": (PAM_AUTHINFO_UNAVAIL, ""),
    "busy": (PAM_AUTHINFO_UNAVAIL, "Another scan is running. Try again in a moment."),
    "not-enrolled": (PAM_AUTHINFO_UNAVAIL, ""),
    "camera-missing": (PAM_AUTHINFO_UNAVAIL, "No camera found. Connect it, or use your password."),
    "remote": (PAM_AUTHINFO_UNAVAIL, ""),
    "lid-closed": (PAM_AUTHINFO_UNAVAIL, ""),
    "disabled": (PAM_AUTHINFO_UNAVAIL, ""),
    "strong-auth-required": (PAM_AUTHINFO_UNAVAIL, "Use your password this time."),
    "error": (PAM_AUTHINFO_UNAVAIL, "Your face cannot be checked now. Use your password."),
    "password-typed": (PAM_AUTHINFO_UNAVAIL, ""),  # ours alone: the module behind takes it on
}


class Refusal(Exception):  # noqa: N818 - a refusal is the rule here, not an error
    """The daemon cannot be asked, or its answer is no good; the text is for the log."""


class Attempt:
    """One authentication, for one host."""

    def __init__(self, host: Host, silent: bool) -> None:
        self.host, self.silent, self.debug = host, silent, False

    def code(self, argv: list[str]) -> int:
        """Its PAM code, once the log has a line and the person has been told."""
        why = ""
        try:
            word = self._word(Arguments(argv))
            if word not in RESULTS:
                raise Refusal(f"the daemon answered {word!r}")
        except (ArgumentError, BusError, Refusal) as refusal:
            word, why = "error", f": {refusal}"
        except Exception as error:  # whatever it is: a refusal, and no traceback in the host
            word, why = "error", f": {type(error).__name__}: {error}"
        code, message = RESULTS[word]
        self._log(LOG_NOTICE, f"{self.host.user}: {word}{why}")
        if message:
            self._say(PAM_TEXT_INFO if code == PAM_AUTHINFO_UNAVAIL else PAM_ERROR_MSG, message)
        return code

    def _word(self, arguments: Arguments) -> str:
        """The result: the daemon's, or ours where it need not be asked."""
        self.silent, self.debug = self.silent or arguments.quiet, arguments.debug
        if not self.host.user:  # to the daemon, no name means the caller: often root
            raise Refusal("PAM has no user name")
        if self.host.rhost not in ("", "localhost"):
            return "remote"
        started = time.monotonic()
        with Bus(started + min(READY_TIMEOUT, arguments.timeout)) as bus:
            bus.connect(arguments.socket_path)
            bus.trust(SERVICE, arguments.owner_uids)
            word, confirm, timeout = self._can_verify(bus)
            self._log(LOG_DEBUG, f"{bus.owner}: {word}, confirm {confirm!r}, timeout {timeout}")
            if word != "ready":
                return word
            left = arguments.timeout - (time.monotonic() - started)
            if confirm == "enter":
                code, typed = self.host.show(PAM_PROMPT_ECHO_OFF, translated(PROMPT))
                if typed or code != PAM_SUCCESS:
                    return "password-typed" if typed else "cancelled"
            self._say(PAM_TEXT_INFO, LOOKING)
            bus.on_progress = self._hint
            bus.deadline = time.monotonic() + min(timeout + MARGIN, left)
            return self._ask(bus, "Verify").text()

    def _can_verify(self, bus: Bus) -> tuple[str, str, float]:
        """Whether a scan may start, and if it is "ready", the policy's confirm and timeout."""
        reply = self._ask(bus, "CanVerify")
        word = reply.text()
        if word != "ready":
            if word == "match":
                raise Refusal("the daemon answered CanVerify with a match")
            return word, "", 0.0
        policy = reply.dictionary()
        confirm, timeout = policy.get("confirm"), policy.get("timeout")
        if confirm not in ("none", "enter") or not isinstance(timeout, float) or not timeout > 0:
            raise Refusal("the daemon sent a policy that makes no sense")
        return word, str(confirm), timeout

    def _ask(self, bus: Bus, member: str) -> Reader:
        options: dict[str, str | int] = {"service": self.host.service}
        if geteuid() == 0 and self.host.caller:  # root's program, at a user's wish: whose?
            options["caller"] = self.host.caller
        return bus.call(OBJECT_PATH, INTERFACE, member, self.host.user, options, expects="sa{sv}")

    def _say(self, style: int, text: str) -> None:
        if not self.silent:
            self.host.show(style, translated(text))  # a host that cannot show it loses nothing else

    def _hint(self, hint: str) -> None:
        if hint in GESTURES:
            self._say(PAM_TEXT_INFO, GESTURES[hint])

    def _log(self, priority: int, text: str) -> None:
        if priority != LOG_DEBUG or self.debug:
            self.host.log(priority, clean(text))
