"""Parameters of several parts (Subset, Permutation, Simplex), and computed ones (Derived)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from luthier.errors import InvalidParams, InvalidSpace
from luthier.space.base import Param, distinct, is_number
from luthier.space.conditions import Condition, condition
from luthier.space.constraints import call, reference
from luthier.space.expressions import Expression, Row

SHARES = 10**9
"""Shares of a simplex are multiples of one in a billion."""
MAX_SHARES = 32
_SUM_TOLERANCE = 1e-6


class Composite(Param):
    """A parameter whose values have several parts; it may be frozen at one of them."""

    __slots__ = ()
    fixed: Any

    def _fix(self, kind: str, fixed: Any) -> None:
        object.__setattr__(self, "fixed", None)
        if fixed is not None:
            if not self.knows(fixed):
                raise InvalidSpace(f"{kind}: fixed", fixed, self._describe())
            object.__setattr__(self, "fixed", fixed)

    @abstractmethod
    def _describe(self) -> str:
        """Return what a value is, as a phrase."""

    def check(self, value: Any, field: str) -> None:
        """Raise `InvalidParams` unless `value` belongs to this parameter."""
        if not self.knows(value):
            raise InvalidParams(field, value, self._describe())
        if self.fixed is not None and value != self.fixed:
            raise InvalidParams(field, value, f"the value it is frozen at, {self.fixed!r}")

    @property
    def plain(self) -> bool:
        """Whether JSON gives every value back as it was."""
        return False


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Subset(Composite):
    """Some of the items. The value is a tuple, in the order of the items.

    Parameters
    ----------
    items : sequence
        As the choices of a `Categorical`.
    min_size : int, default 0
    max_size : int, optional
        By default the number of items.
    when : mapping or str, optional
        The condition under which the parameter is active.
    fixed : tuple, optional
        For editing: the only value that is still proposed.
    """

    items: tuple[Any, ...]
    min_size: int = 0
    max_size: int | None = None
    when: Condition | None = None
    fixed: tuple[Any, ...] | None = None

    def __init__(
        self,
        items: Iterable[Any],
        min_size: int = 0,
        max_size: int | None = None,
        *,
        when: object = None,
        fixed: tuple[Any, ...] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "items", distinct("Subset: items", items))
        count = len(self.items)
        _size("Subset: min_size", min_size, 0, count)
        put(self, "min_size", min_size)
        if max_size is not None:
            _size("Subset: max_size", max_size, min_size, count)
        put(self, "max_size", None if max_size == count else max_size)
        put(self, "when", condition(when, "Subset: when"))
        self._fix("Subset", fixed)

    @property
    def sizes(self) -> range:
        """The sizes a value may have."""
        most = len(self.items) if self.max_size is None else self.max_size
        return range(self.min_size, most + 1)

    @property
    def cardinality(self) -> int:
        """How many subsets there are."""
        if self.fixed is not None:
            return 1
        return sum(math.comb(len(self.items), size) for size in self.sizes)

    def knows(self, value: Any) -> bool:
        """Return whether `value` is a tuple of items, in their order, of an allowed size."""
        return (
            isinstance(value, tuple)
            and len(value) in self.sizes
            and all(item in self.items for item in value)
            and tuple(item for item in self.items if item in value) == value
        )

    def _describe(self) -> str:
        sizes = f"{self.sizes.start} to {self.sizes.stop - 1}"
        return f"a tuple of {sizes} of {list(self.items)!r}, in this order"


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Permutation(Composite):
    """All items in some order. The value is a tuple.

    Parameters
    ----------
    items : sequence
        As the choices of a `Categorical`.
    when : mapping or str, optional
        The condition under which the parameter is active.
    fixed : tuple, optional
        For editing: the only value that is still proposed.
    """

    items: tuple[Any, ...]
    when: Condition | None = None
    fixed: tuple[Any, ...] | None = None

    def __init__(
        self, items: Iterable[Any], *, when: object = None, fixed: tuple[Any, ...] | None = None
    ) -> None:
        object.__setattr__(self, "items", distinct("Permutation: items", items))
        object.__setattr__(self, "when", condition(when, "Permutation: when"))
        self._fix("Permutation", fixed)

    @property
    def cardinality(self) -> int:
        """How many orders there are."""
        return 1 if self.fixed is not None else math.factorial(len(self.items))

    def knows(self, value: Any) -> bool:
        """Return whether `value` is a tuple of every item, each once."""
        return (
            isinstance(value, tuple)
            and len(value) == len(self.items)
            and all(item in value for item in self.items)
        )

    def _describe(self) -> str:
        return f"a tuple with each of {list(self.items)!r} once"


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Simplex(Composite):
    """Shares that sum to 1. The value is a dict from each name to its share.

    Shares are multiples of 1e-9, so that they sum to 1 exactly when counted in billionths.

    Parameters
    ----------
    names : sequence of str
        From 2 to 32 names.
    when : mapping or str, optional
        The condition under which the parameter is active.
    fixed : dict, optional
        For editing: the only value that is still proposed.
    """

    names: tuple[str, ...]
    when: Condition | None = None
    fixed: dict[str, float] | None = None

    def __init__(
        self,
        names: Iterable[str],
        *,
        when: object = None,
        fixed: Mapping[str, float] | None = None,
    ) -> None:
        given = distinct("Simplex: names", names)
        if not 2 <= len(given) <= MAX_SHARES or not all(isinstance(name, str) for name in given):
            raise InvalidSpace("Simplex: names", given, f"2 to {MAX_SHARES} strings")
        object.__setattr__(self, "names", given)
        object.__setattr__(self, "when", condition(when, "Simplex: when"))
        self._fix("Simplex", fixed)

    @property
    def cardinality(self) -> int | None:
        """Infinitely many, None, unless frozen."""
        return None if self.fixed is None else 1

    @property
    def plain(self) -> bool:
        """Whether JSON gives every value back as it was: it does."""
        return True

    def knows(self, value: Any) -> bool:
        """Return whether `value` has a share in [0, 1] for each name and they sum to 1."""
        return (
            isinstance(value, Mapping)
            and set(value) == set(self.names)
            and all(is_number(share) and 0 <= share <= 1 for share in value.values())
            and abs(math.fsum(value.values()) - 1) <= _SUM_TOLERANCE
        )

    def _describe(self) -> str:
        return f"a dict from each of {list(self.names)!r} to its share; shares sum to 1"


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Derived(Param):
    """A value computed from other parameters: shown with them and not searched.

    Parameters
    ----------
    expression : str or callable
        ``"batch * accumulation"``, or a function of the params before it. In files a function
        is only a name, and has to be supplied again when read.
    when : mapping or str, optional
        The condition under which the parameter is active. It is also inactive as long as a
        parameter that its expression mentions is.
    name : str, optional
        Names a function in files and errors; by default ``module:qualname``.

    Notes
    -----
    Where an expression is undefined, as by a division by zero, the value is NaN.
    """

    expression: Expression | Callable[[Row], Any] | None
    when: Condition | None = None
    name: str = ""

    def __init__(
        self,
        expression: str | Expression | Callable[[Row], Any] | None,
        *,
        when: object = None,
        name: str = "",
    ) -> None:
        parsed = Expression(expression) if isinstance(expression, str) else expression
        if not (isinstance(parsed, Expression) or callable(parsed) or (parsed is None and name)):
            raise InvalidSpace("Derived: expression", expression, "an expression or a function")
        if not isinstance(name, str):
            raise InvalidSpace("Derived: name", name, "a string")
        if not isinstance(parsed, Expression) and not name:
            name = reference(parsed)
        object.__setattr__(self, "expression", parsed)
        object.__setattr__(self, "when", condition(when, "Derived: when"))
        object.__setattr__(self, "name", name)

    def __repr__(self) -> str:
        source = self.expression.source if isinstance(self.expression, Expression) else self.name
        return f"Derived({source!r}{'' if self.when is None else f', when={self.when!r}'})"

    @property
    def parents(self) -> tuple[str, ...]:
        """The parameters that its expression mentions."""
        return self.expression.names if isinstance(self.expression, Expression) else ()

    @property
    def cardinality(self) -> int:
        """One: the others decide."""
        return 1

    def knows(self, value: Any) -> bool:
        """Return True: what the value is is decided by the other parameters."""
        return True

    def check(self, value: Any, field: str) -> None:
        """Accept: the space compares with the computed value."""

    def compute(self, row: Row) -> Any:
        """Return the value for an assignment that has all the parents."""
        if not isinstance(self.expression, Expression):
            return call(self.expression, self.name, row, "derived")
        try:
            return self.expression.value(row)
        except (ArithmeticError, ValueError):
            return math.nan


def _size(field: str, given: Any, least: int, most: int) -> None:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise InvalidSpace(field, given, f"a whole number from {least} to {most}")
