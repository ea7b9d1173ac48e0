"""What share of thousands of workers one study keeps busy, and what a decision costs it.

Asynchronous successive halving on a virtual clock, in both kinds: trials that are not among the
best third at a rung stop, or they are paused and perhaps promoted later. Each trial is a made-up
learning curve of up to 81 steps, which it reports at steps 1, 3, 9, 27 and 81; a step takes ten
seconds on average, more or less by trial, which is little, since most trials make only one. While
the study decides, and it really does, the virtual clock goes on and workers that need an answer
wait for it. So the share of busy workers is what so many real workers would see that wait for this
one process, whatever the network does.

The share counts from the moment at which all workers have begun until the last trial begins. The
costs of decisions are those of the last tenth of them, when the log is long.

    python benchmarks/scale.py [--workers 1000 10000] [--trials 100000] [--step 10]
"""

from __future__ import annotations

import argparse
import sys
import time
from bisect import bisect_right
from collections.abc import Generator
from dataclasses import dataclass
from itertools import product

import numpy as np
from _processes import fresh
from _report import Measure, report

import luthier
from luthier.executors import Simulated
from luthier.schedulers.base import Decision, Scheduler, Step
from luthier.schedulers.halving import Kind
from luthier.schedulers.successive_halving import SuccessiveHalving

STEPS = (1, 3, 9, 27, 81)
KINDS: tuple[Kind, ...] = ("stop", "promote")


class Timed:
    """A scheduler with a stopwatch."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.seconds: list[float] = []

    def next(self, *given) -> Step:
        return self._timed(self.scheduler.next, given)

    def decide(self, *given) -> Decision:
        return self._timed(self.scheduler.decide, given)

    def _timed(self, method, given):
        began = time.perf_counter()
        result = method(*given)
        self.seconds.append(time.perf_counter() - began)
        return result


@dataclass(frozen=True)
class Result:
    """What one run measured.

    Attributes
    ----------
    busy : float
        Share of busy workers, in [0, 1].
    decision : tuple of float
        Mean, 99th percentile and maximum of what `next` and `decide` took, in ms.
    event : float
        What an event of the log (a start, a report, an end, ...) cost in all, in ms.
    real : float
        Seconds that the simulation took.
    virtual : float
        Hours that it simulated.
    """

    busy: float
    decision: tuple[float, float, float]
    event: float
    real: float
    virtual: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--step", type=float, default=10.0, help="seconds of a step")
    options = parser.parse_args()
    measures = []
    for workers, kind in product(options.workers, KINDS):
        result: Result = fresh(simulate, workers, options.trials, kind, options.step)
        label = f"{kind}, {workers} workers, {options.trials} trials"
        mean, late, longest = result.decision
        measures += [
            Measure(f"{label}: busy", "%", [100 * result.busy], at_least=97.0),
            Measure(f"{label}: a decision", "ms", [mean], at_most=2.0),
            Measure(f"{label}: 99 of 100 decisions", "ms", [late], at_most=2.0),
            Measure(f"{label}: the longest decision", "ms", [longest]),
            Measure(f"{label}: an event", "ms", [result.event]),
            Measure(f"{label}: simulated", "h", [result.virtual]),
            Measure(f"{label}: in", "s", [result.real]),
        ]
    sys.exit(report("Simulated workers of one study", measures))


def simulate(workers: int, trials: int, kind: Kind, seconds: float) -> Result:
    """Run a study on simulated workers."""
    scheduler = Timed(SuccessiveHalving(max_step=STEPS[-1], kind=kind))
    executor = Simulated(workers, thinking=True)
    space = {
        "lr": luthier.Float(1e-5, 1e-1, log=True),
        "decay": luthier.Float(1e-6, 1e-2, log=True),
        "width": luthier.Int(16, 512, log=True),
        "pace": luthier.Float(0.5, 1.5),
    }
    study = luthier.create_study(space, sampler="random", scheduler=scheduler, seed=0)
    begun: list[tuple[float, float]] = []  # virtual seconds and worker-seconds, when trial n began

    def objective(trial: luthier.Trial) -> Generator[float, None, float]:
        before = trial.restored_step or 0
        if not before:
            begun.append((executor.now, executor.worked))
        params = trial.params
        level = abs(np.log10(params["lr"]) + 3) + abs(np.log2(params["width"]) - 7) / 4
        for step in STEPS[bisect_right(STEPS, before) :]:
            yield seconds * params["pace"] * (step - before)
            before = step
            trial.report(level + step**-0.5, step)
            trial.prune_if_hopeless()
        return level

    began = time.perf_counter()
    study.optimize(objective, trials, executor=executor)
    real = time.perf_counter() - began
    assert study.history.count == trials
    (first, worked_before), (last, worked) = begun[workers - 1], begun[-1]
    late = np.array(scheduler.seconds[-(len(scheduler.seconds) // 10) :]) * 1e3
    return Result(
        busy=(worked - worked_before) / ((last - first) * workers),
        decision=(float(late.mean()), float(np.quantile(late, 0.99)), float(late.max())),
        event=real * 1e3 / study.history.version,
        real=real,
        virtual=executor.now / 3600,
    )


if __name__ == "__main__":
    main()
