"""Expressions over parameters, such as ``"batch * accumulation <= 512"``, safe to read from a file.

The source is parsed by `ast` and compiled to nested closures of a small whitelist; nothing is
ever executed as Python. Allowed are numbers, strings, ``True``, ``False``, ``None``, names of
parameters, ``+ - * / // % **``, comparisons, ``in`` and ``not in``, ``and or not``,
``a if c else b``, and the functions min, max, abs, log, log2, log10, exp, sqrt, floor, ceil,
len and round. A parameter whose name is no Python identifier is written
``params["learning rate"]``.

``and``, ``or`` and ``not`` give True or False. Arithmetic takes numbers only.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidSpace
from luthier.space.operations import (
    ARITHMETIC,
    COMPARISONS,
    FUNCTIONS,
    NotVectorized,
    choose,
    truth,
)

_MAX_LENGTH = 2000
_MAX_DEPTH = 50

Row = Mapping[str, Any]
_OnRow = Callable[[Row], Any]
_OnColumns = Callable[[Mapping[str, Any]], Any]
_Pair = tuple[_OnRow, _OnColumns]


class Expression:
    """A parsed expression.

    Parameters
    ----------
    source : str
        At most 2000 characters, nested at most 50 deep.

    Attributes
    ----------
    source : str
    names : tuple of str
        The parameters it mentions, in order of their first mention.

    Raises
    ------
    InvalidSpace
        If the source is no expression, or uses something that is not allowed.
    """

    __slots__ = ("_on_columns", "_on_row", "names", "source")

    def __init__(self, source: str) -> None:
        if not isinstance(source, str) or not 0 < len(source.strip()) <= _MAX_LENGTH:
            raise InvalidSpace(
                "expression", source, f"an expression of 1 to {_MAX_LENGTH} characters"
            )
        self.source = source.strip()
        try:
            tree = ast.parse(self.source, mode="eval").body
        except SyntaxError as error:
            allowed = f"a valid expression ({error.msg} at position {error.offset})"
            raise InvalidSpace("expression", source, allowed) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise InvalidSpace("expression", source, f"a valid expression ({error})") from None
        compiler = _Compiler(self.source)
        self._on_row, self._on_columns = compiler.compile(tree, 0)
        self.names = tuple(compiler.names)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> tuple[type[Expression], tuple[str]]:
        return Expression, (self.source,)

    def value(self, row: Row) -> Any:
        """Return the value for one assignment.

        Raises
        ------
        ArithmeticError, ValueError
            If it is undefined there: a division by zero, the log of a negative number, a
            power too large.
        InvalidSpace
            If the types do not fit, such as a comparison of a word with a number.
        """
        try:
            return self._on_row(row)
        except TypeError as error:
            raise InvalidSpace("expression", self.source, f"matching types ({error})") from None

    def holds(self, row: Row) -> bool:
        """Return whether it is true for one assignment; undefined counts as false."""
        try:
            return bool(self._on_row(row))
        except (ArithmeticError, ValueError):
            return False
        except TypeError as error:
            raise InvalidSpace("expression", self.source, f"matching types ({error})") from None

    def holds_each(self, columns: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.bool_]:
        """Return whether it is true for each of `n` assignments.

        Parameters
        ----------
        columns : mapping
            For each name an array of shape (n,): float64, int64, or objects.
        n : int

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        mine = {name: columns[name] for name in self.names}
        try:
            # Integers go as floats, since NumPy's wrap around; all of size below 2**53 are exact.
            arrays = {
                k: v.astype(np.float64) if v.dtype.kind == "i" else v for k, v in mine.items()
            }
            with np.errstate(divide="raise", over="raise", invalid="raise"):
                result = truth(self._on_columns(arrays))
            return np.broadcast_to(result, (n,)).copy()
        except (NotVectorized, ArithmeticError, ValueError, TypeError):
            # Somewhere in the table something is undefined, perhaps in a branch not taken.
            lists = {name: column.tolist() for name, column in mine.items()}
            rows = ({name: column[i] for name, column in lists.items()} for i in range(n))
            return np.fromiter(map(self.holds, rows), np.bool_, n)


