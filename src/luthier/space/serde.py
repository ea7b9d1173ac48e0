"""Spaces as plain JSON types, in the format that people write in YAML too.

A parameter is a mapping with ``type`` and the arguments of its class; a list is short for a
categorical, and a plain value for a constant. Tuples become lists. An infinite choice is written
``{"float": "inf"}``, since JSON has no word for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from luthier.errors import InvalidSpace
from luthier.space.base import Param
from luthier.space.composite import Derived, Permutation, Simplex, Subset
from luthier.space.conditions import Allowed, Between, Condition, OneOf
from luthier.space.constraints import Check, Constraint, Forbid, Rule
from luthier.space.courses import PARTS, read_course
from luthier.space.expressions import Expression
from luthier.space.params import Categorical, Float, Int
from luthier.space.priors import Around, Beta, LogNormal, Normal, Uniform
from luthier.space.schedule import Schedule
from luthier.space.structure import Structure
from luthier.space.wiring import similar

Callables = Mapping[str, Callable[..., Any]]
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_NONE: Callables = MappingProxyType({})

_NUMBER_KEYS = ("low", "high", "log", "scale", "step", "prior", "belief", "when", "frame")
_TYPES: dict[str, tuple[type[Param], tuple[str, ...]]] = {
    "float": (Float, _NUMBER_KEYS),
    "int": (Int, _NUMBER_KEYS),
    "categorical": (
        Categorical,
        ("choices", "ordered", "weights", "belief", "when", "retired"),
    ),
    "subset": (Subset, ("items", "min_size", "max_size", "when", "fixed")),
    "permutation": (Permutation, ("items", "when", "fixed")),
    "simplex": (Simplex, ("names", "when", "fixed")),
    "schedule": (Schedule, ("low", "high", "log", "kinds", *PARTS, "when", "fixed")),
    "derived": (Derived, ("expression", "callable", "when")),
}
_PRIORS: dict[str, type[Any]] = {
    "uniform": Uniform,
    "normal": Normal,
    "lognormal": LogNormal,
    "beta": Beta,
}


def space_to_json(space: Structure) -> dict[str, Any]:
    """Return a space as plain JSON types."""
    data: dict[str, Any] = {
        "params": {name: param_to_json(param) for name, param in space.params.items()}
    }
    if space.constraints:
        data["constraints"] = [_constraint_to_json(rule) for rule in space.constraints]
    if space.partial:
        data["partial"] = True
    if space.deemed:
        data["deemed"] = {name: pack(value) for name, value in space.deemed.items()}
    return data


def read_params(
    data: object, callables: Callables = _NONE, field: str = "space"
) -> dict[str, Param]:
    """Read parameters from nested plain dicts; errors carry the path of the field."""
    if not isinstance(data, Mapping):
        raise InvalidSpace(field, data, "a mapping from names to parameters")
    return {name: read_param(given, f"{field}.{name}", callables) for name, given in data.items()}


def read_constraints(
    data: object, callables: Callables = _NONE, field: str = "space.constraints"
) -> list[Any]:
    """Read constraints: expressions, ``{"forbid": {...}}`` and ``{"callable": name}``."""
    if not isinstance(data, (list, tuple)):
        raise InvalidSpace(field, data, "a list of constraints")
    return [_read_constraint(given, callables, f"{field}.{i}") for i, given in enumerate(data)]


def param_to_json(param: Param) -> dict[str, Any]:
    """Return a parameter as a dict of plain JSON types, without what is as by default."""
    data: dict[str, Any]
    match param:
        case Float() | Int():
            data = {"type": "float" if isinstance(param, Float) else "int"}
            data |= _given(low=param.low, high=param.high)
            if param.scale == "log" and not param.unbounded:
                data["log"] = True
            elif param.scale != "linear":
                data["scale"] = param.scale
            if param.step not in (None, 1) or (isinstance(param, Float) and param.step == 1):
                data["step"] = param.step
            if not isinstance(param.prior, Uniform):
                data["prior"] = _prior_to_json(param.prior)
            if param.belief is not None:
                belief = param.belief
                data["belief"] = _given(value=belief.value, factor=belief.factor, sd=belief.sd)
            if param.frame is not None:
                data["frame"] = list(param.frame)
        case Categorical():
            data = {"type": "categorical", "choices": [pack(c) for c in param.choices]}
            if param.ordered:
                data["ordered"] = True
            if param.weights is not None:
                data["weights"] = list(param.weights)
            if param.belief is not None:
                data["belief"] = [[pack(choice), weight] for choice, weight in param.belief]
            if param.retired:
                data["retired"] = [pack(choice) for choice in param.retired]
        case Subset():
            data = {"type": "subset", "items": [pack(item) for item in param.items]}
            if param.min_size:
                data["min_size"] = param.min_size
            data |= _given(max_size=param.max_size, fixed=pack(param.fixed))
        case Permutation():
            data = {"type": "permutation", "items": [pack(item) for item in param.items]}
            data |= _given(fixed=pack(param.fixed))
        case Simplex():
            data = {"type": "simplex", "names": list(param.names)}
            data |= _given(fixed=param.fixed and dict(param.fixed))
        case Schedule():
            data = {"type": "schedule", **_changed(param), **_given(fixed=pack(param.fixed))}
        case _:
            assert isinstance(param, Derived)
            data = {"type": "derived"}
            if isinstance(param.expression, Expression):
                data["expression"] = param.expression.source
            else:
                data["callable"] = param.name
    if param.when is not None:
        data["when"] = _condition_to_json(param.when)
    return data


def read_param(given: object, field: str, callables: Callables = _NONE) -> Param:
    """Read one parameter from plain types."""
    if isinstance(given, Param):
        return given
    if isinstance(given, (list, tuple)):
        return _build(Categorical, {"choices": [_unpack(c, field) for c in given]}, field)
    if given is None or isinstance(given, (bool, int, float, str)):
        return _build(Categorical, {"choices": [given]}, field)
    if not isinstance(given, Mapping):
        raise InvalidSpace(field, given, "a mapping, a list of choices, or a constant")
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise InvalidSpace(f"{field}.type", kind, f"one of {', '.join(_TYPES)}")
    cls, keys = _TYPES[kind]
    arguments: dict[str, Any] = {}
    for key, value in given.items():
        if key == "type":
            continue
        if key not in keys:
            raise InvalidSpace(f"{field}.{key}", value, similar(str(key), keys))
        read = _READERS.get(key)
        arguments[key] = value if read is None else read(value, f"{field}.{key}")
    if cls is Derived:
        name = arguments.pop("callable", None)
        if (name is None) == ("expression" not in arguments):
            raise InvalidSpace(field, dict(given), "exactly one of expression and callable")
        if name is not None:
            arguments |= {"expression": callables.get(name), "name": name}
    for key in ("choices", "items", "names"):
        if key in keys and key not in arguments:
            raise InvalidSpace(f"{field}.{key}", None, "a list")
    for key in ("low", "high"):
        if cls is Schedule and key not in arguments:
            raise InvalidSpace(f"{field}.{key}", None, "a number")
    return _build(cls, arguments, field)


def _build(cls: type[Param], arguments: dict[str, Any], field: str) -> Param:
    """Make the parameter, and say in an error where in the data the trouble is."""
    try:
        return cls(**arguments)
    except InvalidSpace as error:
        part = error.field.partition(": ")[2]
        place = f"{field}.{part}" if part else field
        raise InvalidSpace(place, error.given, error.allowed) from None


def _changed(param: Schedule) -> dict[str, Any]:
    """Return the bounds, and the settings that differ from what they are by default."""
    usual = {field.name: field.default for field in fields(param)}
    values = {name: getattr(param, name) for name in _TYPES["schedule"][1]}
    return {
        name: pack(value)
        for name, value in values.items()
        if name not in ("when", "fixed") and value != usual[name]
    }


def _given(**entries: Any) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}


def pack(value: Any) -> Any:
    """Return a value as plain JSON types: tuples as lists, what is not finite by its name."""
    if isinstance(value, Mapping):
        return {name: pack(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [pack(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _unpack(value: Any, field: str) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_unpack(part, field) for part in value)
    if isinstance(value, Mapping):
        if set(value) == {"float"} and value["float"] in _NOT_FINITE:
            return _NOT_FINITE[value["float"]]
        raise InvalidSpace(field, value, 'a plain value; infinity is {"float": "inf"}')
    return value


def _unpack_all(value: Any, field: str) -> Any:
    if not isinstance(value, (list, tuple)):
        raise InvalidSpace(field, value, "a list")
    return _unpack(value, field)


def _unpack_fixed(value: Any, field: str) -> Any:
    return dict(value) if isinstance(value, Mapping) else _unpack(value, field)


def _read_number(value: Any, field: str) -> Any:
    """Read a number also from its text: YAML takes 1e-5 for a word."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise InvalidSpace(field, value, "a number") from None
    return value


