"""What every contender of `multifidelity.py` shares: the table, how epochs are counted, results.

Works in the environment of any peer: it needs NumPy and Luthier's sources.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

# ruff: noqa: E402 - threads have to be limited before NumPy is imported
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
from curves import Source, get

RANDOM_TRIALS = 100
"""Random search with full training and so many trials sets the goal."""

LEAST = 10
"""Runs go on to so many full trainings even after the goal, to compare regrets there."""

MOST = 100
"""Runs that do not come to the goal end after so many full trainings."""


class Enough(BaseException):
    """The run has come to its goal or used up its budget."""


@dataclass
class Run:
    """One course of one contender on one source: counts epochs and keeps what was found.

    Only configurations trained to their last step count as found: what a method believes of a
    trial that it has not trained to the end is not a result.

    Parameters
    ----------
    source : str
    seed : int
    workers : int
    """

    source: str
    seed: int
    workers: int
    least: float = LEAST
    most: float = MOST
    epochs: int = 0
    started: int = 0
    found: list[tuple[int, float]] = field(default_factory=list)
    """Epochs used by then, and the regret, whenever a better one was complete."""

    @cached_property
    def table(self) -> Source:
        return get(self.source)

    @cached_property
    def curves(self) -> list[list[float]]:
        """The curves; where training diverged, the worst finite value stands."""
        values = self.table.curves
        return np.where(np.isfinite(values), values, np.nanmax(values)).tolist()

    @property
    def steps(self) -> int:
        return self.table.steps

    @cached_property
    def goal(self) -> float:
        return goal(self.table)

    def epoch(self, row: int, step: int) -> float:
        """Train a configuration for one more epoch, and return the metric after it.

        Raises
        ------
        Enough
            If that was the last epoch of the run.
        """
        if self.epochs >= self.most * self.steps:
            raise Enough
        self.epochs += 1
        value = self.curves[row][step - 1]
        if step == 1:
            self.started += 1
        if step == self.steps:
            regret = max(0.0, value - self.table.best)
            if not self.found or regret < self.found[-1][1]:
                self.found.append((self.epochs, regret))
        reached = bool(self.found) and self.found[-1][1] <= self.goal
        if reached and self.epochs >= self.least * self.steps:
            raise Enough
        return value


def goal(source: Source) -> float:
    """Return the median regret of random search after its trials, which is known exactly.

    It is that of the order statistic that the best of so many draws without repetition reaches
    with probability one half.
    """
    regrets = np.sort(source.final) - source.best
    n = len(regrets)
    missed = np.cumprod(1 - RANDOM_TRIALS / (n - np.arange(n - RANDOM_TRIALS)))
    return float(regrets[int(np.argmax(missed <= 0.5))])


def epochs_to(found: list[tuple[int, float]], regret: float) -> float:
    """Return after how many epochs a regret was reached, infinite if never."""
    return next((epochs for epochs, reached in found if reached <= regret), float("inf"))


def regret_at(found: list[tuple[int, float]], epochs: float) -> float:
    """Return the regret after so many epochs, infinite before the first complete trial."""
    return min((regret for used, regret in found if used <= epochs), default=float("inf"))


Play = Callable[[Run], None]
"""Plays one run until `Enough` is raised."""


def played(name: str, play: Play, run: Run) -> dict[str, Any]:
    """Play a run to its end and return its record."""
    began = time.process_time()
    with suppress(Enough):
        play(run)
    return {
        "contender": name,
        "source": run.source,
        "seed": run.seed,
        "workers": run.workers,
        "epochs": run.epochs,
        "started": run.started,
        "found": [(used, round(regret, 8)) for used, regret in run.found],
        "cpu": round(time.process_time() - began, 2),
    }


def jobs() -> Iterator[tuple[str, Run]]:
    """Yield the runs that are asked for on standard input, one JSON object a line."""
    for line in sys.stdin:
        job = json.loads(line)
        yield job["contender"], Run(job["source"], job["seed"], job["workers"])


def serve(contenders: dict[str, Play]) -> None:
    """Play what standard input asks for, and print the records."""
    for name, run in jobs():
        print(json.dumps(played(name, contenders[name], run)), flush=True)
