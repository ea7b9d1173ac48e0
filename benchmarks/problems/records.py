"""One line per trial of a run, and the figures that are read from many of them."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from .base import Outcome
from .scoring import TABLES

FLOOR = 1e-3
"""Regrets below this share of random search's count as this share: solved is solved."""


@dataclass(frozen=True, slots=True)
class Record:
    """One trial of a run.

    Attributes
    ----------
    trial : int
        Its number, from 0.
    values : tuple of float, optional
        What the tuner was told; None for a failure.
    regret : float
        Of what would be recommended after it, see `Progress`.
    seconds : float
        Spent by the tuner in ask and tell.
    held : bool, optional
        Whether the interval that the tuner states for what it recommends holds the true value;
        None where it states none.
    """

    trial: int
    values: tuple[float, ...] | None
    regret: float
    seconds: float
    held: bool | None = None

    @classmethod
    def of(
        cls, trial: int, outcome: Outcome, regret: float, seconds: float, held: bool | None = None
    ) -> Record:
        return cls(trial, outcome.values, regret, round(seconds, 6), held)

    def line(self, **beside: Any) -> str:
        """Return it as a line of JSON."""
        return json.dumps({**beside, **asdict(self)})


@cache
def random_search() -> Mapping[str, Any]:
    """Return the regrets of random search, by problem."""
    return json.loads((TABLES / "random.json").read_text())  # type: ignore[no-any-return]


def yardstick(problem: str, at: int) -> float:
    """Return random search's median regret after some trials, its mean where that is 0."""
    baseline = random_search()[problem]
    median, mean = baseline["median"][str(at)], baseline["mean"][str(at)]
    return float(median if median > 0 else mean)


def relative(regret: float, problem: str, at: int) -> float:
    """Return a regret as a share of random search's, not below `FLOOR`."""
    scale = yardstick(problem, at)
    return max(regret / scale, FLOOR) if scale > 0 else 1.0


def middle(regrets: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(regrets)


def worst_quarter(regrets: Sequence[float]) -> float:
    """Return the mean of the worst quarter of the runs, at least of one."""
    ordered = sorted(regrets)
    return statistics.fmean(ordered[-max(1, len(ordered) // 4) :])


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return math.exp(float(np.mean(np.log(list(values)))))
