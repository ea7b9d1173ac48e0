"""What every parameter can do, and what values may be."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b
from typing import Any

import numpy as np

from luthier.errors import InvalidSpace
from luthier.space.conditions import Condition

_SHOWN = 20  # values in a message


def exact(value: Any) -> Any:
    """Return a key that tells apart what ``==`` does not: 1, 1.0 and True; 0.0 and -0.0.

    The key of a tuple is a digest, short however many choices there are.
    """
    if isinstance(value, tuple):
        return blake2b(repr(value).encode(), digest_size=16).digest()
    return (type(value), repr(value)) if isinstance(value, (bool, int, float)) else value


class _Missing:
    """Stands for a value that was not given, in messages."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


class Param(ABC):
    """Base of all parameters: equality by type and fields, and a short repr."""

    __slots__ = ("_known_key",)
    when: Condition | None

    def _key(self) -> tuple[Any, ...]:
        # Made once, since spaces are the keys of what is remembered from trial to trial.
        try:
            return self._known_key  # type: ignore[attr-defined,no-any-return]
        except AttributeError:
            key = tuple(exact(getattr(self, f.name)) for f in fields(self) if f.compare)  # type: ignore[arg-type]
            object.__setattr__(self, "_known_key", key)
            return key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Param) or type(self) is not type(other):
            return False
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), *map(_hash, self._key())))

    def __repr__(self) -> str:
        shown = []
        for field in fields(self):  # type: ignore[arg-type]
            if not field.repr:
                continue
            value = getattr(self, field.name)
            if field.name in ("low", "high", "choices", "items", "names", "expression"):
                shown.append(repr(list(value) if isinstance(value, tuple) else value))
            elif exact(value) != exact(field.default):
                shown.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    @abstractmethod
    def cardinality(self) -> int | None:
        """How many values there are; None for infinitely many."""

    @property
    def plain(self) -> bool:
        """Whether JSON gives every value back as it was."""
        return True

    @abstractmethod
    def check(self, value: Any, field: str) -> None:
        """Raise `InvalidParams` unless `value` belongs to this parameter."""

    @abstractmethod
    def knows(self, value: Any) -> bool:
        """Return whether `value` is, or once was, a value of this parameter."""


def _hash(value: Any) -> int:
    try:
        return hash(value)
    except TypeError:
        return 0  # a dict, or a function that is an object without a hash


def listing(values: Sequence[Any]) -> str:
    """Return values as they are written in a list, of many only the first few."""
    if len(values) <= _SHOWN:
        return repr(list(values))
    return f"[{', '.join(map(repr, values[:_SHOWN]))}, and {len(values) - _SHOWN} more]"


def is_number(value: Any) -> bool:
    """Return whether `value` is a number, not a bool, not NaN."""
    return (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and value == value
    )


def is_whole(value: Any) -> bool:
    """Return whether `value` is a number without a fraction."""
    return is_number(value) and value not in (math.inf, -math.inf) and value == int(value)


def distinct(field: str, given: Iterable[Any]) -> tuple[Any, ...]:
    """Return plain values that differ under ``==`` as a tuple, or raise `InvalidSpace`."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidSpace(field, given, "a sequence of values")
    values = tuple(given)
    if not values:
        raise InvalidSpace(field, values, "at least one value")
    seen: dict[Any, Any] = {}
    for value in values:
        if not _is_plain(value):
            raise InvalidSpace(
                field,
                value,
                "None, bool, int, float (not NaN), str and tuples of those; for other objects "
                "use a name and look the object up in the objective",
            )
        if value in seen:
            raise InvalidSpace(field, value, f"values that differ; it equals {seen[value]!r}")
        seen[value] = value
    return values


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    # Exact types: a subclass, such as a member of an IntEnum, would not come back from JSON.
    return value is None or (type(value) in (bool, int, float, str) and value == value)
