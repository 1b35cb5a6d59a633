# SPDX-License-Identifier: MIT
"""Lets a call through: who calls, what authority.py says of them, and polkit where it decides.

polkit may ask a person and so take its time; nobody else waits meanwhile. A caller who cancels, or
leaves, ends the question. What was checked before the question may have changed by its answer:
handlers check their own state after they were let through.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from faceauthd import accounts, authority
from faceauthd.arguments import Target
from faceauthd.bus import Bus, BusError, Credentials
from faceauthd.calls import Call
from faceauthd.pace import Pace
from faceauthd.results import BusyError, CancelledError, PermissionDeniedError

# Seconds for polkit's answer: with a person who types a password, and without.
PERSON = 120.0
NOBODY = 5.0
BURST, PER_SECOND = 60, 1.0  # calls of a user: pace.py
MOST_QUESTIONS = 8  # to polkit, of one user at once
MOST_OF_ALL = 32  # of all users: fewer than bus.MAX_QUESTIONS, for logind is asked as well


@dataclass
class _Question:
    sender: str
    uid: int
    give_up: Callable[[], None]


class Gate:
    """The way into every method."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._questions: list[_Question] = []
        self._pace = Pace(BURST, PER_SECOND)

    def caller(self, call: Call) -> Credentials:
        """Who calls, though they may have left; BusyError where too often.

        CancelledError where they left before anybody knew them.
        """
        try:
            found = self._bus.credentials(call.sender)
        except BusError:
            raise CancelledError("the caller left the bus") from None
        self.keep_pace(found.uid)
        return found

    def keep_pace(self, uid: int) -> None:
        """Count a call of this user's, or at their wish; BusyError where there are too many."""
        if uid != authority.ROOT and not self._pace.allows(uid, time.monotonic()):
            raise BusyError("too many calls of yours in a short time; wait a moment")

    def about(self, call: Call, user: str, then: Callable[[Target, Credentials], None]) -> None:
        """Go on where the caller may call this for the user of that name (empty: themself)."""
        caller = self.caller(call)
        accounts.find(
            call,
            user,
            caller.uid,
            lambda target: self.admit(call, caller, target.uid, lambda: then(target, caller)),
        )

    def admit(
        self, call: Call, caller: Credentials, target: int | None, then: Callable[[], None]
    ) -> None:
        """Go on with ``then`` where the caller may call this for the user with uid ``target``.

        Otherwise the call fails with PermissionDeniedError, now or after polkit's answer.
        """
        rule = authority.rule(call.method, authority.caller(caller.uid, target))
        if rule is authority.ALLOW:
            then()
        elif isinstance(rule, authority.Action):
            self._ask(call, caller.uid, rule, then)
        else:
            raise PermissionDeniedError(f"{call.method} is for root alone")

    def cancel(self, sender: str) -> None:
        """End what polkit is being asked on behalf of ``sender``."""
        for question in [each for each in self._questions if each.sender == sender]:
            question.give_up()

    def _ask(
        self, call: Call, uid: int, action: authority.Action, then: Callable[[], None]
    ) -> None:
        if sum(question.uid == uid for question in self._questions) >= MOST_QUESTIONS:
            raise BusyError("polkit is being asked about too many calls of yours already")
        if len(self._questions) >= MOST_OF_ALL:
            raise BusyError("polkit is being asked about too many calls already")

        def answered(allowed: bool) -> None:
            self._questions.remove(question)
            unwatch()
            call.run(go_on if allowed else refuse)

        def go_on() -> None:
            if not self._bus.is_there(call.sender):
                raise CancelledError("the caller left the bus")
            then()

        def refuse() -> None:
            raise PermissionDeniedError(
                f"{call.method} needs polkit's {action}, which said no: who sits at this machine "
                "may be asked for a password, and root is not asked"
            )

        give_up = self._bus.authorise(
            call.sender,
            action,
            interactive=call.interactive,
            timeout=PERSON if call.interactive else NOBODY,
            done=answered,
        )
        question = _Question(call.sender, uid, lambda: _cancelled(call, give_up))
        self._questions.append(question)
        unwatch = self._bus.on_vanished(call.sender, question.give_up)


def _cancelled(call: Call, give_up: Callable[[], None]) -> None:
    call.fail(CancelledError("cancelled while polkit was asked"))
    give_up()
