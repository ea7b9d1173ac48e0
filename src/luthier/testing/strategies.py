"""Hypothesis strategies for parameters, spaces and points.

For the tests of whatever works on any space: samplers, storages, formats. Needs Hypothesis.

Examples
--------
>>> @given(spaces(), seeds())
... def test_my_sampler_stays_inside(space, seed): ...
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from luthier.space import (
    Around,
    Beta,
    Between,
    Categorical,
    Codec,
    Derived,
    Float,
    Forbid,
    Int,
    LogNormal,
    Normal,
    Param,
    Permutation,
    Schedule,
    Simplex,
    Space,
    Subset,
)
from luthier.space.courses import KINDS
from luthier.space.scales import FloatArray

_NAMES = ["lr", "opt", "depth", "x 1", "τ", "params", "k", "momentum"]


def seeds() -> st.SearchStrategy[int]:
    """Seeds for `numpy.random.default_rng`."""
    return st.integers(0, 2**32 - 1)


def scalars() -> st.SearchStrategy[Any]:
    """Plain values that a choice may be, without tuples."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**60), 2**60),
        st.floats(allow_nan=False),
        st.text(max_size=5),
    )


def choices() -> st.SearchStrategy[Any]:
    """Plain values that a choice may be, tuples included."""
    return st.recursive(
        scalars(), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4
    )


@st.composite
def floats(draw: st.DrawFn, when: Any = None) -> Float:
    """Any `Float`: all scales, steps, priors, beliefs, missing bounds."""
    kind = draw(
        st.sampled_from(["linear", "log", "reverse_log", "logit", "step", "factor", "unbounded"])
    )
    if kind == "unbounded":
        return draw(_unbounded_floats(when))
    if kind == "step":
        decimals, start, stride, count = draw(
            st.tuples(
                st.integers(-3, 6),
                st.integers(-1000, 1000),
                st.integers(1, 500),
                st.integers(0, 50),
            )
        )
        low, step, high = (
            float(f"{k}e{-decimals}") for k in (start, stride, start + count * stride)
        )
        return Float(low, high, step=step, prior=draw(_priors(low, high)), when=when)
    if kind == "factor":
        exponent, count = draw(st.tuples(st.integers(-8, 3), st.integers(0, 6)))
        factor = draw(st.sampled_from([2.0, 10.0, 1.5]))
        low = float(f"1e{exponent}")
        return Float(low, low * factor**count, log=True, step=factor, when=when)
    bounds = {
        "linear": st.floats(-1e300, 1e300),
        "log": st.floats(1e-300, 1e300),
        "reverse_log": st.floats(-1e6, 1.0, exclude_max=True),
        "logit": st.floats(1e-12, 1.0, exclude_max=True),
    }[kind]
    low, high = sorted(x + 0.0 for x in draw(st.tuples(bounds, bounds)))  # no -0.0 above 0.0
    prior = draw(_priors(low, high)) if kind != "log" else draw(st.none() | _betas())
    belief = None
    if draw(st.booleans()) and math.isfinite(high - low):
        value = draw(st.floats(low, high))
        spread = (
            {"sd": max((high - low) / 4, 1e-300)}
            if kind == "linear"
            else {"factor": draw(st.floats(1.1, 100))}
        )
        belief = Around(value, **spread)
    return Float(low, high, scale=kind, prior=prior, belief=belief, when=when)