def _read_setting(value: Any, field: str) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_read_number(bound, field) for bound in value)
    return _read_number(value, field)


def _read_frame(value: Any, field: str) -> Any:
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _prior_to_json(prior: Any) -> dict[str, Any]:
    name = next(name for name, cls in _PRIORS.items() if isinstance(prior, cls))
    slots = {"normal": ("mean", "sd"), "lognormal": ("mean", "sd"), "beta": ("a", "b")}
    return {"type": name} | {slot: getattr(prior, slot) for slot in slots[name]}


def _read_prior(value: Any, field: str) -> Any:
    if not isinstance(value, Mapping) or value.get("type") not in _PRIORS:
        raise InvalidSpace(field, value, f"a mapping with a type of {', '.join(_PRIORS)}")
    return _read_fields(_PRIORS[value["type"]], value, field)


def _read_belief(value: Any, field: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [(_unpack(choice, field), weight) for choice, weight in value]
    if isinstance(value, Mapping) and "value" in value and ("factor" in value or "sd" in value):
        return _read_fields(Around, value, field)
    return value


def _read_fields(cls: type[Any], value: Mapping[str, Any], field: str) -> Any:
    arguments = {k: _read_number(v, f"{field}.{k}") for k, v in value.items() if k != "type"}
    try:
        return cls(**arguments)
    except TypeError as error:
        raise InvalidSpace(
            field, dict(value), f"the arguments of {cls.__name__}: {error}"
        ) from None


def _condition_to_json(condition: Condition) -> Any:
    if isinstance(condition, Expression):
        return condition.source
    return {name: _allowed_to_json(allowed) for name, allowed in condition.entries}


def _allowed_to_json(allowed: Allowed) -> Any:
    if isinstance(allowed, Between):
        return _given(low=allowed.low, high=allowed.high)
    return [pack(value) for value in allowed.values]


def _read_condition(value: Any, field: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: _read_allowed(part, f"{field}.{name}") for name, part in value.items()}


def _read_allowed(value: Any, field: str) -> Any:
    if isinstance(value, Mapping) and value and set(value) <= {"low", "high"}:
        return Between(**{k: _read_number(v, f"{field}.{k}") for k, v in value.items()})
    if isinstance(value, list):
        return OneOf(tuple(_unpack(part, field) for part in value))
    return _unpack(value, field) if isinstance(value, Mapping) else value


def _constraint_to_json(rule: Constraint) -> Any:
    if isinstance(rule, Forbid):
        return {"forbid": _condition_to_json(rule.combination)}
    return rule.name if isinstance(rule, Check) else {"callable": rule.name}


def _read_constraint(given: Any, callables: Callables, field: str) -> Any:
    if isinstance(given, Mapping):
        if set(given) == {"forbid"}:
            return Forbid(_read_condition(given["forbid"], f"{field}.forbid"))
        if set(given) == {"callable"} and isinstance(given["callable"], str):
            return Rule(callables.get(given["callable"]), given["callable"])
        raise InvalidSpace(field, given, 'an expression, {"forbid": {...}} or {"callable": name}')
    return given


def restore_value(param: Param, value: Any) -> Any:
    """Return a value of a parameter as it was before JSON."""
    if isinstance(param, (Categorical, Subset, Permutation)):
        return _unpack(value, "value")
    if isinstance(param, Schedule):
        return read_course(value)
    if isinstance(param, Derived) and isinstance(value, Mapping) and set(value) == {"float"}:
        return _unpack(value, "value")
    return value


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "low": _read_number,
    "high": _read_number,
    "step": _read_number,
    "prior": _read_prior,
    "belief": _read_belief,
    "when": _read_condition,
    "frame": _read_frame,
    "choices": _unpack_all,
    "items": _unpack_all,
    "retired": _unpack_all,
    "fixed": _unpack_fixed,
    **dict.fromkeys(PARTS, _read_setting),
}
