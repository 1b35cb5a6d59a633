# SPDX-License-Identifier: MIT
"""A private system bus with the policy that ships, and stand-ins for polkit and logind on it.

The bus is a real dbus-daemon, closed like a distribution's system bus: what our policy file does
not open stays closed. Nothing here waits on a clock; timeouts only guard against hangs.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gi.repository import Gio, GLib

from tests.harness.data import ROOT

POLICY = ROOT / "packaging" / "dbus" / "org.faceauth.FaceAuth1.conf"
CONNECTIONS: list[Any] = []  # none is freed while GDBus's thread may use it; see faceauthd/bus.py
HANG_GUARD = 120  # seconds, generous: only a hang reaches it

# The defaults of a distribution's system.conf, and leave for the stand-ins to be polkit and logind.
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.login1"/>
  </policy>
  <policy user="{uid}">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow own="org.freedesktop.login1"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""


class PrivateBus:
    """``with PrivateBus() as bus: … bus.address`` — a system bus of one's own.

    Every local user may connect, as on the real one. ``user`` is who may be faceauthd beside root
    (default: whoever runs the test).
    """

    def __init__(self, user: int | None = None) -> None:
        self.user = os.getuid() if user is None else user
        self.address = ""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="faceauth-bus-")
        folder = Path(self._folder.name)
        folder.chmod(0o755)
        self.address = f"unix:path={folder / 'socket'}"
        policy = folder / "policy.conf"
        policy.write_text(POLICY.read_text().replace('user="faceauth"', f'user="{self.user}"'))
        config = folder / "bus.conf"
        config.write_text(
            BUS_CONFIG.format(socket=folder / "socket", uid=os.getuid(), policy=policy)
        )
        log = folder / "log"
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():  # written once the socket listens
            raise RuntimeError(f"dbus-daemon did not start: {log.read_text()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        end(self._process)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()

    def connect(self) -> Any:
        """A fresh Gio.DBusConnection: one client of the bus, with a name of its own."""
        flags = Gio.DBusConnectionFlags
        connection = Gio.DBusConnection.new_for_address_sync(
            self.address,
            flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION,
            None,
            None,
        )
        CONNECTIONS.append(connection)
        return connection

    def environment(self) -> dict[str, str]:
        """This process's environment with the private bus as its system bus."""
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address}


class StandIn:
    """A python-dbusmock template that plays one system service; a context manager."""

    def __init__(self, bus: PrivateBus, template: str, name: str, path: str) -> None:
        self._bus, self._template, self._name, self._path = bus, template, name, path

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", self._template],
            env=self._bus.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        wait_for_name(self._bus, self._name, self.process)
        self._connection = self._bus.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close_sync(None)
        end(self.process)

    def mock(self, method: str, signature: str = "()", *arguments: object) -> Any:
        """Call the template's control interface."""
        return self._connection.call_sync(
            self._name,
            self._path,
            "org.freedesktop.DBus.Mock",
            method,
            GLib.Variant(signature, arguments),
            None,
            Gio.DBusCallFlags.NONE,
            HANG_GUARD * 1000,
            None,
        ).unpack()


class PolkitStandIn(StandIn):
    """polkit that allows exactly the actions it is told to, and can hang."""

    def __init__(self, bus: PrivateBus, allowed: Iterable[str]) -> None:
        super().__init__(
            bus, "polkitd", "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority"
        )
        self._allowed = allowed

    def __enter__(self) -> Self:
        super().__enter__()
        self.allow(self._allowed)
        return self

    def allow(self, actions: Iterable[str]) -> None:
        self.mock("SetAllowed", "(as)", list(actions))

    def hang(self) -> None:
        """From now on every question waits, until ``release``."""
        self.mock("SimulateHang", "(b)", True)

    def release(self) -> None:
        """Answer what waits, and whatever is still on its way here at once."""
        self.mock("SimulateHang", "(b)", False)
        self.mock("ReleaseHangingCalls")

    def has_hanging_calls(self) -> bool:
        return bool(self.mock("HaveHangingCalls")[0])


def polkit_stand_in(bus: PrivateBus, allowed: Iterable[str] = ()) -> PolkitStandIn:
    """``with polkit_stand_in(bus, ["org.faceauth.FaceAuth1.enroll"]) as polkit: …``."""
    return PolkitStandIn(bus, allowed)


def logind_stand_in(bus: PrivateBus) -> StandIn:
    return StandIn(bus, "logind", "org.freedesktop.login1", "/org/freedesktop/login1")


def wait_for_name(bus: PrivateBus, name: str, process: subprocess.Popen[Any]) -> None:
    """Return once somebody owns ``name``; raise if ``process``, who should, ends before."""
    context = GLib.MainContext.new()
    context.push_thread_default()  # the signal arrives here, whatever else the caller runs
    connection = bus.connect()
    appeared: list[str] = []
    watch = Gio.bus_watch_name_on_connection(
        connection,
        name,
        Gio.BusNameWatcherFlags.NONE,
        lambda _connection, _name, owner: appeared.append(owner),
        None,
    )
    ticks = GLib.timeout_source_new(100)  # wakes the loop to notice a dead process
    ticks.set_callback(lambda _data: True)
    ticks.attach(context)
    try:
        ticks_left = HANG_GUARD * 10
        while not appeared:
            context.iteration(True)
            ticks_left -= 1
            if process.poll() is not None:
                raise RuntimeError(f"{name}: its process ended with {process.returncode}")
            if ticks_left < 0:
                raise TimeoutError(f"{name} did not appear on the bus")
    finally:
        ticks.destroy()
        Gio.bus_unwatch_name(watch)
        connection.close_sync(None)
        context.pop_thread_default()


def end(process: subprocess.Popen[Any], how: signal.Signals = signal.SIGTERM) -> int:
    """Stop a process that this test started and reap it; returns its exit status."""
    with suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        return process.wait(HANG_GUARD)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