class _Compiler:
    """Turns a tree into two closures: over one row, and over columns."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.names: dict[str, None] = {}

    def refuse(self, node: ast.expr, allowed: str) -> InvalidSpace:
        part = ast.get_source_segment(self.source, node)
        place = f"at position {node.col_offset + 1} of {self.source!r}"
        return InvalidSpace("expression", part, f"{allowed} ({place})")

    def compile(self, node: ast.expr, depth: int) -> _Pair:
        if depth > _MAX_DEPTH:
            raise self.refuse(node, f"at most {_MAX_DEPTH} levels of nesting")
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is None:
            raise self.refuse(
                node, "numbers, strings, names, arithmetic, comparisons, and/or/not, if-else"
            )
        pair: _Pair = method(node, depth + 1)
        return pair

    def _Constant(self, node: ast.Constant, depth: int) -> _Pair:
        value = node.value
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise self.refuse(node, "a number, a string, True, False or None")
        return (lambda row: value), (lambda columns: value)

    def _Name(self, node: ast.Name, depth: int) -> _Pair:
        return self._parameter(node.id)

    def _Subscript(self, node: ast.Subscript, depth: int) -> _Pair:
        key = node.slice
        if (
            isinstance(node.value, ast.Name)
            and node.value.id == "params"
            and isinstance(key, ast.Constant)
            and isinstance(key.value, str)
        ):
            return self._parameter(key.value)
        raise self.refuse(node, 'params["name of a parameter"]')

    def _parameter(self, name: str) -> _Pair:
        self.names[name] = None
        return (lambda row: row[name]), (lambda columns: columns[name])

    def _UnaryOp(self, node: ast.UnaryOp, depth: int) -> _Pair:
        inner, inner_each = self.compile(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return (lambda row: not inner(row)), (lambda c: np.logical_not(truth(inner_each(c))))
        if isinstance(node.op, (ast.USub, ast.UAdd)):
            factor = -1 if isinstance(node.op, ast.USub) else 1
            times, times_each = ARITHMETIC[ast.Mult]
            return (
                lambda row: times(factor, inner(row)),
                lambda columns: times_each(factor, inner_each(columns)),
            )
        raise self.refuse(node, "the signs + and -, and not")

    def _BinOp(self, node: ast.BinOp, depth: int) -> _Pair:
        if type(node.op) not in ARITHMETIC:
            raise self.refuse(node, "the operators + - * / // % **")
        operate, operate_each = ARITHMETIC[type(node.op)]
        left, left_each = self.compile(node.left, depth)
        right, right_each = self.compile(node.right, depth)
        return (
            lambda row: operate(left(row), right(row)),
            lambda columns: operate_each(left_each(columns), right_each(columns)),
        )

    def _BoolOp(self, node: ast.BoolOp, depth: int) -> _Pair:
        pairs = [self.compile(value, depth) for value in node.values]
        parts, parts_each = [p[0] for p in pairs], [p[1] for p in pairs]
        if isinstance(node.op, ast.And):
            return (
                lambda row: all(part(row) for part in parts),
                lambda columns: _reduce(np.logical_and, parts_each, columns),
            )
        return (
            lambda row: any(part(row) for part in parts),
            lambda columns: _reduce(np.logical_or, parts_each, columns),
        )

    def _IfExp(self, node: ast.IfExp, depth: int) -> _Pair:
        test, test_each = self.compile(node.test, depth)
        then, then_each = self.compile(node.body, depth)
        other, other_each = self.compile(node.orelse, depth)
        return (
            lambda row: then(row) if test(row) else other(row),
            lambda columns: choose(test_each(columns), then_each(columns), other_each(columns)),
        )

    def _Compare(self, node: ast.Compare, depth: int) -> _Pair:
        pairs = [self.compile(node.left, depth)]
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, (ast.In, ast.NotIn)):
                pairs.append(self._collection(right, depth))
            elif type(op) in COMPARISONS:
                pairs.append(self.compile(right, depth))
            else:
                raise self.refuse(node, "the comparisons == != < <= > >=, in and not in")
        operations = [COMPARISONS[type(op)] for op in node.ops]
        operands, operands_each = [p[0] for p in pairs], [p[1] for p in pairs]
        if len(operations) == 1:  # the common case, without the loop
            compare = operations[0][0]
            left_of, right_of = operands
            return (
                lambda row: compare(left_of(row), right_of(row)),
                lambda columns: _chain_each(operations, operands_each, columns),
            )
        return (
            lambda row: _chain(operations, operands, row),
            lambda columns: _chain_each(operations, operands_each, columns),
        )

    def _collection(self, node: ast.expr, depth: int) -> _Pair:
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            try:
                values = tuple(ast.literal_eval(node))
            except (ValueError, TypeError):
                raise self.refuse(node, "a collection of literals after in") from None
            return (lambda row: values), (lambda columns: values)
        return self.compile(node, depth)

    def _Call(self, node: ast.Call, depth: int) -> _Pair:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in FUNCTIONS:
            raise self.refuse(node, f"the functions {', '.join(FUNCTIONS)}")
        function, function_each, fewest, most = FUNCTIONS[name]
        if node.keywords or not fewest <= len(node.args) <= most:
            raise self.refuse(node, f"{fewest} to {most} plain arguments of {name}")
        pairs = [self.compile(argument, depth) for argument in node.args]
        arguments, arguments_each = [p[0] for p in pairs], [p[1] for p in pairs]
        return (
            lambda row: function(*[argument(row) for argument in arguments]),
            lambda columns: function_each(*[argument(columns) for argument in arguments_each]),
        )


def _reduce(combine: Any, parts: list[_OnColumns], columns: Mapping[str, Any]) -> Any:
    result = truth(parts[0](columns))
    for part in parts[1:]:
        result = combine(result, truth(part(columns)))
    return result


def _chain(operations: list[Any], operands: list[_OnRow], row: Row) -> bool:
    left = operands[0](row)
    for (compare, _), operand in zip(operations, operands[1:], strict=True):
        right = operand(row)
        if not compare(left, right):
            return False
        left = right
    return True


def _chain_each(operations: list[Any], operands: list[_OnColumns], columns: Any) -> Any:
    values = [operand(columns) for operand in operands]
    result: Any = True
    for (_, compare), left, right in zip(operations, values, values[1:], strict=False):
        result = np.logical_and(result, compare(left, right))
    return result
