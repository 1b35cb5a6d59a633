# SPDX-License-Identifier: MIT
"""What audit.py records, kept twice: in the journal by its fields, and in the store for its user.

The journal is the record: written before the caller is answered, and not the daemon's to change. It
is for who may read the journal; a user may not, and so the last events are in the store as well,
for ListEvents. Those are written a little later, and a store that cannot take one changes no
verdict. Both are handlers of the logger ``faceauthd.audit``.
"""

import json
import logging
import socket
import time
from collections import deque

from faceauthd import turns
from faceauthd.audit import Fields
from faceauthd.results import StorageError
from faceauthd.store import Store

JOURNAL = "/run/systemd/journal/socket"
PREFIX = "FACEAUTH_"
INFO = 6  # syslog's priority
log = logging.getLogger(__name__)


class Journal(logging.Handler):
    """Sends each event to journald with its fields: ``journalctl FACEAUTH_USER=alice``.

    The protocol is systemd's "native journal protocol": a line for each field. What cannot be
    sent goes to ``fallback``.
    """

    def __init__(self, fallback: logging.Handler, path: str = JOURNAL) -> None:
        super().__init__()
        self._fallback, self._path = fallback, path

    def emit(self, record: logging.LogRecord) -> None:
        fields = {
            "MESSAGE": record.getMessage(),
            "PRIORITY": str(INFO),
            "SYSLOG_IDENTIFIER": "faceauthd",
            **{PREFIX + key.upper(): _one_line(value) for key, value in fields_of(record).items()},
        }
        lines = "".join(f"{key}={value}\n" for key, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as journal:
                journal.setblocking(False)
                journal.sendto(lines.encode(), self._path)
        except OSError:
            self._fallback.handle(record)


class Recent(logging.Handler):
    """Puts each event into the store at the next turn, when the call is answered."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store
        self._waiting: deque[tuple[int, Fields]] = deque()

    def emit(self, record: logging.LogRecord) -> None:
        if fields := fields_of(record):
            self._waiting.append((int(time.time()), fields))
            turns.soon(self._keep)

    def close(self) -> None:
        """Put what waits into the store, now; it may be closed next."""
        self._keep()
        super().close()

    def _keep(self) -> None:
        while self._waiting:
            at, fields = self._waiting.popleft()
            try:
                self._store.add_event(at, str(fields.get("user", "")), json.dumps(fields))
            except StorageError as error:
                log.warning("an event is in the log alone: %s", error)


def fields_of(record: logging.LogRecord) -> Fields:
    """The event's fields; empty where the record is none of audit.py's."""
    return getattr(record, "fields", {})


def _one_line(value: str | int) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(value))
