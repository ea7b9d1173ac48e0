"""Constrained problems: limits on what is measured, and constraints known beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .base import Measured, Problem
from .functions import BRANIN, HARTMANN6, STYBLINSKI, Placed
from .lookup import table
from .networks import Network
from .spaces import Params, choice, real
from .synthetic import over, units


def problems() -> Iterator[Problem]:
    """Yield the constrained problems."""
    yield _disk()
    yield _two_limits()
    yield _gramacy()
    yield _latency("network_latency_a", "check")
    yield _latency("network_latency_b", "tune")
    yield _cells()
    yield _small_network()
    yield _shares()


def _disk() -> Problem:
    """Branin's function outside of a disk around its optimum, and inside of a larger one."""
    space = {"x": real(-5.0, 10.0), "y": real(0.0, 15.0)}
    placed = Placed(BRANIN, 2, "disk")

    def function(params: Params) -> Measured:
        unit = units(space, params, ["x", "y"])
        distance = float(np.linalg.norm(unit - placed.optimum))
        return Measured((placed(unit),), {"near": 0.18 - distance, "far": distance - 0.45})

    return Problem("disk", "constrained", space, function, "tune", limits={"near": 0.0, "far": 0.0})


def _two_limits() -> Problem:
    """Hartmann's function of six variables; two limits leave a few percent of the space."""
    space = {f"x{i}": real(0.0, 1.0) for i in range(6)}
    placed = Placed(HARTMANN6, 6, "two-limits")
    bowl = Placed(STYBLINSKI, 6, "two-limits-bowl")

    def function(params: Params) -> Measured:
        unit = units(space, params, list(space))
        return Measured(
            (placed(unit),),
            {"load": float(unit.sum()) - 2.85, "heat": bowl(unit) - 45.0},
        )

    limits = {"load": 0.0, "heat": 0.0}
    return Problem("two_limits", "constrained", space, function, "check", limits=limits)


def _gramacy() -> Problem:
    """The toy problem of Gramacy et al. (2016), on a stretched and mixed space."""
    space = {"a": real(1e-3, 1e3, log=True), "b": real(0.0, 50.0)}

    def function(params: Params) -> Measured:
        x, y = units(space, params, ["a", "b"])
        wave = 0.5 * math.sin(2 * math.pi * (x * x - 2 * y)) + x + 2 * y - 1.5
        return Measured((float(x + y),), {"wave": -wave, "ball": x * x + y * y - 1.5})

    limits = {"wave": 0.0, "ball": 0.0}
    return Problem("gramacy", "constrained", space, function, "tune", limits=limits)


def _latency(name: str, split: str) -> Problem:
    """A network that has to be quick enough, and whose weights have to fit in memory."""
    network = Network(name)

    def function(params: Params) -> Measured:
        milliseconds = 1.0 + network.weights(params) / 2e5 + 0.3 * params["layers"]
        return Measured((network.error(params),), {"latency": milliseconds})

    return Problem(
        name,
        "constrained",
        network.space,
        function,
        split,
        constraints=("layers * width <= 1536",),
        limits={"latency": 2.2},
    )


def _cells() -> Problem:
    """The most accurate cell among the quickest tenth."""
    recorded = table("cells_imagenet")
    latency = recorded.measures["latency"]
    bound = float(np.quantile(latency, 0.1))

    def function(params: Params) -> Measured:
        return Measured(
            (float(recorded.look_up(params)),),
            {"latency": float(recorded.look_up(params, "latency"))},
        )

    return Problem(
        "cells_quick",
        "constrained",
        recorded.space(),
        function,
        "check",
        limits={"latency": bound},
        best=float(recorded.measures["loss"][latency <= bound].min()),
    )


def _small_network() -> Problem:
    """The best network among those with few weights."""
    recorded = table("fcnet_protein")
    size = recorded.measures["model_size"]
    bound = float(np.quantile(size, 0.2))

    def function(params: Params) -> Measured:
        return Measured(
            (float(recorded.look_up(params)),),
            {"weights": float(recorded.look_up(params, "model_size"))},
        )

    return Problem(
        "fcnet_small",
        "constrained",
        recorded.space(),
        function,
        "tune",
        limits={"weights": bound},
        best=float(recorded.measures["loss"][size <= bound].min()),
    )


def _shares() -> Problem:
    """Shares that must not sum to more than one, with the optimum on that boundary."""
    space = {
        **{f"share{i}": real(0.0, 1.0) for i in range(4)},
        "blend": choice("linear", "geometric"),
    }
    worth = np.array([0.9, 0.5, 0.35, 0.2])
    surface = over(space, Placed(STYBLINSKI, 4, "shares"), [f"share{i}" for i in range(4)])

    def function(params: Params) -> float:
        shares = np.array([params[f"share{i}"] for i in range(4)])
        gain = (
            float(worth @ np.sqrt(shares))
            if params["blend"] == "linear"
            else 0.9 * float(4 * np.prod(shares + 0.05) ** 0.25)
        )
        return -gain + 0.002 * (surface(params) - STYBLINSKI.value)

    known = ("share0 + share1 + share2 + share3 <= 1", "share0 <= 0.5 or blend == 'geometric'")
    return Problem("shares", "constrained", space, function, "check", constraints=known)
