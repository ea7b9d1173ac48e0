"""The loop that all tuners are measured in."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
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


class Parallel(Protocol):
    """A tuner whose trials run side by side."""

    def begin(self) -> Any:
        """Return the next trial, which has `params`."""
        ...

    def end(self, trial: Any, outcome: Outcome) -> None:
        """Take what came of a trial."""
        ...


def run_in_flight(
    problem: Problem, tuner: Parallel, seed: int, trials: int, in_flight: int
) -> Iterator[Record]:
    """Yield one record per trial, where so many run at a time and all take as long.

    Each suggestion but the first ones lacks the results of ``in_flight - 1`` trials before it.
    The regret is that of the best observed trial, under noise as well.
    """
    progress = Progress(problem)
    numbers = iter(range(trials))
    running: deque[tuple[int, Any, float]] = deque()
    while True:
        for number in islice(numbers, in_flight - len(running)):
            began = time.perf_counter()
            trial = tuner.begin()
            running.append((number, trial, time.perf_counter() - began))
        if not running:
            return
        number, trial, seconds = running.popleft()
        outcome = problem.evaluate(dict(trial.params), seed=seed * 10_000 + number)
        began = time.perf_counter()
        tuner.end(trial, outcome)
        seconds += time.perf_counter() - began
        yield Record.of(number, outcome, progress.add(outcome), seconds, None)


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
