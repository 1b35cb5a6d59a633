# SPDX-License-Identifier: MIT
"""A faceauthd that answers as it is told: the real contract on a real bus, with nothing behind it.

As a program (``python -m tests.cli.scripted ADDRESS SCRIPT``) it is that daemon. SCRIPT is JSON:
for a method the ``reply`` (a list of results), or the ``error`` ([name, text]), after the
``progress`` ([[hint, fraction], …]); a method with neither never answers. Each call is told on
stdout in one JSON line: the method, its arguments, and what came in a file descriptor.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from gi.repository import GLib

from faceauthd.bus import Bus, Peer
from faceauthd.calls import Call
from faceauthd.contract import introspection_xml
from faceauthd.results import BUS_NAME, ERRORS, INTERFACE, OBJECT_PATH
from faceauthd.variants import Typed
from tests.harness.bus import PrivateBus, end, wait_for_name
from tests.harness.data import ROOT

METHODS = re.findall(r'<method name="(\w+)"', introspection_xml())
SIGNATURES = {bool: "b", int: "u", float: "d", str: "s", list: "as"}


class Scripted:
    """A running scripted daemon, from the test's side."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def next_call(self) -> list[Any]:
        """The next call that arrives; waits for it."""
        assert self.process.stdout is not None
        call: list[Any] = json.loads(self.process.stdout.readline())
        return call


@contextmanager
def scripted_service(bus: PrivateBus) -> Iterator[Callable[..., Scripted]]:
    """Gives a function that starts one on the bus; it is ended on leaving."""
    with ExitStack() as stack:

        def start(**script: object) -> Scripted:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.scripted", bus.address, json.dumps(script)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            stack.callback(process.stdout.close)
            stack.callback(end, process)
            wait_for_name(bus, BUS_NAME, process)
            return Scripted(process)

        yield start


def serve(address: str, script: dict[str, Any]) -> None:
    bus = Bus(address)
    origin = Peer(BUS_NAME, OBJECT_PATH, INTERFACE)

    def handle(call: Call) -> None:
        step = script.get(call.method, {})
        print(json.dumps([call.method, *told(call)]), flush=True)
        for hint, fraction in step.get("progress", []):
            bus.send_signal(call.sender, origin, "Progress", "(sd)", hint, fraction)
        if "error" in step:
            name, text = step["error"]
            call.fail(ERRORS[name](text))
        elif "reply" in step:
            call.reply(*map(typed, step["reply"]))

    bus.publish(OBJECT_PATH, introspection_xml(), dict.fromkeys(METHODS, handle))
    bus.own(BUS_NAME)
    GLib.MainLoop().run()


def told(call: Call) -> Iterator[object]:
    """The call's arguments, with the bytes of a file in place of its descriptor."""
    for argument in call.arguments:
        if isinstance(argument, dict):
            plain = {name: value.value for name, value in argument.items()}
            if "source" in plain:
                with os.fdopen(os.dup(call.fd(plain["source"])), "rb") as file:
                    plain["source"] = file.read().decode("latin-1")
            yield plain
        else:
            yield argument


def typed(value: Any) -> Any:
    """A dictionary of the script with each value as the variant that the contract has there."""
    if isinstance(value, dict):
        return {name: Typed(signature(name, inner), inner) for name, inner in value.items()}
    return [typed(inner) for inner in value] if isinstance(value, list) else value


def signature(name: str, value: Any) -> str:
    if name == "created":
        return "x"
    if isinstance(value, dict):  # liveness: numbers in a verdict, models in a status
        return "a{sd}" if any(isinstance(v, float) for v in value.values()) else "a{ss}"
    return SIGNATURES[type(value)]


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
