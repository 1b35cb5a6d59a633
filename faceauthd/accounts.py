# SPDX-License-Identifier: MIT
"""Who a call is about, looked up in the account database without anybody waiting for it.

The database may be across the network (LDAP, SSSD) and keep silent for as long as it likes. So each
look-up has a thread of its own; a call whose answer does not come in time is refused, and a
database that answers nobody costs a few threads and no more.
"""

import threading
from collections.abc import Callable

from faceauthd import arguments, turns
from faceauthd.arguments import Target
from faceauthd.calls import Call
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

    def expire() -> None:
        call.fail(InternalError("the account database does not answer"))

    def finish(found: Target | FaceAuthError) -> None:
        if not call.answered:
            on_time()
            call.run(lambda: then(_checked(found)))

    def look_up() -> None:
        try:
            found: Target | FaceAuthError = arguments.target(user, caller)
        except FaceAuthError as error:
            found = error
        except Exception as error:  # a broken module of the database: it must not hang the call
            found = InternalError(f"the account database failed ({type(error).__name__})")
        finally:
            _free.release()
        turns.soon(lambda: finish(found))

    on_time = turns.after(TIMEOUT, expire)
    try:
        threading.Thread(target=look_up, name="account", daemon=True).start()
    except RuntimeError:  # no thread can be had: this call fails, and the next may have one
        _free.release()
        raise


def _checked(found: Target | FaceAuthError) -> Target:
    if isinstance(found, FaceAuthError):
        raise found
    return found
