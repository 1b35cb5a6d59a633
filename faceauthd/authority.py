# SPDX-License-Identifier: MIT
"""Who may call what: one table, method by caller. Pure; no bus, no clock.

Root may do everything. A rule is ``ALLOW``, ``DENY`` or the polkit action that decides. A method
that the table does not name is for root alone, so a new one is closed until it is opened here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

ROOT = 0


class Caller(Enum):
    """The caller as seen from the user that the call is about."""

    ROOT = "root"
    SELF = "self"
    OTHER = "other"  # and everybody but root, where a call is about no user


class Action(StrEnum):
    """polkit's actions; packaging/polkit describes them to people."""

    VERIFY = "org.faceauth.FaceAuth1.verify"
    ENROLL = "org.faceauth.FaceAuth1.enroll"
    MANAGE = "org.faceauth.FaceAuth1.manage"


class Fixed(Enum):
    """An answer that needs nobody else."""

    ALLOW = "allow"
    DENY = "deny"


ALLOW, DENY = Fixed.ALLOW, Fixed.DENY
Rule = Fixed | Action


@dataclass(frozen=True)
class Row:
    """The rules of one method for those who are not root."""

    self: Rule
    other: Rule


TABLE: Mapping[str, Row] = {
    "CanVerify": Row(self=ALLOW, other=Action.VERIFY),
    "Verify": Row(self=ALLOW, other=Action.VERIFY),
    "Identify": Row(self=DENY, other=DENY),
    "PasswordGiven": Row(self=DENY, other=DENY),
    "Rekey": Row(self=DENY, other=DENY),
    "BackupFaces": Row(self=DENY, other=DENY),
    "RestoreFaces": Row(self=DENY, other=DENY),
    # Scores and pictures; whoever sees scores can climb them.
    "Watch": Row(self=DENY, other=DENY),
    "Enroll": Row(self=Action.ENROLL, other=Action.MANAGE),
    # Ends the caller's own call and no other's.
    "Cancel": Row(self=ALLOW, other=ALLOW),
    "ListFaces": Row(self=ALLOW, other=Action.MANAGE),
    "ListEvents": Row(self=ALLOW, other=Action.MANAGE),
    "RenameFace": Row(self=Action.ENROLL, other=Action.MANAGE),
    "RemoveFace": Row(self=Action.ENROLL, other=Action.MANAGE),
    "ClearFaces": Row(self=Action.ENROLL, other=Action.MANAGE),
    "ListCameras": Row(self=ALLOW, other=ALLOW),
    "GetStatus": Row(self=ALLOW, other=ALLOW),
    "Reload": Row(self=Action.MANAGE, other=Action.MANAGE),
}
CLOSED = Row(self=DENY, other=DENY)


def caller(uid: int, target: int | None) -> Caller:
    """What the caller is to the user with the uid ``target`` (None: unknown, or no user at all)."""
    if uid == ROOT:
        return Caller.ROOT
    return Caller.SELF if uid == target else Caller.OTHER


def rule(method: str, who: Caller) -> Rule:
    """What decides whether ``who`` may call ``method``."""
    if who is Caller.ROOT:
        return ALLOW
    row = TABLE.get(method, CLOSED)
    return row.self if who is Caller.SELF else row.other
