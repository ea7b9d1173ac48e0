"""What a problem is: a neutral space, a function, what is known of its optimum.

Nothing here knows Luthier or any other tuner: each of them builds its own space from the
description, in its own environment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .spaces import Params, Space, allowed, check, sample

Direction = Literal["minimize", "maximize"]
KINDS = (
    "synthetic", "sklearn", "tabular", "conditional", "noisy", "constrained", "multi",
)  # fmt: skip
SPLITS = ("tune", "check")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a function says of a configuration, without noise.

    Attributes
    ----------
    values : tuple of float
        One per objective. One that is not finite means that the trial fails.
    metrics : mapping of str to float
        What the limits are about.
    """

    values: tuple[float, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one trial.

    Attributes
    ----------
    values : tuple of float, optional
        What the tuner is told, one per objective. None if the trial failed.
    truth : tuple of float, optional
        The same without noise: what the tuner is judged by and never sees.
    metrics : mapping of str to float
        What the limits are about, told as well.
    feasible : bool
        Whether the metrics keep the limits.
    """

    values: tuple[float, ...] | None
    truth: tuple[float, ...] | None
    metrics: Mapping[str, float]
    feasible: bool

    @property
    def eligible(self) -> bool:
        """Whether the trial may be recommended."""
        return self.values is not None and self.feasible


Function = Callable[[Params], float | Measured]
Noise = Callable[[Params, tuple[float, ...], np.random.Generator], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to tune, evaluated in less than a millisecond.

    Parameters
    ----------
    name : str
        Unique.
    kind : str
        One of `KINDS`.
    space : mapping of str to mapping
        See `benchmarks.problems.spaces`.
    function : callable
        Params to a number, or to a `Measured`.
    split : str
        One of `SPLITS`: settings are chosen on the first half, and have to hold on the other.
    directions : sequence of str, default ("minimize",)
        One per objective.
    constraints : sequence of str
        Expressions over params that are known beforehand; configurations that violate one are
        not allowed.
    limits : mapping of str to float
        Upper bounds of metrics, known only once a configuration was evaluated.
    noise : callable, optional
        Turns params, true values and a generator into observed values.
    reference : sequence of float
        With several objectives: the point up to which the hypervolume counts.
    best : float, optional
        The optimum where it is known exactly: of a single objective its value, of several the
        hypervolume of the front. Otherwise ``tables/known.json`` has the best that is known.
    slow : bool, default False
        Whether tuners that need seconds a trial are tried on it, too.
    """

    name: str
    kind: str
    space: Space
    function: Function
    split: str
    directions: tuple[Direction, ...] = ("minimize",)
    constraints: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    noise: Noise | None = None
    reference: tuple[float, ...] = ()
    best: float | None = None
    slow: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.split not in SPLITS:
            raise ValueError(f"{self.name}: no such kind or split: {self.kind}, {self.split}")
        if len(self.reference) != (len(self.directions) if len(self.directions) > 1 else 0):
            raise ValueError(f"{self.name}: a reference of {len(self.reference)} numbers")

    @property
    def signs(self) -> tuple[float, ...]:
        """Factors that turn each objective into one to minimise."""
        return tuple(1.0 if direction == "minimize" else -1.0 for direction in self.directions)

    def evaluate(self, params: Params, seed: int = 0) -> Outcome:
        """Return what comes of a configuration.

        Parameters
        ----------
        params : mapping of str to object
            The active parameters, no others.
        seed : int, default 0
            Chooses the noise.

        Raises
        ------
        ValueError
            If the configuration does not belong to the space.
        """
        check(self.space, params)
        if not self.allows(params):
            raise ValueError(f"{self.name}: {params} violates one of {self.constraints}")
        measured = self.function(params)
        if not isinstance(measured, Measured):
            measured = Measured((float(measured),))
        truth = measured.values
        if not all(map(math.isfinite, truth)):
            return Outcome(None, None, {}, feasible=False)
        values = truth
        if self.noise is not None:
            values = tuple(map(float, self.noise(params, truth, np.random.default_rng(seed))))
        feasible = all(measured.metrics[name] <= bound for name, bound in self.limits.items())
        return Outcome(values, truth, measured.metrics, feasible)

    def allows(self, params: Params) -> bool:
        """Tell whether the known constraints hold."""
        return allowed(self.constraints, params)

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw one allowed configuration: uniform on each parameter's scale."""
        while True:
            params = sample(self.space, rng)
            if self.allows(params):
                return params
