# SPDX-License-Identifier: MIT
"""D-Bus values as plain Python, in both directions.

What D-Bus calls a variant is a ``Typed`` pair of a signature and a value; all else is what it looks
like. So nobody but this file, bus.py and calls.py needs to know GLib's own variants.
"""

from typing import Any, NamedTuple

from gi.repository import GLib


class Typed(NamedTuple):
    """A value with its D-Bus signature: a variant."""

    signature: str
    value: Any


def to_variants(value: Any) -> Any:
    """The same value with each ``Typed`` inside as a GLib.Variant."""
    if isinstance(value, Typed):
        return GLib.Variant(value.signature, to_variants(value.value))
    if isinstance(value, dict):
        return {key: to_variants(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_variants(item) for item in value]
    if isinstance(value, tuple):
        return tuple(to_variants(item) for item in value)
    if isinstance(value, str) and "\0" in value:
        raise ValueError("D-Bus has no strings with a NUL; GLib would send what is before it")
    return value


def from_variants(parameters: Any) -> tuple[Any, ...]:
    """A call's arguments; ``a{sv}`` keeps the types, since ``unpack`` makes h and i alike."""
    children = [parameters.get_child_value(i) for i in range(parameters.n_children())]
    return tuple(
        _typed_dictionary(child) if child.get_type_string() == "a{sv}" else child.unpack()
        for child in children
    )


def _typed_dictionary(variant: Any) -> dict[str, Typed]:
    entries = [variant.get_child_value(i) for i in range(variant.n_children())]
    values = {
        entry.get_child_value(0).get_string(): entry.get_child_value(1).get_variant()
        for entry in entries
    }
    return {key: Typed(value.get_type_string(), value.unpack()) for key, value in values.items()}
