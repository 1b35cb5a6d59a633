# SPDX-License-Identifier: MIT
"""Calls of others to our object: each is answered once, by its handler, now or later.

pydbus answers a call when its handler returns, and puts any exception's text into the answer. Here

- a handler gets a ``Call`` and answers it when it can; the text of an unforeseen exception goes to
  the log and never to the caller;
- calls that are too large, or too many, are refused before their arguments are unpacked;
- file descriptors that come with a call are counted, and closed with its answer.
"""

import ctypes
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gi
from gi.repository import Gio, GLib
from pydbus.registration import ObjectWrapper

from faceauthd import passed
from faceauthd.results import BusyError, FaceAuthError, InternalError, InvalidArgumentError
from faceauthd.variants import from_variants, to_variants

# More than any call of the contract needs is refused: before it is unpacked, since 32 MB of D-Bus
# are a gigabyte of Python.
MAX_FDS = 1
MAX_BYTES = 64 * 1024
MAX_CALLS = 32  # of one sender that are not answered yet
MAX_OPEN = 256  # of all senders, after which each has but one
_GOBJECT = ctypes.CDLL("libgobject-2.0.so.0")
log = logging.getLogger(__name__)


@dataclass
class Call:
    """One method call, to be answered exactly once with ``reply`` or ``fail``, now or later.

    ``arguments`` are plain values; an ``a{sv}`` among them is a ``dict[str, Typed]``.
    ``interactive`` says that the caller is ready to be asked for a password by polkit.
    """

    sender: str
    method: str
    interactive: bool
    _invocation: Any
    _out: str
    _fds: list[int]
    _spent: list[Any]  # where an answered call's invocation goes
    _on_answer: Callable[[], None]
    arguments: tuple[Any, ...] = ()
    answered: bool = False

    def reply(self, *values: object) -> None:
        """Answer with the method's results; a later answer is ignored."""
        answer = GLib.Variant(self._out, to_variants(values))  # may raise, so it comes first
        if self._finish():
            self._invocation.return_value(answer)

    def fail(self, error: FaceAuthError) -> None:
        """Answer with an error, whose text the caller sees."""
        if self._finish():
            self._invocation.return_dbus_error(error.dbus_name, str(error))

    def fd(self, handle: int) -> int:
        """The file descriptor that a ``h`` argument stands for; it is closed with the answer."""
        if not 0 <= handle < len(self._fds):
            raise InvalidArgumentError("the call names a file descriptor that did not come with it")
        return self._fds[handle]

    def run(self, step: Callable[[], None]) -> None:
        """Do one step of the answer; whatever it raises becomes the answer."""
        try:
            step()
        except FaceAuthError as error:
            self.fail(error)
        except Exception:
            log.exception("%s: unforeseen error", self.method)
            self.fail(InternalError(f"{self.method} failed; the log of faceauthd has the reason"))

    def _finish(self) -> bool:
        if self.answered:
            return False
        self.answered = True
        passed.close(self._fds)
        self._fds.clear()
        self._spent.append(self._invocation)
        self._on_answer()
        return True


Handler = Callable[[Call], None]


class Dispatcher(ObjectWrapper):  # type: ignore[misc]
    """pydbus's dispatcher with the answer left to the handler."""

    def __init__(self, info: Any, handlers: Mapping[str, Handler]) -> None:
        # Not the base's: it looks for signals to broadcast, and there are none.
        self._out = {
            m.name: "(" + "".join(a.signature for a in m.out_args) + ")" for m in info.methods
        }
        self._handlers = handlers
        self._spent: list[Any] = []
        self._open: Counter[str] = Counter()  # by sender: calls that are not answered
        missing = self._out.keys() - handlers.keys()
        if missing:
            raise LookupError(f"methods without a handler: {', '.join(sorted(missing))}")

    def call_method(
        self,
        connection: Any,
        sender: str,
        path: str,
        interface: str,
        method: str,
        parameters: Any,
        invocation: Any,
    ) -> None:
        del connection, path, interface  # one object, one interface
        _let_go(self._spent)
        message = invocation.get_message()
        allow = Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        call = Call(
            sender,
            method,
            bool(message.get_flags() & allow),
            invocation,
            self._out[method],
            _received_fds(message),
            self._spent,
            lambda: self._answered(sender),
        )
        self._open[sender] += 1
        call.run(lambda: self._handle(call, parameters))

    def _answered(self, sender: str) -> None:
        self._open[sender] -= 1
        if not self._open[sender]:
            del self._open[sender]  # names are never used again, and would be kept for ever

    def _handle(self, call: Call, parameters: Any) -> None:
        most = MAX_CALLS if self._open.total() <= MAX_OPEN else 1
        if self._open[call.sender] > most:
            raise BusyError("too many calls are waiting for their answers; let some of them end")
        if len(call._fds) > MAX_FDS:
            raise InvalidArgumentError(f"at most {MAX_FDS} file descriptor may come with a call")
        if parameters.get_size() > MAX_BYTES:
            raise InvalidArgumentError(f"a call's arguments may have at most {MAX_BYTES} bytes")
        call.arguments = from_variants(parameters)
        self._handlers[call.method](call)


def _let_go(invocations: list[Any]) -> None:
    """Give back the references to answered calls that PyGObject would keep for ever.

    GDBus hands one to whoever answers, and ``return_value`` should consume it, but PyGObject takes
    another for that: 2 kB a call, which any user could make until the memory is full. Called when
    nobody but Python and that mistake refers to them any more. Measured with PyGObject 3.42 alone;
    with any other a leak is better than a guess.
    """
    while invocations:
        invocation = invocations.pop()
        if gi.version_info[:2] == (3, 42) and invocation.__grefcount__ == 2:
            _GOBJECT.g_object_unref(ctypes.c_void_p(hash(invocation)))  # the hash is the address


def _received_fds(message: Any) -> list[int]:
    descriptors = message.get_unix_fd_list()
    return list(descriptors.steal_fds()) if descriptors else []
