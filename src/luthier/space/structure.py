"""Structure: parameters, conditions and constraints as one checked whole.

It knows what is active, what is allowed, and the nearest value that can be represented. It
draws nothing, reads and writes nothing; `luthier.space.Space` adds that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from luthier.errors import InvalidParams, InvalidSpace
from luthier.space.base import MISSING, Param
from luthier.space.coding import Coder
from luthier.space.composite import Derived, Permutation, Simplex, Subset
from luthier.space.composite_coders import PermutationCoder, SimplexCoder, SubsetCoder
from luthier.space.constraints import Constraint, constraint
from luthier.space.level_coders import ChoiceCoder, ConstantCoder
from luthier.space.number_coders import CellsCoder, ContinuousCoder, RoundedCoder
from luthier.space.params import Categorical, Float, Int
from luthier.space.schedule import Schedule
from luthier.space.schedule_coder import ScheduleCoder
from luthier.space.wiring import (
    parents,
    similar,
    wire_callables,
    wire_constraint,
    wire_params,
)


def make_coder(name: str, param: Param) -> Coder:
    """Return the coder of a parameter that has columns, that is of any but a `Derived`."""
    match param:
        case Float() | Int() if param.unbounded is False and param.outer[0] == param.outer[1]:
            return ConstantCoder(name, param)
        case Float() | Int() if (grid := param.grid()) is not None:
            return CellsCoder(name, param, grid)
        case Float():
            return ContinuousCoder(name, param)
        case Int():
            return RoundedCoder(name, param)
        case Categorical():
            return ChoiceCoder(name, param)
        case Subset():
            return SubsetCoder(name, param)
        case Permutation():
            return PermutationCoder(name, param)
        case Simplex():
            return SimplexCoder(name, param)
        case Schedule():
            beneath = {part: make_coder(part, of) for part, of in param.searched.items()}
            return ScheduleCoder(name, param, beneath)
        case _:
            raise InvalidSpace(f"space.{name}", param, "a parameter of this package")


class Structure:
    """Parameters, conditions and constraints; immutable.

    Parameters are those of `luthier.space.Space`.
    """

    __slots__ = (
        "_guards",
        "callables",
        "coders",
        "constraints",
        "deemed",
        "names",
        "params",
        "partial",
    )

    params: Mapping[str, Param]
    names: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    callables: Mapping[str, Callable[..., Any]]
    partial: bool
    deemed: Mapping[str, Any]
    coders: Mapping[str, Coder]
    _guards: Mapping[str, Callable[[Mapping[str, Any]], bool] | None]

    def __init__(
        self,
        params: Mapping[str, Param],
        *,
        constraints: Iterable[object] = (),
        partial: bool = False,
        deemed: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        if not isinstance(params, Mapping):
            raise InvalidSpace("space", params, "a mapping from names to parameters")
        if isinstance(constraints, (str, Mapping)) or not isinstance(constraints, Iterable):
            raise InvalidSpace("space.constraints", constraints, "a list of constraints")
        if not isinstance(partial, bool):
            raise InvalidSpace("space.partial", partial, "True or False")
        put = object.__setattr__
        wired = wire_params(params)
        put(self, "params", MappingProxyType(wired))
        put(self, "names", tuple(wired))
        given = (wire_constraint(constraint(item), wired) for item in constraints)
        put(self, "constraints", tuple(given))
        put(self, "callables", MappingProxyType(wire_callables(wired, self.constraints)))
        put(self, "partial", partial)
        coders = {
            name: make_coder(name, param)
            for name, param in wired.items()
            if not isinstance(param, Derived)
        }
        put(self, "coders", MappingProxyType(coders))
        put(self, "_guards", {name: _guard(param) for name, param in wired.items()})
        if not isinstance(deemed, Mapping):
            raise InvalidSpace("space.deemed", deemed, "a mapping from names to values")
        for name, value in deemed.items():
            if name not in coders or not wired[name].knows(value):
                raise InvalidSpace(f"space.deemed.{name}", value, "a value of a parameter")
        put(self, "deemed", MappingProxyType(dict(deemed)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Space cannot be changed: {name}")

    @property
    def paths(self) -> tuple[str, ...]:
        """The names, and ``name.part`` for each part of values that are mappings."""
        return (
            *self.names,
            *(f"{name}.{part}" for name, param in self.params.items() for part in _parts(param)),
        )

    @property
    def conditional(self) -> bool:
        """Whether any parameter may be absent."""
        return self.partial or any(guard is not None for guard in self._guards.values())

    def active(self, params: Mapping[str, Any]) -> frozenset[str]:
        """Return the names that are active given these values.

        A parameter is active if all the parents it mentions are active and present, and its
        condition holds. Its own value need not be given.
        """
        found: set[str] = set()
        present: dict[str, Any] = {}
        for name, param in self.params.items():
            if self.is_active(name, present):
                found.add(name)
                if isinstance(param, Derived):
                    present[name] = param.compute(present)
                elif name in params:
                    present[name] = params[name]
        return frozenset(found)

    def is_active(self, name: str, present: Mapping[str, Any]) -> bool:
        """Return whether a parameter is active given the values of all that are before it."""
        guard = self._guards[name]
        return guard is None or guard(present)

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Return whether `check` would accept these values."""
        try:
            self.check(params)
        except InvalidParams:
            return False
        return True

    def check(self, params: Mapping[str, Any], partial: bool = False) -> None:
        """Raise unless these values belong to the space.

        Parameters
        ----------
        params : mapping
            Values by name. Values of `Derived` parameters may be left out.
        partial : bool, default False
            Accept that values are missing. What depends on a missing one is not checked.

        Raises
        ------
        InvalidParams
            Naming the parameter that is unknown, missing, inactive, or has a wrong value, or
            the constraint that is violated.
        """
        row = self._canonical(params, partial)
        for rule in self.constraints:
            names = rule.names
            if names is None:
                applies = not partial or self._complete(row)
            else:
                applies = all(name in row for name in names)
            if applies and not rule.holds(row):
                raise InvalidParams(
                    f"constraint {rule.name}", dict(params), "params that satisfy it"
                )

    def canonical(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nearest values that can be represented, derived ones computed anew.

        What comes from `sample`, `grid` or a codec is canonical already, as is any number
        written with at most 12 significant digits (on the linear scale: relative to the larger
        bound). Constraints are not checked.

        Raises
        ------
        InvalidParams
            If a value does not belong to its parameter.
        """
        return self._canonical(params, self.partial)

    def complete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values with the derived ones added, in order of declaration."""
        row: dict[str, Any] = {}
        for name, param in self.params.items():
            if not isinstance(param, Derived):
                if name in params:
                    row[name] = params[name]
            elif self.is_active(name, row):
                row[name] = param.compute(row)
        return row

    def satisfied(self, row: Mapping[str, Any]) -> bool:
        """Return whether a complete assignment satisfies every constraint that applies."""
        return all(holds(rule, row) for rule in self.constraints)

    def _complete(self, row: Mapping[str, Any]) -> bool:
        return self.active(row) <= row.keys()

    def _canonical(self, params: Mapping[str, Any], partial: bool) -> dict[str, Any]:
        if not isinstance(params, Mapping):
            raise InvalidParams("params", params, "a mapping from names to values")
        for name in params:
            if name not in self.params:
                raise InvalidParams(str(name), params[name], similar(str(name), self.names))
        partial = partial or self.partial
        row: dict[str, Any] = {}
        missing: set[str] = set()
        for name, param in self.params.items():
            if partial and not missing.isdisjoint(parents(param)):
                missing.add(name)  # unknown whether it is active
                if name in params and not isinstance(param, Derived):
                    param.check(params[name], name)
                    row[name] = self._nearest(name, params[name])
                    missing.discard(name)
            elif not self.is_active(name, row):
                if name in params:
                    raise InvalidParams(
                        name, params[name], f"no value: inactive unless {param.when}"
                    )
            elif isinstance(param, Derived):
                row[name] = param.compute(row)
                if name in params and not _agree(params[name], row[name]):
                    raise InvalidParams(name, params[name], f"the derived value, {row[name]!r}")
            elif name in params:
                param.check(params[name], name)
                row[name] = self._nearest(name, params[name])
            elif partial:
                missing.add(name)
            else:
                raise InvalidParams(name, MISSING, f"a value of {param!r}")
        return row

    def _nearest(self, name: str, value: Any) -> Any:
        coder = self.coders[name]
        return coder.one_to_value(coder.one_to_unit(value))


def _parts(param: Param) -> tuple[str, ...]:
    match param:
        case Simplex():
            return param.names
        case Schedule():
            return param.parts
    return ()


def _guard(param: Param) -> Callable[[Mapping[str, Any]], bool] | None:
    """Return the test of activity, None if always active."""
    names, when = parents(param), param.when
    if not names:
        return None
    if when is None:
        return lambda row: all(name in row for name in names)
    return lambda row: all(name in row for name in names) and when.holds(row)


def holds(rule: Constraint, row: Mapping[str, Any]) -> bool:
    """Return whether a constraint is satisfied by an assignment, or does not apply to it."""
    names = rule.names
    applies = names is None or all(name in row for name in names)
    return not applies or rule.holds(row)


def _agree(given: Any, computed: Any) -> bool:
    if isinstance(given, (int, float)) and isinstance(computed, (int, float)):
        return math.isclose(given, computed, rel_tol=1e-9) or (
            given != given and computed != computed
        )
    return bool(given == computed)
