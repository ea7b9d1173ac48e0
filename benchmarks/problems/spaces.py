"""Neutral descriptions of spaces: plain dictionaries that any tuner's space can be built from.

A space is an ordered mapping of names to specs. A spec has a ``type`` and

- ``float``: ``low``, ``high``, ``log``, and ``step`` (or None);
- ``int``: ``low``, ``high``, ``log``;
- ``categorical``: ``choices`` without an order;
- ``ordered``: ``choices`` in their order, numbers as a rule;
- any of them may have ``when``: a mapping of parents, declared before, to the values under which
  the parameter is active. All must hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

Params = Mapping[str, Any]
Spec = Mapping[str, Any]
Space = Mapping[str, Spec]
When = Mapping[str, Sequence[Any]]


def real(
    low: float,
    high: float,
    *,
    log: bool = False,
    step: float | None = None,
    when: When | None = None,
) -> Spec:
    """Describe a real number."""
    return _with({"type": "float", "low": low, "high": high, "log": log, "step": step}, when)


def integer(low: int, high: int, *, log: bool = False, when: When | None = None) -> Spec:
    """Describe a whole number."""
    return _with({"type": "int", "low": low, "high": high, "log": log}, when)


def choice(*choices: Any, when: When | None = None) -> Spec:
    """Describe one of some things without an order."""
    return _with({"type": "categorical", "choices": list(choices)}, when)


def ordered(*choices: Any, when: When | None = None) -> Spec:
    """Describe one of some levels."""
    return _with({"type": "ordered", "choices": list(choices)}, when)


def _with(spec: dict[str, Any], when: When | None) -> Spec:
    return {**spec, "when": {key: list(values) for key, values in when.items()}} if when else spec


def is_active(spec: Spec, params: Params) -> bool:
    """Tell whether a parameter is active beside its parents' values."""
    return all(
        parent in params and params[parent] in values
        for parent, values in spec.get("when", {}).items()
    )


def to_unit(spec: Spec, value: Any) -> float:
    """Return where a value lies on its parameter's scale, in [0, 1].

    The levels of a categorical or ordered parameter are spread evenly from 0 to 1.
    """
    if "choices" in spec:
        place = spec["choices"].index(value)
        return float(place / max(len(spec["choices"]) - 1, 1))
    low, high = spec["low"], spec["high"]
    if spec["log"]:
        return math.log(value / low) / math.log(high / low)
    return float((value - low) / (high - low))


def quantile(spec: Spec, unit: float) -> Any:
    """Return the value at a share of the uniform distribution; what lies outside [0, 1] is cut.

    For real numbers it undoes `to_unit`. Levels have equally large shares.
    """
    unit = min(max(unit, 0.0), 1.0)
    if "choices" in spec:
        choices = spec["choices"]
        return choices[min(int(unit * len(choices)), len(choices) - 1)]
    low, high = spec["low"], spec["high"]
    if spec["type"] == "int":
        edges = (low - 0.5, high + 0.5)
        if spec["log"]:
            value = edges[0] * (edges[1] / edges[0]) ** unit
        else:
            value = edges[0] + unit * (edges[1] - edges[0])
        return min(max(round(value), low), high)
    if spec["step"]:
        count = round((high - low) / spec["step"]) + 1
        return low + spec["step"] * min(int(unit * count), count - 1)
    value = low * (high / low) ** unit if spec["log"] else low + unit * (high - low)
    return min(max(value, low), high)


def sample(space: Space, rng: np.random.Generator) -> dict[str, Any]:
    """Draw a configuration, uniform on each active parameter's scale."""
    params: dict[str, Any] = {}
    for name, spec in space.items():
        unit = rng.random()  # drawn for all, so that a branch does not shift what follows
        if is_active(spec, params):
            params[name] = quantile(spec, unit)
    return params


def check(space: Space, params: Params) -> None:
    """Raise a ValueError unless just the active parameters are there, with legal values."""
    wanted = [name for name, spec in space.items() if is_active(spec, params)]
    if sorted(wanted) != sorted(params):
        raise ValueError(f"active are {wanted}, given are {list(params)}")
    for name in wanted:
        spec, value = space[name], params[name]
        if "choices" in spec:
            legal = value in spec["choices"]
        else:
            slack = 1e-9 * (spec["high"] - spec["low"])  # a tuner's own rounding
            legal = spec["low"] - slack <= value <= spec["high"] + slack
            legal = legal and (spec["type"] == "float" or value == int(value))
        if not legal:
            raise ValueError(f"{name}: got {value!r}; allowed: {dict(spec)}")


def allowed(constraints: Sequence[str], params: Params) -> bool:
    """Tell whether all expressions hold; one about an inactive parameter does not apply."""
    return all(_holds(text, params) for text in constraints)


def violations(constraints: Sequence[str], params: Params) -> list[float]:
    """Return by how much each expression is violated, 0.0 where it holds.

    It is the distance between the two sides of ``a <= b``, and 1.0 for any other expression.
    """
    return [0.0 if _holds(text, params) else _distance(text, params) for text in constraints]


def _holds(text: str, params: Params) -> bool:
    code = _compiled(text)
    return not all(name in params for name in code.co_names) or bool(_value(code, params))


def _distance(text: str, params: Params) -> float:
    sides = text.split("<=")
    if len(sides) != 2 or " or " in text or " and " in text:
        return 1.0
    low, high = (float(_value(_compiled(side.strip()), params)) for side in sides)
    return low - high


def _value(code: CodeType, params: Params) -> Any:
    return eval(code, {"__builtins__": {}}, dict(params))


@lru_cache
def _compiled(text: str) -> CodeType:
    return compile(text, "<constraint>", "eval")
