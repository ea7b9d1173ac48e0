"""Constraints: which assignments make sense, known before anything is trained.

A constraint that mentions an inactive parameter does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidSpace
from luthier.space.conditions import AllOf, condition
from luthier.space.expressions import Expression, Row


@dataclass(frozen=True, slots=True)
class Check:
    """A constraint written as an expression.

    Parameters
    ----------
    expression : Expression
    """

    expression: Expression

    @property
    def name(self) -> str:
        """The expression's source."""
        return self.expression.source

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters it mentions."""
        return self.expression.names

    def holds(self, row: Row) -> bool:
        """Return whether the assignment satisfies it; undefined counts as violated."""
        return self.expression.holds(row)

    def holds_each(self, columns: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.bool_]:
        """Return for each of `n` assignments whether it is satisfied."""
        return self.expression.holds_each(columns, n)


class Forbid:
    """A forbidden combination, such as ``Forbid({"penalty": "l1", "loss": "hinge"})``.

    Parameters
    ----------
    combination : mapping
        From parameters to values, in the same forms as ``when``. Forbidden is an assignment
        in which all these parameters are active and all entries hold.
    """

    __slots__ = ("combination",)

    def __init__(self, combination: Mapping[str, object] | AllOf) -> None:
        parsed = condition(combination, "Forbid")
        if not isinstance(parsed, AllOf):
            raise InvalidSpace("Forbid", combination, "a mapping from parameters to values")
        self.combination = parsed

    def __repr__(self) -> str:
        return f"Forbid({self.combination!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Forbid) and self.combination == other.combination

    def __hash__(self) -> int:
        return hash(self.combination)

    @property
    def name(self) -> str:
        """How it is written."""
        return repr(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters it mentions."""
        return self.combination.names

    def holds(self, row: Row) -> bool:
        """Return whether the assignment is allowed."""
        return not self.combination.holds(row)

    def holds_each(self, columns: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.bool_]:
        """Return for each of `n` assignments whether it is allowed."""
        return ~self.combination.holds_each(columns, n)


@dataclass(frozen=True, slots=True)
class Rule:
    """A constraint that is a Python function of the params.

    Parameters
    ----------
    function : callable, optional
        ``function(params) -> bool``. None for a rule that was read from a file, which holds
        only its name: code is never imported by a name found in a file.
    name : str, optional
        Names it in files and errors; by default ``module:qualname``. All lambdas of a module
        have the same one, and a space takes it once.
    """

    function: Callable[[Row], Any] | None
    name: str = ""

    names = None  # it may look at any parameter

    def __post_init__(self) -> None:
        if self.function is not None and not callable(self.function):
            raise InvalidSpace("Rule", self.function, "a function of the params")
        if not isinstance(self.name, str):
            raise InvalidSpace("Rule: name", self.name, "a string")
        if not self.name:
            object.__setattr__(self, "name", reference(self.function))

    def holds(self, row: Row) -> bool:
        """Return whether the assignment satisfies it.

        Raises
        ------
        InvalidSpace
            If the function raises, or is missing.
        """
        return bool(call(self.function, self.name, row, "constraint"))


Constraint = Check | Forbid | Rule


def constraint(given: object) -> Constraint:
    """Read a constraint as users write it: an expression, a `Forbid`, a `Rule`, a function."""
    match given:
        case Check() | Forbid() | Rule():
            return given
        case str():
            return Check(Expression(given))
    if callable(given):
        return Rule(given)
    raise InvalidSpace("constraint", given, "an expression, a Forbid, or a function of the params")


def reference(function: object) -> str:
    """Return the name under which a function is known in files, ``module:qualname``."""
    module = getattr(function, "__module__", None)
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{module}:{qualname}"


def call(function: Callable[[Row], Any] | None, name: str, row: Row, what: str) -> Any:
    """Call a user's function on a copy of the params, and say whose fault it is if it raises."""
    if function is None:
        raise InvalidSpace(
            f"{what} {name!r}",
            None,
            f"its function, given as Space.from_json(data, callables={{{name!r}: function}})",
        )
    try:
        return function(dict(row))
    except Exception as error:
        raise InvalidSpace(
            f"{what} {name!r}", dict(row), f"a function that does not raise ({error!r})"
        ) from error
