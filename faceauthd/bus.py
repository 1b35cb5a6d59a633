# SPDX-License-Identifier: MIT
"""The bus: with calls.py, the only file that knows pydbus, and what pydbus lacks.

pydbus sends signals to everybody, lets others take a name over, and asks polkit with the main loop
stopped. Here instead

- signals go to one receiver, names are kept, and a caller who leaves is noticed;
- questions to polkit and logind are asynchronous and end at a deadline.

Values cross this file as plain Python (variants.py). All callbacks run on GLib's main loop.
"""

import itertools
import logging
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pydbus
from gi.repository import Gio, GLib
from pydbus.registration import ObjectRegistration

from faceauthd import turns
from faceauthd.aside import Aside
from faceauthd.calls import Dispatcher, Handler
from faceauthd.variants import Typed, to_variants

MOST_KNOWN = 64  # senders whose credentials are remembered
# Of ours to others at once, of which each has a thread and a descriptor; more of them wait.
MAX_QUESTIONS = 64
DEADLY = (signal.SIGTERM, signal.SIGHUP)  # what a program that waits may be ended with
POLKIT = ("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority")
# All connections, closed ones too. GDBus's thread may be taking a reference to one, for which
# PyGObject wants Python's lock, while Python frees it, for which GDBus wants its own: each waits
# for the other for ever. So none is freed before the process ends.
_CONNECTIONS: list[Any] = []
log = logging.getLogger(__name__)


class BusError(Exception):
    """The bus, or whom we asked over it, did not do it; ``name`` is the D-Bus error name."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True)
class Peer:
    """An object of somebody else on the bus: whom to ask, and about which interface."""

    name: str
    path: str
    interface: str


@dataclass(frozen=True)
class Credentials:
    """Who is at the other end, by the bus's own knowledge."""

    uid: int
    pid: int


