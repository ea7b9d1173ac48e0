"""Synthetic problems: smooth, rough, narrow, flat and exploding; integers, steps and logarithms.

Optima lie at random places, so that neither the centre nor the edge of a space is a good guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from .base import Problem
from .functions import (
    ACKLEY,
    BRANIN,
    GRIEWANK,
    HARTMANN3,
    HARTMANN6,
    LEVY,
    RASTRIGIN,
    ROSENBROCK,
    SPHERE,
    STYBLINSKI,
    Array,
    Known,
    Placed,
    michalewicz,
)
from .networks import Network
from .spaces import Params, Space, choice, integer, ordered, real, to_unit

Surface = Callable[[Array], float]


def units(space: Space, params: Params, names: list[str]) -> Array:
    """Return some parameters as a vector of unit coordinates."""
    return np.array([to_unit(space[name], params[name]) for name in names])


def over(space: Space, surface: Surface, names: list[str] | None = None) -> Callable[..., float]:
    """Return a function of params from one of unit coordinates."""
    used = list(space) if names is None else names
    return lambda params: surface(units(space, params, used))


def _floats(d: int, low: float, high: float) -> Space:
    return {f"x{i}": real(low, high) for i in range(d)}


def _placed(name: str, known: Known, space: Space) -> Callable[..., float]:
    return over(space, Placed(known, len(space), name))


def _wrapped(surface: Surface, shift: Array, low: float, high: float) -> Surface:
    """Shift a function of a box around its edges: there it gets a cliff."""
    return lambda unit: surface(low + (high - low) * ((unit + shift) % 1.0))


def problems() -> Iterator[Problem]:
    """Yield the synthetic problems."""
    for name, known, d, low, high, split, slow in (
        ("branin", BRANIN, 2, -5.0, 15.0, "tune", False),
        ("hartmann3", HARTMANN3, 3, 0.0, 1.0, "check", False),
        ("hartmann6", HARTMANN6, 6, 0.0, 1.0, "tune", True),
        ("griewank6", GRIEWANK, 6, -30.0, 30.0, "check", False),
        ("ackley5", ACKLEY, 5, -8.0, 8.0, "tune", False),
        ("rosenbrock4", ROSENBROCK, 4, -2.0, 2.0, "check", False),
        ("levy8", LEVY, 8, -7.0, 7.0, "tune", False),
        ("rastrigin3", RASTRIGIN, 3, -3.0, 3.0, "check", False),
    ):
        space = _floats(d, low, high)
        function = _placed(name, known, space)
        yield Problem(name, "synthetic", space, function, split, best=known.value, slow=slow)

    space = _floats(5, 0.0, 1.0)
    shift = np.array([0.37, 0.81, 0.13, 0.56, 0.24])
    surface = _wrapped(michalewicz, shift, 0.0, math.pi)
    yield Problem("michalewicz5", "synthetic", space, over(space, surface), "check")

    space = {
        "a": real(1e-6, 1.0, log=True),
        "b": real(1e-4, 10.0, log=True),
        "c": integer(1, 40),
        "d": integer(8, 1024, log=True),
        "e": real(0.0, 0.9, step=0.1),
        "f": ordered(1, 2, 4, 8, 16, 32),
    }
    function = _placed("styblinski-mixed", STYBLINSKI, space)
    yield Problem("styblinski_mixed", "synthetic", space, function, "tune")
    yield Problem("ackley_mixed12", "synthetic", _twelve(), _ackley_twelve(), "check")

    yield _exploding()
    yield _plateaus()
    yield _irrelevant("few_of_14", 14, 4, "tune")
    yield _irrelevant("few_of_10", 10, 3, "check")
    for name, split in (
        ("network_a", "tune"),
        ("network_b", "check"),
        ("network_c", "tune"),
        ("network_d", "check"),
    ):
        network = Network(name)
        slow = name == "network_b"
        yield Problem(name, "synthetic", network.space, network.error, split, slow=slow)
    network = Network("network_diverges", fails=True)
    yield Problem("network_diverges", "synthetic", network.space, network.error, "tune")


def _twelve() -> Space:
    return {
        **{f"x{i}": real(-5.0, 11.0) for i in range(6)},
        **{f"n{i}": integer(0, 12) for i in range(3)},
        **{f"level{i}": ordered("low", "medium", "high", "extreme") for i in range(2)},
        "mode": choice("plain", "fast", "careful"),
    }


def _ackley_twelve() -> Callable[[Params], float]:
    """Ackley's function of all but the mode, which scales and lifts it."""
    space = _twelve()
    names = [name for name in space if name != "mode"]
    surface = over(space, Placed(ACKLEY, len(names), "ackley-twelve", turned=False), names)
    of_mode = {"plain": (1.3, 1.0), "fast": (0.9, 1.5), "careful": (1.0, 0.0)}

    def function(params: Params) -> float:
        factor, lift = of_mode[params["mode"]]
        return factor * surface(params) + lift

    return function


