# SPDX-License-Identifier: MIT
"""When a password is due before a face will do: after a start of the machine, and after a while.

Pure. The clock is the lockout's (CLOCK_BOOTTIME and the boot's id), which nobody can set. How long
ago another boot was it cannot tell, so a ``max_age`` also asks for a password after each start.
"""

from faceauthd.lockout import Moment
from faceauthd.policy import Policy

HOUR = 3600.0  # seconds


def due(last: Moment | None, now: Moment, policy: Policy) -> str:
    """Why the user has to give their password first, one line; empty where a face will do.

    ``last`` is when they last did; None where that was never.
    """
    if not policy.after_boot and not policy.max_age:
        return ""
    if last is None or last.boot != now.boot:
        return "no password was given since the machine was started"
    age = now.seconds - last.seconds
    if policy.max_age and not 0 <= age < policy.max_age * HOUR:
        return f"the last password was given more than {policy.max_age:g} h ago"
    return ""
