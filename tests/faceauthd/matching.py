# SPDX-License-Identifier: MIT
"""A session that looks for Alice, and frames fed to one, for the tests of matching."""

from collections.abc import Mapping, Sequence

from faceauthd.sessions import IdentifySession, Template, Verdict, VerifySession
from tests.faceauthd.frames import ALICE, CUES, Change, frames, policy, template

THRESHOLD = 0.6


def verify(
    gallery: Sequence[Template] | None = None,
    cues: Mapping[str, Mapping[str, float]] = CUES,
    threshold: float = THRESHOLD,
    sure: float | None = None,
    run_threshold: float | None = None,
    **changes: object,
) -> VerifySession:
    mine = [template(ALICE, "alice")] if gallery is None else gallery
    return VerifySession(policy(**changes), mine, threshold, cues, sure, run_threshold)


def fed(session: IdentifySession, changes: Sequence[Change]) -> tuple[int, Verdict | None]:
    """How many frames were taken, and the verdict after the last of them."""
    for taken, observation in enumerate(frames(changes), start=1):
        if verdict := session.feed(observation):
            return taken, verdict
    return len(changes), None
