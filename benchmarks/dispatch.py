"""Trials per second through worker processes, how busy workers are, and what starting costs.

An empty objective runs in two worker processes, in memory and on SQLite; only this process writes.
The rate is that between the first and the last result, and the start of the workers (two fresh
interpreters that load the objective) is listed apart. The time of ``import luthier`` is measured
inside fresh interpreters that have imported NumPy before, and beside it that of the whole
``python -c 'import luthier'`` and of making a study.

How busy two workers are is measured with trials of 50 ms, on worker processes and, where they are
installed, on a Ray and a Dask cluster of this machine: the time in which trials ran, of the time
from the fourth result to the last.

    python benchmarks/dispatch.py [--trials 5000] [--runs 5] [--busy-trials 200]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time

from _clusters import installed, ready
from _processes import fresh
from _report import Measure, report

import luthier

WORKERS = 2
IMPORT = """
from time import perf_counter
import numpy
began = perf_counter()
import luthier
imported = perf_counter()
luthier.create_study({"x": luthier.Float(0, 1)})
print((imported - began) * 1e3, (perf_counter() - imported) * 1e3)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=5000, help="trials a run (default 5000)")
    parser.add_argument("--runs", type=int, default=5, help="default 5")
    parser.add_argument("--busy-trials", type=int, default=200, help="of 50 ms (default 200)")
    options = parser.parse_args()

    measures = []
    for name, storage in (("memory", "memory"), ("SQLite", "study.db")):
        runs = []
        for _ in range(options.runs):
            with tempfile.TemporaryDirectory() as folder:
                where = storage if storage == "memory" else f"{folder}/{storage}"
                runs.append(fresh(dispatch, where, options.trials))
        starts, rates = zip(*runs, strict=True)
        label = f"{name}, {WORKERS} workers"
        measures.append(Measure(label, "trials/s", rates, at_least=1000.0))
        measures.append(Measure(f"{label}: until the first result", "s", starts))

    for name in installed():
        shares = fresh(busy, name, options.busy_trials, options.runs)
        label = f"{WORKERS} workers on {name}, trials of 50 ms: busy"
        measures.append(Measure(label, "%", shares, at_least=95.0))

    imports = [in_fresh_interpreter(IMPORT) for _ in range(2 * options.runs)]
    measures += [
        Measure("import luthier, after NumPy", "ms", [i for i, _ in imports], at_most=30.0),
        Measure("the first study", "ms", [c for _, c in imports]),
        *(
            Measure(f"python -c '{code}'", "ms", [whole(code) for _ in range(options.runs)])
            for code in ("import luthier", "import numpy", "pass")
        ),
    ]
    sys.exit(report("Trials through worker processes", measures))


def dispatch(storage: str, trials: int) -> tuple[float, float]:
    """Return the seconds until the first result, and the trials per second from there on."""
    space = {"x": luthier.Float(0.0, 1.0)}
    study = luthier.create_study(space, storage=storage, sampler="random", seed=0)
    ends: list[float] = []
    began = time.perf_counter()
    study.optimize(
        lambda trial: trial.params["x"],
        n_trials=trials,
        n_jobs=WORKERS,
        callbacks=[lambda study, trial: ends.append(time.perf_counter())],
    )
    assert len(study.trials) == len(ends) == trials
    return ends[0] - began, (trials - 1) / (ends[-1] - ends[0])


def busy(name: str, trials: int, runs: int) -> list[float]:
    """Return, for each run, for how many percent of the time the workers had a trial to do."""

    def sleep(trial: luthier.Trial) -> float:
        """Take 50 ms, and return how long it took indeed."""
        began = time.perf_counter()
        time.sleep(0.05)
        return time.perf_counter() - began

    shares = []
    with ready(name, WORKERS) as executor:
        for _ in range(runs):
            space = {"x": luthier.Float(0.0, 1.0)}
            study = luthier.create_study(space, sampler="random", seed=0)
            ends: list[tuple[float, float]] = []
            study.optimize(
                sleep,
                n_trials=trials,
                executor=executor,
                callbacks=[
                    lambda study, trial, ends=ends: ends.append((time.perf_counter(), trial.value))
                ],
            )
            (began, _), *later = ends[3:]
            worked = sum(seconds for _, seconds in later)
            shares.append(100 * worked / (WORKERS * (later[-1][0] - began)))
    return shares


def in_fresh_interpreter(code: str) -> tuple[float, ...]:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()))


def whole(code: str) -> float:
    """Return the milliseconds that a Python process takes from start to end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    main()
