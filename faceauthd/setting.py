# SPDX-License-Identifier: MIT
"""One setting of the configuration: its default, the values it allows, and what it means.

A setting is a dataclass field made by ``setting()``; its ``Kind`` checks a value that came out of
TOML. The same fields make the reference page and the commented default file, so that neither can
say anything else than what is checked.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any, cast


@dataclass(frozen=True)
class Kind:
    """The values that a setting allows.

    ``read`` takes a value as TOML gave it and returns it as the program uses it, or raises
    ValueError for a value that is not allowed. ``allowed`` says in words which ones are.
    """

    allowed: str
    read: Callable[[object], object]


def setting(default: object, kind: Kind, doc: str) -> Any:
    """A dataclass field that is read from the configuration. ``doc`` is one sentence or two."""
    return field(default=default, metadata={"kind": kind, "doc": doc})


def kind_of(one: "Field[Any]") -> Kind:
    return cast(Kind, one.metadata["kind"])


def doc_of(one: "Field[Any]") -> str:
    return cast(str, one.metadata["doc"])


def flag() -> Kind:
    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    return Kind("true or false", read)


def whole(low: int, high: int) -> Kind:
    def read(value: object) -> int:
        # bool is an int in Python, but `frames = true` is a mistake.
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError
        return value

    return Kind(f"a whole number from {low} to {high}", read)


def number(low: float, high: float) -> Kind:
    """A number from low to high; nan compares false with everything and so is refused."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        if not low <= value <= high:
            raise ValueError
        return float(value)

    return Kind(f"a number from {low:g} to {high:g}", read)


def rate(high: float) -> Kind:
    """A share above 0 and up to high."""

    def read(value: object) -> float:
        # int 0 and 1 are never valid rates here, so only a float can be one.
        if not isinstance(value, float) or not 0 < value <= high:
            raise ValueError
        return value

    return Kind(f"a number above 0, up to {high:g}", read)


def one_of(*choices: object) -> Kind:
    def read(value: object) -> object:
        # By type too: 0 == False in Python.
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            raise ValueError
        return value

    return Kind(" or ".join(map(in_toml, choices)), read)


def text(what: str) -> Kind:
    """A text that is not empty and holds no control characters; ``what`` says what it names."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value or not value.isprintable():
            raise ValueError
        return value

    return Kind(what, read)


def absolute_path() -> Kind:
    def read(value: object) -> Path:
        if not isinstance(value, str) or not value.isprintable() or not value.startswith("/"):
            raise ValueError
        return Path(value)

    return Kind("an absolute path", read)


def listing(element: Kind) -> Kind:
    """A list without repetition; the program sees it as a tuple."""

    def read(value: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise ValueError
        items = tuple(element.read(item) for item in value)
        if len(set(items)) != len(items):
            raise ValueError
        return items

    return Kind(f"a list, without repetition, of {element.allowed}", read)


def one_or_several(one: Kind, element: Kind) -> Kind:
    """A value of the kind ``one``, or a list of such as ``element`` allows, which is not empty."""
    several = listing(element)

    def read(value: object) -> object:
        if isinstance(value, list) and value:
            return several.read(value)
        return one.read(value)

    return Kind(f"{one.allowed}; or {several.allowed}", read)


def in_toml(value: object) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | Path):
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    if isinstance(value, float):
        return f"{value:g}" if 0 < abs(value) < 1e-3 else str(value)
    return str(value)
