"""What a decision costs with 1,000, 10,000 and 100,000 trials, a tenth of them running.

The history is made of trials that reported up to 27 steps. Then running trials report in turn, and
each report is followed by what the engine asks: a snapshot of the log, the trial, the decision,
and what a free worker does next. The time is that of all of this together for one report, beside
that of the first question to a scheduler, which folds the whole log.

    python benchmarks/schedulers.py [--trials 1000 10000 100000] [--reports 300]
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Iterator

import numpy as np
from _report import Measure, report

from luthier.model.events import Asked, Defined, Event, Paused, Reported, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.schedulers import (
    Auto,
    Bandit,
    Decision,
    Hyperband,
    Median,
    Pasha,
    Scheduler,
    SuccessiveHalving,
    Truncation,
)
from luthier.space import Float, Space

PROBLEM = Problem(Space({"x": Float(0.0, 1.0)}))
STEPS = 27
BAR = 1.0
"""Milliseconds for one report."""

SCHEDULERS: dict[str, Scheduler] = {
    "median": Median(),
    "bandit": Bandit(slack_factor=0.1),
    "truncation": Truncation(20),
    "asha": SuccessiveHalving(max_step=STEPS),
    "asha, promoting": SuccessiveHalving(max_step=STEPS, kind="promote"),
    "hyperband": Hyperband(max_step=STEPS),
    "pasha": Pasha(max_step=STEPS),
    "auto": Auto(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--reports", type=int, default=300, help="timed reports (default 300)")
    options = parser.parse_args()
    measures = []
    for trials in options.trials:
        for name, scheduler in SCHEDULERS.items():
            first, each = time_of(scheduler, trials, options.reports)
            label = f"{name}, {trials:,} trials"
            measures.append(Measure(label, "ms", each, at_most=BAR))
            measures.append(Measure(f"{label}: first question", "ms", [first]))
    sys.exit(report("What a scheduler costs for one report", measures))


def time_of(scheduler: Scheduler, trials: int, reports: int) -> tuple[float, list[float]]:
    """Return the milliseconds of the first question, and those of each of the reports after it."""
    ledger = Ledger().apply(course(trials, isinstance(scheduler, Pasha) or pauses(scheduler)))
    gc.collect()
    history = ledger.snapshot()
    running = [trial.number for trial in history.running]
    asked = next(trial for trial in history.running if trial.reports)
    began = time.perf_counter()
    scheduler.decide(PROBLEM, history, asked)
    scheduler.next(PROBLEM, history)
    first = (time.perf_counter() - began) * 1e3

    rng = np.random.default_rng(1)
    each = []
    for number in running[:reports]:
        last = history.trial(number).reports.last
        step = 1 if last is None else 3 * last.step
        event = Reported(number, step, {"value": rng.random()})
        began = time.perf_counter()
        history = ledger.apply([event]).snapshot()
        decision = scheduler.decide(PROBLEM, history, history.trial(number))
        if decision is Decision.PAUSE:
            history = ledger.apply([Paused(number)]).snapshot()
        elif decision is Decision.STOP:
            history = ledger.apply([Told(number, TrialState.PRUNED)]).snapshot()
        scheduler.next(PROBLEM, history)
        each.append((time.perf_counter() - began) * 1e3)
    return first, each


def pauses(scheduler: Scheduler) -> bool:
    return getattr(scheduler, "kind", "stop") == "promote"


def course(trials: int, pausing: bool) -> Iterator[Event]:
    """Yield a log: nine in ten trials ended, or are paused where the scheduler pauses."""
    rng = np.random.default_rng(0)
    yield Defined(PROBLEM)
    for number in range(trials):
        yield Asked(number, {"x": 0.5}, 0, "random", "owner")
        level = rng.random()
        running = number >= trials - trials // 10
        last = (1, 3, 9, STEPS)[int(rng.choice(4, p=(0.66, 0.22, 0.08, 0.04)))]
        for step in range(1, last + 1) if not running else (1, 3)[: int(rng.integers(3))]:
            yield Reported(number, step, {"value": level + rng.random() / step})
        if running:
            continue
        if last == STEPS:
            yield Told(number, TrialState.COMPLETE, (level,))
        elif pausing:
            yield Paused(number)
        else:
            yield Told(number, TrialState.PRUNED)


if __name__ == "__main__":
    main()
