# SPDX-License-Identifier: MIT
"""A Verify, CanVerify or Identify that was let through: who asks, about whom, by which rules."""

from dataclasses import dataclass

from faceauthd.bus import Credentials
from faceauthd.calls import Call
from faceauthd.policy import Policy
from faceauthd.store import OWN


@dataclass(frozen=True)
class Request:
    """
    asker     the uid of the user at whose wish it is
    user      whom it is about; empty for Identify, which is about everybody
    stranger  the asker, where that is neither the user nor root; else OWN
    wisher    whom root's program, su say, names as the asker; None where it names nobody
    """

    call: Call
    caller: Credentials
    asker: int
    user: str
    policy: Policy
    stranger: int = OWN
    wisher: int | None = None

    @property
    def recorded(self) -> int:
        """The uid that an event is put down to: no guess, as the asker may be."""
        return self.caller.uid if self.wisher is None else self.wisher
