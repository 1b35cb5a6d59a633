# SPDX-License-Identifier: MIT
"""Sessions: observations in, verdict out. Pure: no I/O, no clock but the observations' own."""

from faceauthd.sessions.enrolling import EnrollSession
from faceauthd.sessions.matching import IdentifySession, VerifySession
from faceauthd.sessions.verdict import Enrolment, Template, Verdict

__all__ = [
    "EnrollSession",
    "Enrolment",
    "IdentifySession",
    "Template",
    "Verdict",
    "VerifySession",
]
