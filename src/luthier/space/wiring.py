"""Checks that parameters, conditions and constraints fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from luthier.errors import InvalidSpace
from luthier.space.base import Param, is_number, listing
from luthier.space.composite import Derived
from luthier.space.conditions import AllOf, Allowed, Between, Condition, OneOf
from luthier.space.constraints import Check, Constraint, Forbid, Rule
from luthier.space.expressions import Expression
from luthier.space.params import Categorical, Float, Int


def similar(name: str, names: Sequence[str]) -> str:
    """Return the known names as a phrase, and which of them was perhaps meant."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(map(repr, names))}"


def parents(param: Param) -> tuple[str, ...]:
    """Return the parameters that must be active for this one to be."""
    names = param.when.names if param.when is not None else ()
    computed = param.parents if isinstance(param, Derived) else ()
    return tuple(dict.fromkeys((*names, *computed)))


def wire_params(params: Mapping[str, object]) -> dict[str, Param]:
    """Check names, order and conditions, and return the parameters with conditions resolved.

    Raises
    ------
    InvalidSpace
        For a bad name, something that is no parameter, or a condition on a parameter that is
        unknown, declared later, or never takes such a value.
    """
    for name, param in params.items():
        _check_name(name)
        if not isinstance(param, Param):
            raise InvalidSpace(f"space.{name}", param, _instead(param))
    declared = {name: param for name, param in params.items() if isinstance(param, Param)}
    wired: dict[str, Param] = {}
    for name, param in declared.items():
        for parent in parents(param):
            if parent not in wired:
                raise InvalidSpace(f"space.{name}.when", parent, _why_not(name, parent, declared))
        if isinstance(param.when, AllOf):
            param = _with_when(param, resolve(param.when, wired, f"space.{name}.when"))
        wired[name] = param
    return wired


def wire_constraint(given: Constraint, params: Mapping[str, Param]) -> Constraint:
    """Check that a constraint fits the parameters, and return it with its values resolved."""
    for name in given.names or ():
        if name not in params:
            field = f"space.constraints: {given.name}"
            raise InvalidSpace(field, name, similar(name, list(params)))
    if isinstance(given, Forbid):
        return Forbid(resolve(given.combination, params, "space.constraints: Forbid"))
    if isinstance(given, Check) and not given.names:
        raise InvalidSpace("space.constraints", given.name, "an expression that names a parameter")
    return given


def wire_callables(
    params: Mapping[str, Param], constraints: Iterable[Constraint]
) -> dict[str, Callable[..., Any]]:
    """Return the functions of a space by their names.

    Raises
    ------
    InvalidSpace
        If two functions have one name: read from a file, both would be the same.
    """
    found: dict[str, Callable[..., Any]] = {}
    named: list[tuple[str, Any]] = [
        (rule.name, rule.function) for rule in constraints if isinstance(rule, Rule)
    ]
    named += [
        (param.name, param.expression)
        for param in params.values()
        if isinstance(param, Derived) and not isinstance(param.expression, Expression)
    ]
    for name, function in named:
        if function is not None and found.setdefault(name, function) != function:
            allowed = (
                "one function of a name; give names by Rule(function, name=...) "
                "or Derived(function, name=...)"
            )
            raise InvalidSpace("space: name of a function", name, allowed)
    return found


def resolve(condition: AllOf, params: Mapping[str, Param], field: str) -> AllOf:
    """Return the condition with each entry checked against its parent."""
    return AllOf(
        tuple(
            (name, _resolve(allowed, params[name], f"{field}.{name}"))
            for name, allowed in condition.entries
        )
    )


def _resolve(allowed: Allowed, parent: Param, field: str) -> Allowed:
    if isinstance(allowed, Between):
        if isinstance(parent, (Float, Int)):
            low, high = parent.support
            if (allowed.low is not None and allowed.low > high) or (
                allowed.high is not None and allowed.high < low
            ):
                raise InvalidSpace(field, allowed, f"values from {low!r} to {high!r}")
        elif isinstance(parent, Categorical):
            numeric = all(map(is_number, parent.choices))
            if not numeric or not any(map(allowed.accepts, parent.choices)):
                raise InvalidSpace(field, allowed, f"some of {listing(parent.choices)}")
        elif not isinstance(parent, Derived):
            raise InvalidSpace(field, allowed, "Between only for a parameter that is a number")
        return allowed
    values = (
        (allowed.values,) if allowed.doubtful and parent.knows(allowed.values) else allowed.values
    )
    if not values:
        raise InvalidSpace(field, values, "at least one value")
    for value in values:
        if isinstance(value, (list, set, dict)) or not parent.knows(value):
            raise InvalidSpace(field, value, f"a value that the parent can take: {parent!r}")
    return OneOf(values)


def _instead(given: object) -> str:
    """Return what to write instead of something that is no parameter."""
    if isinstance(given, (list, tuple)) and given:
        return f"a parameter, such as Categorical({listing(given)}); Space.from_dict takes lists"
    if isinstance(given, Mapping):
        return "a parameter such as Float, Int or Categorical; Space.from_dict takes plain dicts"
    return "a parameter such as Float, Int or Categorical"


def _with_when(param: Param, when: Condition) -> Param:
    return param if when == param.when else replace(param, when=when)  # type: ignore[type-var]


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name or any(_is_control(c) for c in name):
        raise InvalidSpace("space: name", name, "a non-empty string without control characters")


def _is_control(character: str) -> bool:
    return ord(character) < 32 or 127 <= ord(character) < 160


def _why_not(name: str, parent: str, declared: Mapping[str, Param]) -> str:
    if parent == name:
        return "other parameters: it refers to itself"
    if parent not in declared:
        return f"a known parameter; {similar(parent, list(declared))}"
    if name in _ancestors(parent, declared):
        return f"no cycle: {parent!r} depends on {name!r} too"
    return f"a parameter declared earlier; move {parent!r} before {name!r}"


def _ancestors(name: str, declared: Mapping[str, Param]) -> set[str]:
    found: set[str] = set()
    open_ = [name]
    while open_:
        for parent in parents(declared[open_.pop()]):
            if parent in declared and parent not in found:
                found.add(parent)
                open_.append(parent)
    return found
