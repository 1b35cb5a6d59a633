# SPDX-License-Identifier: MIT
"""bus.py and calls.py on a real private bus: a small service and its clients in one main loop."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faceauthd.bus import MOST_KNOWN, Bus, BusError, Credentials, Peer
from faceauthd.calls import Call
from faceauthd.results import BUS_NAME, INTERFACE, OBJECT_PATH, BusyError
from faceauthd.variants import Typed
from tests.faceauthd.stage import run_until
from tests.harness.bus import HANG_GUARD, PrivateBus, polkit_stand_in
from tests.harness.threads import at_rest
from tests.harness.watch import until

XML = f"""<node><interface name="{INTERFACE}">
  <method name="Echo">
    <arg name="text" type="s" direction="in"/><arg name="options" type="a{{sv}}" direction="in"/>
    <arg name="text" type="s" direction="out"/><arg name="details" type="a{{sv}}" direction="out"/>
  </method>
  <method name="Act"/>
</interface></node>"""
SERVICE = Peer(BUS_NAME, OBJECT_PATH, INTERFACE)
VERIFY = "org.faceauth.FaceAuth1.verify"


class Service:
    """A service whose two methods do what the test says."""

    def __init__(self, address: str) -> None:
        self.bus = Bus(address)
        self.echo: Callable[[Call], None] = lambda call: call.reply(call.arguments[0], {})
        self.act: Callable[[Call], None] = lambda call: call.reply()
        handlers = {"Echo": lambda call: self.echo(call), "Act": lambda call: self.act(call)}
        self.bus.publish(OBJECT_PATH, XML, handlers)
        self.bus.own(BUS_NAME)


@pytest.fixture
def service(private_bus: PrivateBus) -> Iterator[Service]:
    service = Service(private_bus.address)
    yield service
    service.bus.close()


@pytest.fixture
def client(private_bus: PrivateBus) -> Iterator[Bus]:
    bus = Bus(private_bus.address)
    yield bus
    bus.close()


def echo(client: Bus, text: str, options: dict[str, Typed] | None = None, **more: Any) -> Any:
    arguments = Typed("(sa{sv})", (text, options or {}))
    return client.wait(SERVICE, "Echo", arguments, timeout=HANG_GUARD, **more)


def act(client: Bus) -> Any:
    return client.wait(SERVICE, "Act", Typed("()", ()), timeout=HANG_GUARD)


def test_values_cross_with_their_types(service: Service, client: Bus) -> None:
    seen: list[Call] = []

    def echo_typed(call: Call) -> None:
        seen.append(call)
        call.reply(call.arguments[0], {"n": Typed("u", 3), "m": Typed("a{sd}", {"x": 0.5})})

    service.echo = echo_typed
    options = {"service": Typed("s", "sudo"), "source": Typed("i", 0)}
    assert echo(client, "é", options) == ("é", {"n": 3, "m": {"x": 0.5}})
    assert seen[0].arguments == ("é", options)


def test_an_answer_may_come_later_and_holds_up_nobody(service: Service, client: Bus) -> None:
    waiting: list[Call] = []
    service.echo = waiting.append
    answers: list[object] = []
    arguments = Typed("(sa{sv})", ("later", {}))
    client.ask(SERVICE, "Echo", arguments, timeout=HANG_GUARD, done=answers.append)
    assert act(client) == ()  # answered though the first call is still open
    assert answers == []
    waiting[0].reply("now", {})
    run_until(lambda: answers)
    assert answers == [("now", {})]


def test_only_the_first_answer_counts(service: Service, client: Bus) -> None:
    def answer_twice(call: Call) -> None:
        call.fail(BusyError("in use"))
        call.reply("match", {})

    service.echo = answer_twice
    with pytest.raises(BusError, match="in use") as caught:
        echo(client, "x")
    assert caught.value.name == "org.faceauth.FaceAuth1.Error.Busy"


def test_the_text_of_an_unforeseen_error_stays_in_the_log(
    service: Service, client: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(call: Call) -> None:
        raise RuntimeError("score 0.93")

    service.echo = stumble
    with caplog.at_level(logging.ERROR), pytest.raises(BusError) as caught:
        echo(client, "x")
    assert caught.value.name == "org.faceauth.FaceAuth1.Error.Internal"
    assert "0.93" not in str(caught.value)
    assert "0.93" in caplog.text


def test_an_answer_of_the_wrong_type_is_an_error_and_not_a_silence(
    service: Service, client: Bus
) -> None:
    service.echo = lambda call: call.reply(3, {})
    with pytest.raises(BusError) as caught:
        echo(client, "x")
    assert caught.value.name == "org.faceauth.FaceAuth1.Error.Internal"


def test_an_answered_call_leaves_nothing_behind(service: Service, client: Bus) -> None:
    freed: list[str] = []
    later: list[Call] = []

    def note(call: Call) -> None:
        name = f"call {len(freed)}"
        call._invocation.weak_ref(lambda: freed.append(name))
        if call.method == "Act":
            call.reply()
        else:
            later.append(call)

    service.act = service.echo = note
    act(client)
    answers: list[object] = []
    arguments = Typed("(sa{sv})", ("x", {}))
    client.ask(SERVICE, "Echo", arguments, timeout=HANG_GUARD, done=answers.append)
    run_until(lambda: later)
    later.pop().reply("x", {})
    run_until(lambda: answers)
    service.act = Call.reply
    act(client)  # each call frees the ones before it
    assert len(freed) == 2


def test_a_method_without_a_handler_is_a_fault_of_the_program(private_bus: PrivateBus) -> None:
    with pytest.raises(LookupError, match="Act"):
        Bus(private_bus.address).publish(OBJECT_PATH, XML, {"Echo": Call.reply})


def test_a_second_owner_is_refused(service: Service, private_bus: PrivateBus) -> None:
    with pytest.raises(BusError, match="taken"):
        Bus(private_bus.address).own(BUS_NAME)


def test_a_name_that_the_policy_does_not_give_is_refused(private_bus: PrivateBus) -> None:
    with pytest.raises(BusError) as caught:
        Bus(private_bus.address).own("org.example.Other")
    assert caught.value.name == "org.freedesktop.DBus.Error.AccessDenied"


def test_a_signal_reaches_its_receiver_and_nobody_else(
    service: Service, client: Bus, private_bus: PrivateBus
) -> None:
    received: list[tuple[object, ...]] = []
    overheard: list[tuple[object, ...]] = []
    bystander = Bus(private_bus.address)
    client.on_signal(SERVICE, "Progress", lambda *values: received.append(values))
    bystander.on_signal(SERVICE, "Progress", lambda *values: overheard.append(values))

    def hint(call: Call) -> None:
        service.bus.send_signal(call.sender, SERVICE, "Progress", "(sd)", "hold-still", 0.5)
        call.reply()

    service.act = hint
    act(client)
    act_of_bystander_is_behind = act(bystander)  # a broadcast would have come before this
    assert act_of_bystander_is_behind == ()
    assert received == [("hold-still", 0.5)]
    assert overheard == [("hold-still", 0.5)]  # its own, from its own call, and only that


def test_credentials_are_the_bus_s_own(service: Service, client: Bus) -> None:
    seen: list[Any] = []

    def note(call: Call) -> None:
        seen.append(service.bus.credentials(call.sender))
        call.reply()

    service.act = note
    act(client)
    assert (seen[0].uid, seen[0].pid) == (os.getuid(), os.getpid())
    with pytest.raises(BusError):
        service.bus.credentials(":1.999999")


def test_who_has_left_is_known_and_not_there(service: Service, private_bus: PrivateBus) -> None:
    """So a call that waited for them is still refused to them, and not to nobody."""
    names: list[str] = []

    def note(call: Call) -> None:
        names.append(call.sender)
        assert service.bus.is_there(call.sender)
        service.bus.credentials(call.sender)
        call.reply()

    service.act = note
    caller = Bus(private_bus.address)
    act(caller)
    caller.close()
    run_until(lambda: not service.bus.is_there(names[0]))
    assert service.bus.credentials(names[0]).uid == os.getuid()


def test_few_senders_are_remembered(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(sender: str) -> Credentials:
        asked.append(sender)
        return Credentials(uid=1, pid=1)

    monkeypatch.setattr(service.bus, "_credentials", ask)
    names = [f":1.{number}" for number in range(MOST_KNOWN + 1)]
    for name in (*names, *names[1:], names[0]):
        service.bus.credentials(name)
    assert asked == [*names, names[0]]


@pytest.mark.parametrize("before", [True, False])
def test_a_caller_who_leaves_is_noticed(
    service: Service, private_bus: PrivateBus, before: bool
) -> None:
    caller = Bus(private_bus.address)
    calls: list[Call] = []
    service.echo = calls.append
    answers: list[object] = []
    arguments = Typed("(sa{sv})", ("x", {}))
    caller.ask(SERVICE, "Echo", arguments, timeout=HANG_GUARD, done=answers.append)
    run_until(lambda: calls)
    gone: list[bool] = []
    if before:
        caller.close()
    service.bus.on_vanished(calls[0].sender, lambda: gone.append(True))
    if not before:
        caller.close()
    run_until(lambda: gone)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_file_descriptors_are_closed_with_the_answer(service: Service, client: Bus) -> None:
    with Path("/dev/null").open("rb") as file:
        echo(client, "warm", fds=[file.fileno()])
        before = open_files()
        for _ in range(5):
            echo(client, "x", fds=[file.fileno()])
        at_rest()
    until(lambda: open_files() <= before)  # GDBus's thread closes what it has sent


def test_what_came_with_a_call_is_closed_aside(
    service: Service, client: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a file that takes as long to be closed as its sender likes."""
    ours, theirs = socket.socketpair()
    inode, close = os.fstat(theirs.fileno()).st_ino, os.close
    closers: list[threading.Thread] = []

    def note(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == inode:
            closers.append(threading.current_thread())
        close(descriptor)

    monkeypatch.setattr(os, "close", note)
    with ours:
        echo(client, "x", fds=[theirs.fileno()])
        theirs.close()
        assert ours.recv(1) == b""  # all copies are closed
    assert len(closers) == 1
    assert threading.main_thread() not in closers


def test_a_passed_file_descriptor_is_the_caller_s_file(service: Service, client: Bus) -> None:
    def write(call: Call) -> None:
        os.write(call.fd(call.arguments[1]["source"].value), b"hello")
        call.reply("", {})

    service.echo = write
    ours, theirs = socket.socketpair()
    echo(client, "x", {"source": Typed("h", 0)}, fds=[theirs.fileno()])
    theirs.close()
    assert ours.recv(10) == b"hello"
    assert ours.recv(10) == b""  # all copies are closed
    ours.close()


@pytest.mark.parametrize(("handle", "sent"), [(0, 0), (1, 1), (0, 2)])
def test_wrong_file_descriptors_are_refused(
    service: Service, client: Bus, handle: int, sent: int
) -> None:
    def take(call: Call) -> None:
        call.fd(handle)

    service.echo = take
    with Path("/dev/null").open("rb") as file, pytest.raises(BusError) as caught:
        echo(client, "x", fds=[file.fileno()] * sent)
    assert caught.value.name == "org.faceauth.FaceAuth1.Error.InvalidArgument"


def authorised(service: Service, sender: str, timeout: float = HANG_GUARD) -> list[bool]:
    answers: list[bool] = []
    service.bus.authorise(sender, VERIFY, interactive=False, timeout=timeout, done=answers.append)
    return answers


@pytest.mark.parametrize("allowed", [True, False])
def test_polkit_decides(service: Service, private_bus: PrivateBus, allowed: bool) -> None:
    with polkit_stand_in(private_bus, [VERIFY] if allowed else []):
        answers = authorised(service, ":1.1")
        run_until(lambda: answers)
    assert answers == [allowed]


def test_without_polkit_nobody_is_authorised(service: Service) -> None:
    answers = authorised(service, ":1.1")
    run_until(lambda: answers)
    assert answers == [False]


def test_a_hanging_polkit_blocks_nobody_and_is_a_no(
    service: Service, client: Bus, private_bus: PrivateBus
) -> None:
    with polkit_stand_in(private_bus, [VERIFY]) as polkit:
        polkit.hang()
        patient, hasty = (authorised(service, ":1.1", timeout) for timeout in (HANG_GUARD, 0.1))
        assert act(client) == ()
        assert patient == []
        run_until(lambda: hasty)
    assert hasty == [False]


def test_a_question_to_polkit_can_be_given_up(service: Service, private_bus: PrivateBus) -> None:
    with polkit_stand_in(private_bus, [VERIFY]) as polkit:
        polkit.hang()
        answers: list[bool] = []
        give_up = service.bus.authorise(
            ":1.1", VERIFY, interactive=True, timeout=HANG_GUARD, done=answers.append
        )
        give_up()
        run_until(lambda: answers)
        polkit.release()
    assert answers == [False]


def test_a_call_that_is_too_large_is_refused_unread(service: Service, client: Bus) -> None:
    for options in ({"x": Typed("ay", [0] * 70_000)}, {"service": Typed("s", "x" * 70_000)}):
        with pytest.raises(BusError, match="at most 65536 bytes") as caught:
            echo(client, "x", options)
        assert caught.value.name == "org.faceauth.FaceAuth1.Error.InvalidArgument"


def test_strings_that_d_bus_cannot_carry_are_not_cut_short(client: Bus, service: Service) -> None:
    for text in ("alice\0root", "\udcff"):
        with pytest.raises(ValueError, match=r"NUL|surrogates"):
            echo(client, text)


def test_no_bus_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="No such file"):
        Bus(f"unix:path={tmp_path / 'nothing'}")


def test_the_end_of_the_bus_is_noticed() -> None:
    gone: list[bool] = []
    with PrivateBus() as short_lived:
        bus = Bus(short_lived.address)
        bus.on_closed(lambda: gone.append(True))
    run_until(lambda: gone)