@st.composite
def ints(draw: st.DrawFn, when: Any = None) -> Int:
    """Any `Int`: linear, log, steps, factors, priors, missing bounds."""
    kind = draw(st.sampled_from(["small", "wide", "step", "log", "factor", "unbounded"]))
    if kind == "unbounded":
        mean = draw(st.floats(-1000, 1000))
        low = draw(st.none() | st.integers(math.ceil(mean) - 5, math.ceil(mean)))
        return Int(low, None, prior=Normal(mean, draw(st.floats(1, 100))), when=when)
    if kind == "log":
        low, high = sorted(draw(st.tuples(st.integers(1, 2**40), st.integers(1, 2**40))))
        return Int(low, high, log=True, when=when)
    if kind == "factor":
        low, factor, count = draw(
            st.tuples(st.integers(1, 100), st.integers(2, 10), st.integers(0, 9))
        )
        return Int(low, low * factor**count, log=True, step=factor, when=when)
    if kind == "step":
        low, step, count = draw(
            st.tuples(st.integers(-1000, 1000), st.integers(1, 50), st.integers(0, 40))
        )
        return Int(low, low + step * count, step=step, when=when)
    low = draw(st.integers(-20, 20) if kind == "small" else st.integers(-(2**53), 2**53 - 2**50))
    high = low + draw(st.integers(0, 30 if kind == "small" else 2**50 - 1))
    return Int(low, high, prior=draw(_priors(low, high)), when=when)


@st.composite
def categoricals(draw: st.DrawFn, when: Any = None) -> Categorical:
    """Any `Categorical`: weights, belief, order, retired choices."""
    values = draw(st.lists(choices(), min_size=1, max_size=6, unique=True))
    weight = st.floats(0.01, 100)
    size = len(values)
    weights = draw(st.none() | st.lists(weight, min_size=size, max_size=size))
    beliefs = draw(st.none() | st.lists(weight, min_size=size, max_size=size))
    return Categorical(
        values,
        ordered=draw(st.booleans()),
        weights=weights,
        belief=None if beliefs is None else dict(zip(values, beliefs, strict=True)),
        retired=values[: draw(st.integers(0, size - 1))],
        when=when,
    )


@st.composite
def composites(draw: st.DrawFn, when: Any = None) -> Param:
    """Any `Subset`, `Permutation`, `Simplex` or `Schedule`."""
    kind = draw(st.sampled_from(["subset", "permutation", "simplex", "schedule"]))
    if kind == "schedule":
        return draw(schedules(when))
    if kind == "simplex":
        return Simplex(draw(st.lists(st.text(), min_size=2, max_size=6, unique=True)), when=when)
    items = draw(st.lists(choices(), min_size=1, max_size=5, unique=True))
    if kind == "permutation":
        return Permutation(items, when=when)
    least = draw(st.integers(0, len(items)))
    most = draw(st.none() | st.integers(least, len(items)))
    return Subset(items, least, most, when=when)


@st.composite
def schedules(draw: st.DrawFn, when: Any = None) -> Schedule:
    """Any `Schedule`: all kinds, parts that are searched and parts that are not."""
    log = draw(st.booleans())
    bound = st.floats(1e-9, 1e3) if log else st.floats(-1e3, 1e3)
    low, high = sorted(x + 0.0 for x in draw(st.tuples(bound, bound)))
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, unique=True))
    numbers = {
        "warmup": st.floats(0, 0.9),
        "end": st.floats(1e-6, 1),
        "restarts": st.integers(1, 4),
        "stretch": st.floats(1, 3),
        "drops": st.integers(1, 9),
        "factor": st.floats(0.01, 0.99),
        "rise": st.floats(0.01, 0.5),
    }
    parts = draw(st.lists(st.sampled_from(list(numbers)), max_size=3, unique=True))
    settings: dict[str, Any] = {}
    for part in parts:
        number = numbers[part]
        settings[part] = draw(number | st.tuples(number, number).map(sorted).map(tuple))
    return Schedule(low, high, log=log, kinds=kinds, when=when, **settings)


def params(when: Any = None) -> st.SearchStrategy[Param]:
    """Any parameter that is searched."""
    return st.one_of(floats(when), ints(when), categoricals(when), composites(when))


