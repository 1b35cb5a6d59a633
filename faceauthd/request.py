# SPDX-License-Identifier: MIT
"""A Verify, CanVerify or Identify that was let through: who asks, about whom, by which rules."""

from dataclasses import dataclass

from faceauthd.bus import Call, Credentials
from faceauthd.policy import Policy
from faceauthd.store import OWN


@dataclass(frozen=True)
class Request:
    """
    user      whom it is about; empty for Identify, which is about everybody
    stranger  the uid of another user at whose wish it is; OWN where there is none
    """

    call: Call
    caller: Credentials
    user: str
    policy: Policy
    stranger: int = OWN