class Bus:
    """One connection to a message bus."""

    def __init__(self, address: str) -> None:
        """Connect; raises BusError with one line where there is no bus."""
        self._tickets = itertools.count(1)
        self._aside = Aside(MAX_QUESTIONS)
        self._known: OrderedDict[str, Credentials] = OrderedDict()
        try:
            self._bus = pydbus.connect(address)
        except GLib.Error as error:
            raise _bus_error(error) from None
        _CONNECTIONS.append(self._bus.con)

    def publish(self, path: str, xml: str, handlers: Mapping[str, Handler]) -> None:
        """Offer the one interface that ``xml`` describes; each of its methods needs a handler."""
        info = Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0]
        ObjectRegistration(self._bus, path, [info], Dispatcher(info, handlers))

    def own(self, name: str) -> None:
        """Take a well-known name for good; raises BusError where another has it or may not."""
        try:
            self._bus.request_name(name, allow_replacement=False, replace=False)
        except GLib.Error as error:  # a RuntimeError too, so it comes first
            raise _bus_error(error) from None
        except RuntimeError:
            raise BusError("", f"the name {name} is taken: is another faceauthd running?") from None

    def send_signal(
        self, receiver: str, origin: Peer, signal: str, signature: str, *values: object
    ) -> None:
        """Send a signal of our object ``origin`` to one receiver alone."""
        self._bus.con.emit_signal(
            receiver,
            origin.path,
            origin.interface,
            signal,
            GLib.Variant(signature, to_variants(values)),
        )

    def credentials(self, sender: str) -> Credentials:
        """Who ``sender``, a unique name, is or was; raises BusError where that cannot be known.

        The bus is asked once: it gives such a name to one connection only, for good, and that
        keeps the credentials with which it came.
        """
        if sender not in self._known:
            self._known[sender] = self._credentials(sender)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return self._known[sender]

    def _credentials(self, sender: str) -> Credentials:
        try:
            found = self._bus.dbus.GetConnectionCredentials(sender)
            return Credentials(uid=found["UnixUserID"], pid=found["ProcessID"])
        except GLib.Error as error:
            raise _bus_error(error) from None
        except KeyError:
            raise BusError("", f"the bus does not know who {sender} is") from None

    def is_there(self, sender: str) -> bool:
        """Whether they are on the bus now."""
        try:
            return bool(self._bus.dbus.NameHasOwner(sender))
        except GLib.Error:
            return False

    def on_vanished(self, sender: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once ``sender`` has left the bus, also if they already have.

        Returns a function that ends the watch.
        """
        watcher = self._bus.watch_name(sender, name_vanished=lambda: callback())
        return lambda: watcher.unwatch()

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call back when the bus itself goes away."""
        self._bus.con.set_exit_on_close(False)
        self._bus.con.connect("closed", lambda *_: callback())

    def on_signal(
        self, origin: Peer, signal: str, callback: Callable[..., None]
    ) -> Callable[[], None]:
        """Call back with the values of each such signal that ``origin`` sends.

        Returns a function that ends the subscription.
        """
        subscription = self._bus.subscribe(
            sender=origin.name,
            iface=origin.interface,
            signal=signal,
            object=origin.path,
            signal_fired=lambda _sender, _path, _interface, _signal, values: callback(*values),
        )
        return lambda: subscription.unsubscribe()

    def authorise(
        self,
        sender: str,
        action: str,
        *,
        interactive: bool,
        timeout: float,
        done: Callable[[bool], None],
    ) -> Callable[[], None]:
        """Ask polkit whether ``sender`` may do ``action``; no answer within ``timeout`` s is a no.

        Returns a function that gives the question up; ``done(False)`` then still follows, and
        polkit takes its dialog away.
        """
        authority = Peer(*POLKIT, "org.freedesktop.PolicyKit1.Authority")
        ticket = f"faceauth-{next(self._tickets)}"

        def answered(reply: "tuple[Any, ...] | BusError") -> None:
            if isinstance(reply, BusError):
                log.warning("polkit gave no answer on %s: %s", action, reply)
                self._tell(authority, "CancelCheckAuthorization", Typed("(s)", (ticket,)))
                done(False)
            else:
                done(reply[0][0] is True)

        # The subject is the bus name and never a process: a process could be reused, or be ours.
        subject = ("system-bus-name", {"name": Typed("s", sender)})
        question = Typed(
            "((sa{sv})sa{ss}us)", (subject, action, {}, 1 if interactive else 0, ticket)
        )
        return self.ask(
            authority,
            "CheckAuthorization",
            question,
            timeout=timeout,
            done=answered,
            reply="((bba{ss}))",
        )

    def ask(
        self,
        peer: Peer,
        method: str,
        arguments: Typed,
        *,
        timeout: float,
        done: "Callable[[tuple[Any, ...] | BusError], None]",
        reply: str | None = None,
        fds: Sequence[int] = (),
        received: list[int] | None = None,
        interactive: bool = False,
    ) -> Callable[[], None]:
        """Call a method of somebody else; ``done`` gets the results or a BusError, exactly once.

        ``reply`` is the signature that the results must have. ``fds`` go along (as copies); those
        that come with the results are put into ``received``, for the caller to close.
        Returns a function that gives the call up; ``done`` then gets a BusError.

        A thread waits for the answer: what PyGObject makes of a callback would stay (turns.py).
        """
        flags = Gio.DBusCallFlags
        cancellable = Gio.Cancellable()
        call = (
            *(peer.name, peer.path, peer.interface, method),
            GLib.Variant(arguments.signature, to_variants(arguments.value)),
            GLib.VariantType(reply) if reply else None,
            flags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else flags.NONE,
            int(timeout * 1000),
            _fd_list(fds),
            cancellable,
        )

        def wait() -> None:
            answer: tuple[Any, ...] | BusError
            try:
                values, descriptors = self._bus.con.call_with_unix_fd_list_sync(*call)
            except GLib.Error as error:
                answer = _bus_error(error)
            else:
                if descriptors and received is not None:
                    received.extend(descriptors.steal_fds())
                answer = tuple(values.unpack())
            turns.soon(lambda: done(answer))

        self._aside.do(wait)
        return lambda: cancellable.cancel()

    def _tell(self, peer: Peer, method: str, arguments: Typed) -> None:
        """``ask`` where the answer, if any, does not matter."""
        values = GLib.Variant(arguments.signature, to_variants(arguments.value))
        flags, unlimited = Gio.DBusCallFlags.NONE, -1
        self._bus.con.call(
            *(peer.name, peer.path, peer.interface, method, values, None, flags, unlimited)
        )

    def wait(self, peer: Peer, method: str, arguments: Typed, **options: Any) -> tuple[Any, ...]:
        """``ask`` for a program without a main loop of its own: signals arrive while it waits.

        Raises BusError; KeyboardInterrupt (Ctrl-C, or what is DEADLY), the call still unanswered.
        """
        answers: list[tuple[Any, ...] | BusError] = []
        loop = GLib.MainLoop()

        def done(reply: "tuple[Any, ...] | BusError") -> None:
            answers.append(reply)
            loop.quit()

        with _interrupts(loop) as interrupted:
            self.ask(peer, method, arguments, done=done, **options)
            loop.run()
        if interrupted:
            raise KeyboardInterrupt
        (answer,) = answers
        if isinstance(answer, BusError):
            raise answer
        return answer

    def close(self) -> None:
        """Send what is under way, and leave the bus."""
        try:
            self._bus.con.flush_sync(None)
            self._bus.con.close_sync(None)
        except GLib.Error as error:
            log.debug("leaving the bus: %s", error.message)


@contextmanager
def _interrupts(loop: Any) -> Iterator[list[int]]:
    """Ctrl-C ends ``loop`` and is put into the list, within the block and in the main thread.

    Python's own handler raises wherever the program is: within PyGObject, in a ``__del__`` say,
    that is swallowed, and the program waits on. So does whatever else would end a program that has
    no handler for it, with no chance to leave its terminal and its files as they should be.
    """
    caught: list[int] = []

    def catch(number: int, _frame: object) -> None:
        caught.append(number)
        turns.soon(loop.quit)  # which also ends a loop that has yet to begin

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    deadly = (one for one in DEADLY if signal.getsignal(one) is signal.SIG_DFL)
    before = {one: signal.signal(one, catch) for one in (signal.SIGINT, *deadly)}
    try:
        yield caught
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _fd_list(fds: Sequence[int]) -> Any:
    descriptors = Gio.UnixFDList.new()
    for fd in fds:
        descriptors.append(fd)  # which duplicates it
    return descriptors


def _bus_error(error: Any) -> BusError:
    """A GLib.Error as a BusError, without GDBus's preamble."""
    name = Gio.DBusError.get_remote_error(error) or ""
    text = error.message.removeprefix(f"GDBus.Error:{name}: ")
    return BusError(name, " ".join(text.split()))
