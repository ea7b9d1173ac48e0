"""What every benchmark prints: the machine, a table of medians with their spread, the verdicts."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

import luthier


@dataclass(frozen=True, slots=True)
class Measure:
    """Repeated measurements of one thing, and the bar that their median has to clear.

    Parameters
    ----------
    name : str
        What was measured.
    unit : str
        Unit of the samples.
    samples : sequence of float
        One per run, at least one.
    at_most, at_least : float, optional
        The bar; without either there is nothing to miss.
    """

    name: str
    unit: str
    samples: Sequence[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def missed(self) -> bool:
        too_much = self.at_most is not None and self.median > self.at_most
        too_little = self.at_least is not None and self.median < self.at_least
        return too_much or too_little

    def row(self) -> list[str]:
        bar = verdict = ""
        if self.at_most is not None:
            bar = f"<= {_shown(self.at_most)}"
        elif self.at_least is not None:
            bar = f">= {_shown(self.at_least)}"
        if bar:
            verdict = "MISSED" if self.missed else "ok"
        figures = [self.median, min(self.samples), max(self.samples)]
        return [self.name, *map(_shown, figures), self.unit, bar, verdict]


def report(title: str, measures: Iterable[Measure]) -> int:
    """Print a table and return the exit code: 1 if a bar was missed."""
    measures = list(measures)
    headers = ["", "median", "min", "max", "unit", "bar", ""]
    right = ("left", "right", "right", "right", "left", "left", "left")
    table = tabulate([m.row() for m in measures], headers, disable_numparse=True, colalign=right)
    print(f"\n{title}\n{machine()}\n\n{table}", flush=True)
    return int(any(measure.missed for measure in measures))


def machine() -> str:
    """Say what the figures were measured on."""
    return (
        f"Luthier {luthier.__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {cores()} cores"
    )


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _shown(value: float) -> str:
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    if 0 < abs(value) < 0.1:
        digits = 4
    return f"{value:,.{digits}f}"