@st.composite
def spaces(
    draw: st.DrawFn,
    *,
    conditions: bool = True,
    constraints: bool = True,
    max_params: int = 6,
) -> Space:
    """Any space, with nested conditions and with constraints that some point satisfies."""
    size = draw(st.integers(1, max_params))
    names: list[str] = draw(st.permutations(_NAMES))[:size]
    declared: dict[str, Param] = {}
    for name in names:
        when = None
        if conditions and declared and draw(st.booleans()):
            when = draw(_conditions(declared))
        declared[name] = draw(params(when))
    numbers = [n for n, p in declared.items() if isinstance(p, (Float, Int))]
    if draw(st.booleans()) and numbers:
        declared["derived"] = Derived(f"params[{draw(st.sampled_from(numbers))!r}] / 2 + 1")
    space = Space(declared)
    if not constraints or draw(st.booleans()):
        return space
    row = space.sample(np.random.default_rng(draw(seeds())))[0]
    return Space(declared, constraints=draw(_constraints(space, row)))


@st.composite
def points(draw: st.DrawFn, space: Space, max_rows: int = 5) -> FloatArray:
    """Points of the unit cube of a space, corners and cell borders included."""
    codec = Codec(space)
    coordinate = st.one_of(
        st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, math.nextafter(1, 0), 5e-324])
    )
    rows = draw(
        st.lists(
            st.lists(coordinate, min_size=codec.d, max_size=codec.d),
            min_size=1,
            max_size=max_rows,
        )
    )
    return np.array(rows).reshape(len(rows), codec.d)


@st.composite
def _unbounded_floats(draw: st.DrawFn, when: Any) -> Float:
    mean = draw(st.floats(-10, 10))
    sd = draw(st.floats(0.01, 10))
    if draw(st.booleans()):
        bound = draw(st.none() | st.floats(math.exp(mean - 2 * sd), math.exp(mean + 2 * sd)))
        return Float(bound, None, prior=LogNormal(mean, sd), when=when)
    bound = draw(st.none() | st.floats(mean - 5 * sd, mean + 5 * sd))
    return Float(None, bound, prior=Normal(mean, sd), when=when)


@st.composite
def _priors(draw: st.DrawFn, low: float, high: float) -> Any:
    if draw(st.booleans()):
        return draw(st.one_of(st.none(), _betas()))
    width = min(max(high - low, 1e-300), 1e300)
    return Normal(draw(st.floats(low, high)), width * draw(st.floats(0.01, 10)))


def _betas() -> st.SearchStrategy[Beta]:
    return st.builds(Beta, st.floats(0.1, 20), st.floats(0.1, 20))


@st.composite
def _conditions(draw: st.DrawFn, declared: dict[str, Param]) -> Any:
    name = draw(st.sampled_from(list(declared)))
    parent = declared[name]
    if isinstance(parent, (Float, Int)):
        low, high = parent.range
        middle = draw(st.floats(low, high)) if isinstance(parent, Float) else (low + high) // 2
        if draw(st.booleans()):
            return f"params[{name!r}] <= {middle!r}"
        return {name: Between(low=middle)}
    if isinstance(parent, Categorical):
        return {name: draw(st.lists(st.sampled_from(parent.choices), min_size=1, unique=True))}
    if isinstance(parent, Subset):
        return f"len(params[{name!r}]) >= {parent.min_size + 1}"
    return f"params[{name!r}] != None"


@st.composite
def _constraints(draw: st.DrawFn, space: Space, row: dict[str, Any]) -> list[Any]:
    """Constraints that this row satisfies, each by a good part of the space."""
    rules: list[Any] = []
    for name, value in row.items():
        param = space.params[name]
        if isinstance(param, (Float, Int)) and draw(st.booleans()):
            sign = "<=" if value <= sum(param.range) / 2 else ">="
            rules.append(f"params[{name!r}] {sign} {sum(param.range) / 2!r} or 1 == 2")
        if isinstance(param, Categorical) and draw(st.booleans()):
            others = [choice for choice in param.live if choice != value]
            if others:
                rules.append(Forbid({name: [others[0]]}))
    return rules
