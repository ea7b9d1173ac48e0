"""The loop that all tuners are measured in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol, cast

from .base import Outcome, Problem
from .records import Record
from .scoring import Progress
from .spaces import Params

Advice = tuple[int, float, float]
"""The number of the trial to use, and the ends of the interval that holds its value in 9 of 10."""

REJECTED = 50
"""So many proposals in a row may violate a known constraint; then it costs a trial."""


class Tuner(Protocol):
    """What a run needs of a tuner."""

    def ask(self) -> dict[str, Any]:
        """Return the active parameters of the next trial."""
        ...

    def tell(self, params: Params, outcome: Outcome) -> None:
        """Take what came of the configuration that was asked for last."""
        ...


class Adviser(Tuner, Protocol):
    """A tuner that says under noise which trial to use; of others it is the best observed."""

    def recommend(self) -> Advice | None:
        """Return the trial to use, None as long as there is none."""
        ...


def run(problem: Problem, tuner: Tuner, seed: int, trials: int) -> Iterator[Record]:
    """Yield one record per trial.

    A configuration that violates a constraint which is known beforehand is told as a failure and
    costs no trial: who tunes would see it at once. Tuners that know such constraints propose none.
    """
    progress = Progress(problem)
    truths: list[float] = []
    advises = problem.noise is not None and hasattr(tuner, "recommend")
    for number in range(trials):
        seconds = 0.0
        for attempt in range(REJECTED):
            began = time.perf_counter()
            params = tuner.ask()
            seconds += time.perf_counter() - began
            if problem.allows(params):
                outcome = problem.evaluate(params, seed=seed * 10_000 + number)
            else:
                outcome = Outcome(None, None, {}, feasible=False)
            began = time.perf_counter()
            tuner.tell(params, outcome)
            seconds += time.perf_counter() - began
            if problem.allows(params) or attempt == REJECTED - 1:
                break
        regret, held = progress.add(outcome), None
        if advises:
            assert outcome.truth is not None
            truths.append(outcome.truth[0])
            advice = cast(Adviser, tuner).recommend()
            if advice is not None:
                chosen, low, high = advice
                regret, held = progress.regret_of(truths[chosen]), low <= truths[chosen] <= high
        yield Record.of(number, outcome, regret, seconds, held)
