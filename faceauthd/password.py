# SPDX-License-Identifier: MIT
"""PasswordGiven: root tells that a user has just proved by their password who they are.

It comes from the account phase of our PAM module, which runs in the application's process and so
as root where the application is root's; see docs/decisions/0020-password-login.md.
"""

from faceauthd import arguments, audit
from faceauthd.arguments import Target
from faceauthd.bus import Credentials
from faceauthd.calls import Call
from faceauthd.gate import Gate
from faceauthd.parts import Parts


class Passwords:
    """The handler of PasswordGiven."""

    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts, self._gate = parts, gate

    def given(self, call: Call) -> None:
        user, options = call.arguments
        service = arguments.service(options)

        def then(target: Target, caller: Credentials) -> None:
            self._parts.store.password_given(target.name, self._parts.now())
            audit.password(user=target.name, service=service, caller=caller.uid)
            call.reply()

        self._gate.about(call, user, then)
