"""Conditions: when a parameter is active, and which combinations are forbidden.

A condition is a mapping from a parent to what is allowed of it (all entries must hold), or an
expression. It is false as long as a parent it mentions is inactive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidSpace
from luthier.space.expressions import Expression, Row
from luthier.space.priors import number


@dataclass(frozen=True, slots=True)
class Between:
    """Values of a numeric parent from `low` to `high`, both included.

    Parameters
    ----------
    low, high : float, optional
        At least one is given; None means no bound on that side.
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name, given in (("low", self.low), ("high", self.high)):
            if given is not None:
                number(f"Between: {name}", given, "a finite number or None", lambda _: True)
        if self.low is None and self.high is None:
            raise InvalidSpace("Between", self, "at least one of low and high")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidSpace("Between: high", self.high, f"at least low, {self.low!r}")

    def accepts(self, value: Any) -> bool:
        """Return whether the value lies between."""
        return (self.low is None or bool(value >= self.low)) and (
            self.high is None or bool(value <= self.high)
        )

    def accepts_each(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return whether each value lies between."""
        return np.fromiter(map(self.accepts, values.tolist()), np.bool_, len(values))


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some values of the parent.

    Parameters
    ----------
    values : tuple
    doubtful : bool, default False
        Whether `values` was given as a tuple that may itself be the one value meant.
    """

    values: tuple[Any, ...]
    doubtful: bool = False

    def accepts(self, value: Any) -> bool:
        """Return whether the value is one of them."""
        return value in self.values

    def accepts_each(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return for each value whether it is one of them."""
        allowed = frozenset(self.values)
        return np.fromiter((v in allowed for v in values.tolist()), np.bool_, len(values))


Allowed = OneOf | Between


@dataclass(frozen=True, slots=True)
class AllOf:
    """A condition of several entries, all of which must hold.

    Parameters
    ----------
    entries : tuple of (str, OneOf or Between)
    """

    entries: tuple[tuple[str, Allowed], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The parents it mentions."""
        return tuple(name for name, _ in self.entries)

    def holds(self, row: Row) -> bool:
        """Return whether all entries hold in one assignment that has all the names."""
        return all(allowed.accepts(row[name]) for name, allowed in self.entries)

    def holds_each(self, columns: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.bool_]:
        """Return for each of `n` assignments whether all entries hold."""
        result = np.ones(n, np.bool_)
        for name, allowed in self.entries:
            result &= allowed.accepts_each(columns[name])
        return result

    def __repr__(self) -> str:
        parts = (f"{name!r}: {_shown(allowed)}" for name, allowed in self.entries)
        return f"{{{', '.join(parts)}}}"


Condition = AllOf | Expression


def condition(given: object, field: str = "when") -> Condition | None:
    """Read a condition as users write it.

    Parameters
    ----------
    given : None, str, mapping, Expression or AllOf
        A mapping goes from the name of a parent to one value, to a list, set or tuple of
        values, or to `Between`. A tuple that is itself a choice of the parent counts as one
        value once the parent is known.
    field : str
        What to call it in errors.
    """
    if given is None or isinstance(given, (AllOf, Expression)):
        return given
    if isinstance(given, str):
        return Expression(given)
    if not isinstance(given, Mapping) or not given:
        raise InvalidSpace(
            field, given, "a mapping from parents to their allowed values, or an expression"
        )
    return AllOf(tuple((_name(name, field), _allowed(value)) for name, value in given.items()))


def _name(name: object, field: str) -> str:
    if not isinstance(name, str):
        raise InvalidSpace(field, name, "names of parameters")
    return name


def _allowed(given: object) -> Allowed:
    match given:
        case OneOf() | Between():
            return given
        case set() | frozenset():
            return OneOf(tuple(sorted(given, key=repr)))  # an order that no hash seed changes
        case list():
            return OneOf(tuple(given))
        case tuple():
            return OneOf(given, doubtful=True)
        case _:
            return OneOf((given,))


def _shown(allowed: Allowed) -> str:
    if isinstance(allowed, Between):
        return repr(allowed)
    return repr(list(allowed.values) if len(allowed.values) != 1 else allowed.values[0])
