# SPDX-License-Identifier: MIT
"""Sessions: observations in, verdict out. Pure: no I/O, no clock but the observations' own."""

from faceauthd.sessions.verdict import Enrolment, Template, Verdict

__all__ = ["Enrolment", "Template", "Verdict"]
