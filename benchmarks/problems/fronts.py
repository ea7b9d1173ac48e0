"""Problems with several objectives, judged by the hypervolume up to a fixed reference point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from .base import Measured, Problem
from .lookup import table
from .networks import Network
from .scoring import hypervolume
from .spaces import Params, choice, integer, real
from .synthetic import units


def problems() -> Iterator[Problem]:
    """Yield the problems with several objectives."""
    for name, front, d, split in (
        ("zdt1", lambda f: 1 - np.sqrt(f), 6, "tune"),
        ("zdt2", lambda f: 1 - f**2, 5, "check"),
        ("zdt3", lambda f: 1 - np.sqrt(f) - f * np.sin(10 * np.pi * f), 4, "tune"),
    ):
        yield _zdt(name, front, d, split)
    yield _dtlz2()
    yield _network("network_cost_a", "check")
    yield _network("network_cost_b", "tune")
    yield _recorded("cells_three", "cells_cifar10", ("latency", "model_size"), "tune")
    yield _recorded("fcnet_size", "fcnet_protein", ("model_size",), "check", log=True)
    yield _recorded("mlp_time", "mlp_vehicle", ("train_time",), "tune", log=True)
    yield _score_and_cost()


def _zdt(name: str, front: Callable[[np.ndarray], np.ndarray], d: int, split: str) -> Problem:
    """Zitzler, Deb and Thiele's problems, with the optimal distances away from the edges."""
    space = {f"x{i}": real(0.0, 1.0) for i in range(d)}
    centre = np.linspace(0.2, 0.75, d - 1)
    of_g = name != "zdt2"

    def function(params: Params) -> Measured:
        unit = units(space, params, list(space))
        g = 1 + 9 * float(np.mean(np.abs(unit[1:] - centre)))
        f = float(unit[0])
        if name == "zdt3":
            second = g * (1 - math.sqrt(f / g) - f / g * math.sin(10 * math.pi * f))
        else:
            second = g * (1 - (math.sqrt(f / g) if of_g else (f / g) ** 2))
        return Measured((f, second))

    first = np.linspace(0, 1, 20001)
    reference = (1.1, 2.5)
    best = hypervolume(np.column_stack([first, front(first)]), reference)
    return Problem(
        name,
        "multi",
        space,
        function,
        split,
        directions=("minimize", "minimize"),
        reference=reference,
        best=best,
    )


def _dtlz2() -> Problem:
    """Deb, Thiele, Laumanns and Zitzler's second problem with three objectives."""
    space = {f"x{i}": real(0.0, 1.0) for i in range(6)}
    centre = np.array([0.3, 0.62, 0.45, 0.71])

    def function(params: Params) -> Measured:
        unit = units(space, params, list(space))
        radius = 1 + 3 * float(np.sum((unit[2:] - centre) ** 2))
        a, b = unit[:2] * math.pi / 2
        return Measured(
            (
                float(radius * np.cos(a) * np.cos(b)),
                float(radius * np.cos(a) * np.sin(b)),
                float(radius * np.sin(a)),
            )
        )

    return Problem(
        "dtlz2",
        "multi",
        space,
        function,
        "check",
        directions=("minimize",) * 3,
        reference=(1.5,) * 3,
        best=1.5**3 - math.pi / 6,  # all but an eighth of the unit ball
    )


def _network(name: str, split: str) -> Problem:
    """Accuracy against the seconds of an epoch."""
    network = Network(name)

    def function(params: Params) -> Measured:
        return Measured((1 - network.error(params), network.seconds(params)))

    return Problem(
        name,
        "multi",
        network.space,
        function,
        split,
        directions=("maximize", "minimize"),
        reference=(0.3, 4.0),
    )


def _recorded(
    name: str, of: str, costs: tuple[str, ...], split: str, *, log: bool = False
) -> Problem:
    """Loss against what a configuration costs, from a table."""
    recorded = table(of)
    measures = [recorded.measures[key] for key in ("loss", *costs)]
    if log:
        measures[1] = np.log10(measures[1])
    points = np.column_stack([values.ravel() for values in measures])
    reference = tuple(float(np.quantile(column, 0.9)) for column in points.T)

    def function(params: Params) -> Measured:
        values = [float(recorded.look_up(params, key)) for key in ("loss", *costs)]
        if log:
            values[1] = math.log10(values[1])
        return Measured(tuple(values))

    return Problem(
        name,
        "multi",
        recorded.space(),
        function,
        split,
        directions=tuple("minimize" for _ in measures),
        reference=reference,
        best=hypervolume(points, reference),
    )


def _score_and_cost() -> Problem:
    """A score to maximise against a cost, over a mixed space with a condition."""
    space = {
        "method": choice("fast", "exact"),
        "effort": integer(1, 100, log=True),
        "precision": real(1e-6, 1e-1, log=True, when={"method": ["exact"]}),
        "share": real(0.05, 1.0),
    }

    def function(params: Params) -> Measured:
        effort, share = math.log10(params["effort"]), params["share"]
        if params["method"] == "fast":
            score = 0.55 + 0.1 * effort - 0.3 * (share - 0.35 - 0.1 * effort) ** 2
            return Measured((score, 0.2 + 0.3 * share * params["effort"] ** 0.5))
        digits = -math.log10(params["precision"])
        score = 0.45 + 0.18 * effort + 0.2 * math.exp(-((digits - 3.4) ** 2))
        score -= 0.25 * (share - 0.7) ** 2
        return Measured((score, 0.5 + 0.12 * digits + 0.8 * share * params["effort"] ** 0.5))

    return Problem(
        "score_and_cost",
        "multi",
        space,
        function,
        "check",
        directions=("maximize", "minimize"),
        reference=(0.3, 6.0),
    )
