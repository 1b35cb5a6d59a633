# SPDX-License-Identifier: MIT
"""One line in the log for each verdict and each change of faces, the same shape every time.

``event="verify" user="alice" service="sudo" caller=0 result="no-match" … duration_ms=812``: keys in
a fixed order, strings quoted as JSON with everything beyond ASCII escaped, so that no name
can forge a line or colour a terminal. Scores are never written: logs are read by more people
than root.
"""

import json
import logging
from collections.abc import Sequence

Fields = dict[str, str | int]
log = logging.getLogger("faceauthd.audit")
log.setLevel(logging.INFO)  # an event is recorded whatever else is logged


def verdict(
    event: str,
    *,
    user: str,
    service: str,
    caller: int,
    result: str,
    reason: str,
    camera: str,
    models: Sequence[str],
    duration_ms: int,
) -> None:
    """Record how a scan ended, or why there was none.

    ``event`` is verify, can-verify, identify, watch or enroll, ``caller`` a uid.
    """
    _write(
        event=event,
        user=user,
        service=service,
        caller=caller,
        result=result,
        reason=reason,
        camera=camera,
        models=",".join(models),
        duration_ms=duration_ms,
    )


def change(event: str, *, user: str, caller: int, face: str, removed: int = 0) -> None:
    """Record what happened to stored faces; ``event`` is restore, rename, remove or clear."""
    _write(event=event, user=user, caller=caller, face=face, removed=removed)


def store(event: str, *, caller: int, faces: int) -> None:
    """Record what happened to the store as a whole; ``event`` is rekey or backup."""
    _write(event=event, caller=caller, faces=faces)


def password(*, user: str, service: str, caller: int) -> None:
    """Record that a user gave their password; the password itself never comes near the daemon."""
    _write(event="password", user=user, service=service, caller=caller)


def _write(**fields: str | int) -> None:
    line = " ".join(f"{key}={_quoted(value)}" for key, value in fields.items())
    log.info("%s", line, extra={"fields": fields})  # which events.py takes


def _quoted(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=True)
