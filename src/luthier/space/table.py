"""Tables: many rows of params at once, one array for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.space.composite import Derived
from luthier.space.constraints import Constraint
from luthier.space.structure import Structure
from luthier.space.wiring import parents

BoolArray = NDArray[np.bool_]
ABSENT: Any = object()
"""Stands for the value of what is inactive or was not given."""


class Table:
    """Rows of params as columns; what is active and what is derived is found when first needed.

    Parameters
    ----------
    structure : Structure
    n : int
        Number of rows.
    read : callable
        Returns the values of a parameter that is not derived, shape (n,). Where it is inactive
        they may be anything.
    present : mapping, optional
        Where a parameter is there at all, shape (n,), for those of a partial space.
    """

    def __init__(
        self,
        structure: Structure,
        n: int,
        read: Callable[[str], NDArray[Any]],
        present: Mapping[str, BoolArray] = MappingProxyType({}),
    ) -> None:
        self.structure, self.n = structure, n
        self._read, self._present = read, present
        self._values: dict[str, NDArray[Any]] = {}
        self._active: dict[str, BoolArray | None] = {}

    def values(self, name: str) -> NDArray[Any]:
        """Return the values of a parameter, shape (n,); meaningless where it is inactive."""
        if name not in self._values:
            param = self.structure.params[name]
            self._values[name] = (
                self._computed(name, param) if isinstance(param, Derived) else self._read(name)
            )
        return self._values[name]

    def replace(self, name: str, values: Sequence[Any]) -> None:
        """Put other values into a column, except where they are `ABSENT`."""
        column = self.values(name)
        for i, value in enumerate(values):
            if value is not ABSENT:
                column[i] = value

    def active(self, name: str) -> BoolArray | None:
        """Return where a parameter is active, shape (n,); None if everywhere."""
        if name not in self._active:
            param = self.structure.params[name]
            names = parents(param)
            mask = self._all_active(names, self._present.get(name))
            if param.when is not None:
                mask = self._apply(param.when, names, mask, otherwise=False)
            self._active[name] = mask
        return self._active[name]

    def held(self, rule: Constraint) -> BoolArray:
        """Return where a constraint is satisfied or does not apply, shape (n,)."""
        if rule.names is None:
            return np.fromiter(map(rule.holds, self.rows()), np.bool_, self.n)
        return self._apply(rule, rule.names, self._all_active(rule.names, None), otherwise=True)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as dicts of what is active."""
        names = self.structure.names
        masks = [self.active(name) for name in names]
        columns = []
        for name, mask in zip(names, masks, strict=True):
            values = self.values(name).tolist()
            if mask is not None:
                values = [v if a else ABSENT for v, a in zip(values, mask.tolist(), strict=True)]
            columns.append(values)
        if not columns:
            return [{} for _ in range(self.n)]
        table = zip(*columns, strict=True)
        if all(mask is None for mask in masks):
            return [dict(zip(names, row, strict=True)) for row in table]
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not ABSENT}
            for row in table
        ]

    def _all_active(self, names: Sequence[str], mask: BoolArray | None) -> BoolArray | None:
        for name in names:
            other = self.active(name)
            if other is not None:
                mask = other if mask is None else mask & other
        return mask

    def _apply(
        self, test: Any, names: Sequence[str], mask: BoolArray | None, *, otherwise: bool
    ) -> BoolArray:
        """Return where a test holds; `otherwise` where `mask` is false."""
        columns = {name: self.values(name) for name in names}
        if mask is None:
            return test.holds_each(columns, self.n)  # type: ignore[no-any-return]
        result = np.full(self.n, otherwise)
        part = {name: column[mask] for name, column in columns.items()}
        result[mask] = test.holds_each(part, int(mask.sum()))
        return result

    def _computed(self, name: str, param: Derived) -> NDArray[Any]:
        """Return a derived column. A function may look at all the parameters before it."""
        before = self.structure.names[: self.structure.names.index(name)]
        names = param.parents or before
        masks = [self.active(other) for other in names]
        lists = [self.values(other).tolist() for other in names]
        mine = self.active(name)
        values = np.empty(self.n, object)
        for i in range(self.n):
            if mine is None or mine[i]:
                row = {
                    other: values_[i]
                    for other, values_, mask in zip(names, lists, masks, strict=True)
                    if mask is None or mask[i]
                }
                values[i] = param.compute(row)
        return values
