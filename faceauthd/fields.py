# SPDX-License-Identifier: MIT
"""Taking a message of strangers apart: every value is checked for type, range and size.

``Fields`` wraps one JSON object. Each value is taken once, by a method that says what it must be;
``end()`` refuses what is left over. Whatever is wrong is a WireError, and nothing else is raised.
"""

import base64
import binascii
import json
import math
from itertools import pairwise
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray


class WireError(Exception):
    """The other side sent what it may not send; the text says what, for the log."""


def parse(data: bytes) -> "Fields":
    """The JSON object in ``data``; without NaN and infinity, and each name only once."""
    try:
        value = json.loads(data, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {type(error).__name__}") from None
    return Fields(value, "message")


class Fields:
    """One JSON object, taken apart value by value."""

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise WireError(f"{name} is no object")
        self._values: dict[str, object] = dict(value)
        self._name = name

    def take(self, key: str) -> object:
        """A value as it came; the caller checks it."""
        try:
            return self._values.pop(key)
        except KeyError:
            self._wrong(key)

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            self._wrong(key)
        return value

    def whole(self, key: str, low: int, high: int) -> int:
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._wrong(key)
        return value

    def number(self, key: str, low: float, high: float) -> float:
        return self._number(key, self.take(key), low, high)

    def text(self, key: str, longest: int) -> str:
        """One line without control characters: it may go to a log or a terminal as it is."""
        return self._text(key, self.take(key), longest)

    def texts(self, key: str, longest: int, most: int) -> tuple[str, ...]:
        return tuple(self._text(key, item, longest) for item in self._list(key, most))

    def objects(self, key: str, most: int) -> "list[Fields]":
        return [Fields(item, key) for item in self._list(key, most)]

    def numbers(self, key: str, count: int, low: float, high: float) -> list[float]:
        """Exactly ``count`` numbers."""
        values = self._list(key, count)
        if len(values) != count:
            self._wrong(key)
        return [self._number(key, value, low, high) for value in values]

    def named_numbers(self, key: str, most: int, low: float, high: float) -> dict[str, float]:
        """A number for each of up to ``most`` names."""
        named = self._named(key, most)
        return {name: self._number(key, value, low, high) for name, value in named.items()}

    def named_objects(self, key: str, most: int) -> "dict[str, Fields]":
        return {name: Fields(value, key) for name, value in self._named(key, most).items()}

    def named_curves(
        self, key: str, most: int, longest: int
    ) -> dict[str, tuple[tuple[float, float], ...]]:
        """For each of up to ``most`` names, pairs of numbers from 0 to 1 that rise together."""
        return {name: self._curve(key, value, longest) for name, value in
                self._named(key, most).items()}  # fmt: skip

    def rest(self, most: int, low: float, high: float) -> dict[str, float]:
        """All that is left: a number for each of up to ``most`` names."""
        left, self._values = self._values, {}
        return Fields({"rest": left}, self._name).named_numbers("rest", most, low, high)

    def vector(self, key: str, longest: int) -> NDArray[np.float32]:
        """Base64 of 1 to ``longest`` finite little-endian float32 values."""
        text = self.take(key)
        if not isinstance(text, str):
            self._wrong(key)
        try:
            data = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            self._wrong(key)
        if not 4 <= len(data) <= 4 * longest or len(data) % 4:
            self._wrong(key)
        values = np.frombuffer(data, "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            self._wrong(key)
        return values

    def absent(self, key: str) -> bool:
        """Whether the value is null; it is taken only then."""
        if key in self._values and self._values[key] is None:
            del self._values[key]
            return True
        return False

    def end(self) -> None:
        """Nothing may be left over."""
        for key in self._values:
            self._wrong(key)

    def _list(self, key: str, most: int) -> list[object]:
        value = self.take(key)
        if not isinstance(value, list) or len(value) > most:
            self._wrong(key)
        return value

    def _named(self, key: str, most: int) -> dict[str, object]:
        value = self.take(key)
        if not isinstance(value, dict) or len(value) > most:
            self._wrong(key)
        return {self._text(key, name, 64): item for name, item in value.items()}

    def _curve(self, key: str, value: object, longest: int) -> tuple[tuple[float, float], ...]:
        curve = Fields({key: value}, self._name)._list(key, longest)
        pairs = [Fields({key: pair}, self._name).numbers(key, 2, 0, 1) for pair in curve]
        if any(one[0] >= two[0] or one[1] >= two[1] for one, two in pairwise(pairs)):
            self._wrong(key)
        return tuple((pair[0], pair[1]) for pair in pairs)

    def _number(self, key: str, value: object, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong(key)
        if not low <= value <= high:  # false for NaN too
            self._wrong(key)
        return float(value)

    def _text(self, key: str, value: object, longest: int) -> str:
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            self._wrong(key)
        return value

    def _wrong(self, key: str) -> NoReturn:
        raise WireError(f"{self._name}: {key[:40]!r} is missing or wrong")


def pack_vector(values: NDArray[np.float32]) -> str:
    """What ``Fields.vector`` reads."""
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode("ascii")


def finite(value: float) -> float:
    """A number that JSON can carry; a WireError where it is none."""
    value = float(value)
    if not math.isfinite(value):
        raise WireError("a value is not finite")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name twice")
    return values


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a number")
