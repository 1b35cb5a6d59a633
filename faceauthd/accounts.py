# SPDX-License-Identifier: MIT
"""Who a call is about, looked up in the account database without anybody waiting for it.

The database may be across the network (LDAP, SSSD) and keep silent for as long as it likes. So each
look-up has a thread of its own; a call whose answer does not come in time is refused, and a
database that answers nobody costs a few threads and no more.
"""

import threading
from collections.abc import Callable

from gi.repository import GLib

from faceauthd import arguments
from faceauthd.arguments import Target
from faceauthd.bus import Call
from faceauthd.results import BusyError, FaceAuthError, InternalError

TIMEOUT = 4.0  # seconds: below the 5 that the PAM module waits for CanVerify
AT_ONCE = 16

_free = threading.BoundedSemaphore(AT_ONCE)


def find(call: Call, user: str, caller: int, then: Callable[[Target], None]) -> None:
    """Go on with the user named by a call (empty: the caller's uid), on the main loop.

    The call fails where the name cannot be one, or the database does not answer in time.
    """
    if not _free.acquire(blocking=False):
        raise BusyError("the account database does not answer; try again later")

    def expire() -> bool:
        call.fail(InternalError("the account database does not answer"))
        return False

    def finish(found: Target | FaceAuthError) -> bool:
        if not call.answered:
            GLib.source_remove(deadline)
            call.run(lambda: then(_checked(found)))
        return False

    def look_up() -> None:
        try:
            found: Target | FaceAuthError = arguments.target(user, caller)
        except FaceAuthError as error:
            found = error
        except Exception as error:  # a broken module of the database: it must not hang the call
            found = InternalError(f"the account database failed ({type(error).__name__})")
        finally:
            _free.release()
        GLib.idle_add(finish, found, priority=GLib.PRIORITY_DEFAULT)

    deadline = GLib.timeout_add(int(TIMEOUT * 1000), expire)
    threading.Thread(target=look_up, name="account", daemon=True).start()


def _checked(found: Target | FaceAuthError) -> Target:
    if isinstance(found, FaceAuthError):
        raise found
    return found
