# SPDX-License-Identifier: MIT
"""Sessions: observations in, verdict out. Pure: no I/O, no clock but the observations' own."""

from faceauthd.sessions.challenge import ChallengeSession
from faceauthd.sessions.enrolling import EnrollSession
from faceauthd.sessions.matching import IdentifySession, VerifySession
from faceauthd.sessions.movement import Gesture
from faceauthd.sessions.verdict import Enrolment, Template, Verdict

__all__ = [
    "ChallengeSession",
    "EnrollSession",
    "Enrolment",
    "Gesture",
    "IdentifySession",
    "Template",
    "Verdict",
    "VerifySession",
]
