#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The example of docs/dbus-client.md; a test runs it."""

# --8<-- [start:client]
from gi.repository import Gio, GLib

bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
result, details = bus.call_sync(
    "org.faceauth.FaceAuth1", "/org/faceauth/FaceAuth1", "org.faceauth.FaceAuth1.Manager",
    "Verify", GLib.Variant("(sa{sv})", ("", {})), GLib.VariantType("(sa{sv})"),
    Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, 30_000, None,
)  # fmt: skip
print(result, details["reason"])
raise SystemExit(result != "match")
# --8<-- [end:client]
