"""The operations an expression may use, each for single values and for columns.

The version for columns may give up with `NotVectorized` whenever it is not sure to give the
same as the version for single values; the caller then goes row by row.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_NUMBERS = (int, float, np.integer)
_EXACT = 2.0**53
_MAX_POWER_BITS = 4096
_MAX_ARGUMENTS = 20


class NotVectorized(Exception):
    """The operation has to go row by row."""


def truth(value: Any) -> Any:
    """Return the truth of a value, or of each element of an array."""
    return value.astype(np.bool_) if isinstance(value, np.ndarray) else bool(value)


def choose(test: Any, then: Any, other: Any) -> Any:
    """Return `then` where `test` is true, else `other`, for columns."""
    return np.where(truth(test), _numeric(then), _numeric(other))


def contains(value: Any, collection: Any) -> bool:
    """Return whether `value` equals an element of the collection."""
    return value in collection


def _lacks(value: Any, collection: Any) -> bool:
    return value not in collection


def _numeric(value: Any) -> Any:
    """Let numbers and float columns pass."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "fb":
            raise NotVectorized
    elif not isinstance(value, _NUMBERS):
        raise NotVectorized
    return value


def _on_numbers(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Refuse what Python also allows: a word times a huge number, or % that formats a word."""

    def checked(left: Any, right: Any) -> Any:
        if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
            return operate(left, right)
        raise TypeError(f"arithmetic needs numbers, not {left!r} and {right!r}")

    return checked


def _power(base: Any, exponent: Any) -> Any:
    both_whole = isinstance(base, int) and isinstance(exponent, int)
    if both_whole and exponent > 0 and base.bit_length() * exponent > _MAX_POWER_BITS:
        raise OverflowError("power too large")
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("root of a negative number")
    return result


def _each_exact(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(left: Any, right: Any) -> Any:
        result = operate(_numeric(left) * 1.0, _numeric(right) * 1.0)
        if np.any(np.abs(result) > _EXACT):
            raise NotVectorized
        return result

    return checked


def _each_scalar(function: Callable[..., Any]) -> Callable[..., Any]:
    """Apply the scalar function to every row."""

    def mapped(*arguments: Any) -> Any:
        arrays = np.broadcast_arrays(*[np.asarray(_numeric(a), np.float64) for a in arguments])
        lists = [np.atleast_1d(array).tolist() for array in arrays]
        results = np.array([function(*row) for row in zip(*lists, strict=True)], np.float64)
        return results if arrays[0].ndim else results[0]

    return mapped


def _compare_each(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compared(left: Any, right: Any) -> Any:
        for one, other in ((left, right), (right, left)):
            if isinstance(one, np.ndarray) and one.dtype != object:
                _numeric(other)
        return compare(left, right)

    return compared


_equal_each = _compare_each(operator.eq)


def _contains_each(values: Any, collection: Any) -> Any:
    if not isinstance(collection, tuple):
        raise NotVectorized
    result: Any = False
    for element in collection:
        result = np.logical_or(result, _equal_each(values, element))
    return result


def _extreme_each(better: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def extreme(*arguments: Any) -> Any:
        best = _numeric(arguments[0])
        for value in arguments[1:]:
            best = np.where(better(_numeric(value), best), value, best)
        return best

    return extreme


def _numbers_only(function: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        if all(isinstance(argument, _NUMBERS) for argument in arguments):
            return function(*arguments)
        raise TypeError(f"{function.__name__} needs numbers, not {arguments!r}")

    return checked


def _length(value: Sequence[Any]) -> int:
    return len(value)


def _length_each(_: Any) -> Any:
    raise NotVectorized


def _per_row(function: Callable[..., Any], fewest: int, most: int) -> _Function:
    return _numbers_only(function), _each_scalar(function), fewest, most


_Binary = tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]
_Function = tuple[Callable[..., Any], Callable[..., Any], int, int]

ARITHMETIC: dict[type[ast.operator], _Binary] = {
    ast.Add: (_on_numbers(operator.add), _each_exact(operator.add)),
    ast.Sub: (_on_numbers(operator.sub), _each_exact(operator.sub)),
    ast.Mult: (_on_numbers(operator.mul), _each_exact(operator.mul)),
    ast.Div: (_on_numbers(operator.truediv), _each_exact(operator.truediv)),
    ast.FloorDiv: (_on_numbers(operator.floordiv), _each_exact(operator.floordiv)),
    ast.Mod: (_on_numbers(operator.mod), _each_exact(operator.mod)),
    ast.Pow: (_on_numbers(_power), _each_exact(_each_scalar(_power))),
}
"""Binary operators: for values, for columns."""

COMPARISONS: dict[type[ast.cmpop], _Binary] = {
    ast.Eq: (operator.eq, _equal_each),
    ast.NotEq: (operator.ne, _compare_each(operator.ne)),
    ast.Lt: (operator.lt, _compare_each(operator.lt)),
    ast.LtE: (operator.le, _compare_each(operator.le)),
    ast.Gt: (operator.gt, _compare_each(operator.gt)),
    ast.GtE: (operator.ge, _compare_each(operator.ge)),
    ast.In: (contains, _contains_each),
    ast.NotIn: (_lacks, lambda values, within: np.logical_not(_contains_each(values, within))),
}
"""Comparisons: for values, for columns."""

FUNCTIONS: dict[str, _Function] = {
    "min": (_numbers_only(min), _extreme_each(operator.lt), 2, _MAX_ARGUMENTS),
    "max": (_numbers_only(max), _extreme_each(operator.gt), 2, _MAX_ARGUMENTS),
    "abs": (_numbers_only(abs), lambda value: np.abs(_numeric(value)), 1, 1),
    "log": _per_row(math.log, 1, 2),
    "log2": _per_row(math.log2, 1, 1),
    "log10": _per_row(math.log10, 1, 1),
    "exp": _per_row(math.exp, 1, 1),
    "sqrt": _per_row(math.sqrt, 1, 1),
    "floor": _per_row(math.floor, 1, 1),
    "ceil": _per_row(math.ceil, 1, 1),
    "len": (_length, _length_each, 1, 1),
    "round": (_numbers_only(round), _length_each, 1, 2),
}
"""Functions: for values, for columns, fewest and most arguments."""
