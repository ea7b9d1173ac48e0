"""What runs of a study's trials took so far, read from its log: seconds and cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Any, NamedTuple

from luthier.errors import InvalidInput
from luthier.model.events import Asked, Paused, Released, Resumed, Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.trial import TrialState

RECENT = 50
"""So many of the newest runs say how long the next one takes, and what it costs."""

FEWEST = 3
"""Fewer runs say nothing."""


class Spent(NamedTuple):
    """What was spent on a study, and what one more run is expected to take.

    A run is from where a trial begins, or goes on, to where it ends or is set aside.

    Attributes
    ----------
    cost : float
        Of all runs together.
    run_seconds, run_cost : float, optional
        Medians over the newest runs; None where too few are known.
    """

    cost: float
    run_seconds: float | None
    run_cost: float | None


def spent(history: History) -> Spent:
    """Return what was spent up to a history, by all processes."""
    return history.fold("spent", _Account, _Account.advance, _Account.read)


@dataclass(slots=True)
class _Account:
    cost: float = 0.0
    began: dict[int, float] = field(default_factory=dict)
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    costs: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def advance(self, event: Happening) -> None:
        if isinstance(event, Asked | Resumed):
            if event.owner is not None:  # else its result was brought from elsewhere
                self.began[event.number] = event.time
        elif isinstance(event, Released):
            self.cost += event.cost or 0.0
            self.began.pop(event.number, None)
        elif isinstance(event, Told | Paused):
            self.cost += event.cost or 0.0
            began = self.began.pop(event.number, None)
            # A failure says nothing of how long others take. What took no time did not run.
            failed = isinstance(event, Told) and event.state is TrialState.FAILED
            if began is None or failed or event.time <= began:
                return
            self.seconds.append(event.time - began)
            if event.cost is not None:
                self.costs.append(event.cost)

    def read(self) -> Spent:
        return Spent(self.cost, _typical(self.seconds), _typical(self.costs))


def _typical(values: deque[float]) -> float | None:
    return median(values) if len(values) >= FEWEST else None


@dataclass(frozen=True, slots=True)
class Price:
    """What a trial costs, if it does not say so itself.

    Attributes
    ----------
    each : float
        Of each trial, however long it runs.
    per_second : float
        Of each second that it runs.
    """

    each: float = 0.0
    per_second: float = 0.0

    def of(self, seconds: float, first: bool) -> float:
        """Return what a run costs, which was the trial's first one or not."""
        return (self.each if first else 0.0) + self.per_second * max(0.0, seconds)


def make_price(cost: Any) -> Price | None:
    """Return the price that a person gave, None for what trials say themselves.

    Parameters
    ----------
    cost : float or mapping, optional
        A number for each trial; ``{"per_second": price}``; or both, with ``"each"``.

    Raises
    ------
    InvalidInput
        If it is neither, or a number is negative or not finite.
    """
    if cost is None:
        return None
    given = cost if isinstance(cost, Mapping) else {"each": cost}
    if not given or not given.keys() <= {"each", "per_second"}:
        allowed = "a number for each trial, or a mapping with 'each' or 'per_second'"
        raise InvalidInput("cost", cost, allowed)
    for name, value in given.items():
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not 0 <= value < inf:
            field_name = "cost" if given is not cost else f"cost: {name}"
            raise InvalidInput(field_name, value, "a finite number from 0 on")
    return Price(**given)
