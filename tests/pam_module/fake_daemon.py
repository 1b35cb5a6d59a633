# SPDX-License-Identifier: MIT
"""A process that owns the daemon's name on a real bus; CanVerify is "ready", and Verify as told.

    fake_daemon.py ADDRESS BEHAVIOUR [UID]

BEHAVIOUR is a result to answer with, or "hang" (no answer), "die" (at the call), "lie" (answers to
other calls, and a signal, all saying "match"), "silence" (as "hang"). By the policy of the last two
Verify has little time, so that a test need not wait for long. UID is the user to run as. It prints
"ready" once it owns the name and "Verify" when it is called, and takes the name from another.
"""

import os
import sys
from typing import Any

from gi.repository import Gio, GLib

NAME, PATH = "org.faceauth.FaceAuth1", "/org/faceauth/FaceAuth1"
XML = """<node><interface name="org.faceauth.FaceAuth1.Manager">
<method name="CanVerify"><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/>
<arg type="s" direction="out"/><arg type="a{sv}" direction="out"/></method>
<method name="Verify"><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/>
<arg type="s" direction="out"/><arg type="a{sv}" direction="out"/></method>
</interface></node>"""
HASTY = ("lie", "silence")
MATCH = GLib.Variant("(sa{sv})", ("match", {}))


def lie(connection: Any, call: Any) -> None:
    for serial in (call.get_serial() - 1, call.get_serial() + 1):
        reply = call.new_method_reply()
        reply.set_reply_serial(serial)
        reply.set_body(MATCH)
        connection.send_message(reply, Gio.DBusSendMessageFlags.NONE)
    connection.emit_signal(call.get_sender(), PATH, f"{NAME}.Manager", "Verify", MATCH)


def main(address: str, behaviour: str, uid: str = "") -> None:
    if uid:
        os.setgid(int(uid))
        os.setuid(int(uid))

    seconds = GLib.Variant("d", 0.1 if behaviour in HASTY else 60.0)
    policy = {"confirm": GLib.Variant("s", "none"), "timeout": seconds}

    def called(
        connection: Any, _sender: str, _path: str, _interface: str, member: str, *rest: Any
    ) -> None:
        invocation = rest[-1]
        if member == "CanVerify":
            invocation.return_value(GLib.Variant("(sa{sv})", ("ready", policy)))
            return
        print("Verify", flush=True)
        match behaviour:
            case "hang" | "silence":
                pass
            case "die":
                os._exit(0)
            case "lie":
                lie(connection, invocation.get_message())
            case _:
                invocation.return_value(GLib.Variant("(sa{sv})", (behaviour, {})))

    flags = Gio.DBusConnectionFlags
    connection = Gio.DBusConnection.new_for_address_sync(
        address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None
    )
    connection.set_exit_on_close(True)  # nobody else ends what the bus has started
    interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
    connection.register_object(PATH, interface, called, None, None)
    name_flags = Gio.BusNameOwnerFlags
    Gio.bus_own_name_on_connection(
        connection,
        NAME,
        name_flags.ALLOW_REPLACEMENT | name_flags.REPLACE,
        lambda *_: print("ready", flush=True),
        None,
    )
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