def _exploding() -> Problem:
    """A narrow valley between log-scaled parameters; beside it 1e6, and far away failures."""
    space = {
        "rate": real(1e-6, 10.0, log=True),
        "decay": real(1e-6, 1.0, log=True),
        "momentum": real(0.0, 0.99),
        "steps": integer(10, 1000, log=True),
    }

    def function(params: Params) -> float:
        rate, decay, momentum, steps = units(space, params, list(space))
        stability = rate + 0.35 * momentum - 0.25 * (1 - steps)
        if stability > 1.15:
            return math.nan
        if stability > 0.95:
            return 1e6
        across = (stability - 0.78 - 0.1 * math.sin(5 * decay)) / 0.08
        along = (decay - 0.42) ** 2 + 0.5 * (momentum - 0.7) ** 2
        return float(0.05 + along + 0.6 * math.log1p(across**2) + 0.2 * max(0.0, across) ** 3)

    return Problem("exploding_valley", "synthetic", space, function, "check")


def _plateaus() -> Problem:
    """Most of the space has exactly the loss of a constant predictor; the rest has steps."""
    space = {
        "depth": integer(1, 20),
        "leaf": integer(1, 200, log=True),
        "penalty": real(1e-5, 1e3, log=True),
        "share": real(0.05, 1.0),
        "rule": choice("gini", "entropy", "hinge"),
    }
    surface = over(
        space, Placed(SPHERE, 4, "plateaus", turned=True), ["depth", "leaf", "penalty", "share"]
    )
    lift = {"gini": 0.1, "entropy": 0.0, "hinge": 0.45}

    def function(params: Params) -> float:
        raw = 0.9 * surface(params) + lift[params["rule"]]
        return 0.5 if raw > 0.6 else math.floor(raw * 120) / 240

    return Problem("plateaus", "synthetic", space, function, "tune")


def _irrelevant(name: str, d: int, relevant: int, split: str) -> Problem:
    """Some parameters of all types, of which a few matter, jointly."""
    kinds = (
        lambda: real(0.0, 1.0),
        lambda: real(1e-5, 1e-1, log=True),
        lambda: integer(1, 64, log=True),
        lambda: choice("a", "b", "c"),
        lambda: ordered(0, 1, 2, 3, 4),
    )
    space = {f"p{i:02d}": kinds[i % len(kinds)]() for i in range(d)}
    rng = np.random.default_rng(len(name) + d)
    numeric = [key for key, spec in space.items() if spec["type"] in ("float", "int")]
    names = sorted(rng.choice(numeric, relevant - 1, replace=False).tolist())
    switch = next(key for key, spec in space.items() if spec["type"] == "categorical")
    surface = over(space, Placed(SPHERE, relevant - 1, name), names)
    ripple = over(space, Placed(RASTRIGIN, relevant - 1, name), names)
    lift = {"a": 0.25, "b": 0.0, "c": 0.6}

    def function(params: Params) -> float:
        return surface(params) + 0.01 * ripple(params) + lift[params[switch]]

    # The optimum is at the same place of both surfaces; an integer may not get there exactly, so
    # that the best is searched for.
    return Problem(name, "synthetic", space, function, split)
