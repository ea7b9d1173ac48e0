"""What a trial costs beside its objective: in memory, on SQLite, late in a long study, in Optuna.

Each figure comes from fresh processes and a study of 10 floats with random sampling and an
objective that only returns a number. The clock starts when the study is open and some trials have
warmed everything up. Two processes share one file and start together. SQLite runs with its default
durability: what was written outlives ``kill -9`` (resume.py proves it), and a power cut may take
the last moments. "Synced" waits for the disk at every write, as Optuna's files do by default.

How the cost grows is measured within one long study, in batches of 500 trials, those around trial
1,000 against the last ones. There the clock is the processor time of the process, so that other
programs do not count.

    python benchmarks/overhead.py             Luthier alone
    python benchmarks/overhead.py --peers     and Optuna beside it, in an environment made for it
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from _processes import fresh, together
from _report import Measure, report

import luthier
from luthier.storage.sqlite import SQLite

DIMENSIONS = 10
WARM_UP = 50
BATCH = 500
BATCHES = 10
SYNCED = 10  # times fewer trials where each of them waits for the disk
BARS = {"memory": 10_000, "SQLite": 5_000}
SPACE = {f"x{i}": luthier.Float(0.0, 1.0) for i in range(DIMENSIONS)}

OPTUNA = "optuna==5.0.0"
OPTUNA_HOME = Path(__file__).parents[1] / ".venv-peers-optuna"
OPTUNA_TRIALS = {"memory": 1000, "journal": 200, "sqlite": 60}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="repetitions of each (default 5)")
    parser.add_argument("--trials", type=int, default=5000, help="trials a run (default 5000)")
    parser.add_argument(
        "--scale", type=int, default=100_000, help="length of the long study (default 100000)"
    )
    parser.add_argument("--peers", action="store_true", help=f"also {OPTUNA}")
    options = parser.parse_args()
    optuna = optuna_python() if options.peers else None

    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            rates["memory"].append(rate(["memory"], options.trials))
            rates["SQLite"].append(rate([f"{folder}/one.db"], options.trials))
            rates["SQLite, 2 processes"].append(rate([f"{folder}/two.db"] * 2, options.trials))
            power = SQLite(f"{folder}/power.db", durability="power")
            rates["SQLite, synced"].append(rate([power], options.trials // SYNCED))
            if optuna is not None:
                for kind, trials in OPTUNA_TRIALS.items():
                    label = f"Optuna, {kind}, {trials} trials"
                    rates[label].append(optuna_rate(optuna, kind, folder, trials))
    measures = [
        Measure(name, "trials/s", samples, at_least=BARS.get(name))
        for name, samples in rates.items()
    ]
    ratios = [
        two / one for one, two in zip(rates["SQLite"], rates["SQLite, 2 processes"], strict=True)
    ]
    measures.append(Measure("SQLite, 2 processes to 1", "times", ratios, at_least=1.0))

    for name, file in (("memory", None), ("SQLite", "long.db")):
        with tempfile.TemporaryDirectory() as folder:
            storage = f"{folder}/{file}" if file else "memory"
            costs = fresh(cost_of_trials, storage, options.scale)
        at_1000, at_end = costs[1 : 1 + BATCHES], costs[-BATCHES:]
        growth = statistics.median(at_end) / statistics.median(at_1000)
        measures += [
            Measure(f"{name}, trials 500 to 5,500", "µs/trial", at_1000),
            Measure(f"{name}, the last 5,000 of {options.scale:,}", "µs/trial", at_end),
            Measure(f"{name}, growth", "times", [growth], at_most=1.5),
        ]
    sys.exit(report("Cost of a trial beside its objective", measures))


def rate(storages: Sequence[str | SQLite], trials: int) -> float:
    """Return the trials per second of one process for each storage, all together."""
    seconds = together(prepare_trials, [(storage, trials) for storage in storages])
    return trials * len(storages) / seconds


def prepare_trials(storage: str | SQLite, trials: int) -> Callable[[], object]:
    study = luthier.create_study(
        SPACE, study_name="s", storage=storage, sampler="random", seed=0, load_if_exists=True
    )
    study.optimize(objective, n_trials=WARM_UP)
    return lambda: study.optimize(objective, n_trials=trials)


def objective(trial: luthier.Trial) -> float:
    return float(trial.params["x0"])


def cost_of_trials(storage: str, length: int) -> list[float]:
    """Return microseconds a trial of one study, batch by batch from its beginning to its end."""
    study = luthier.create_study(SPACE, storage=storage, sampler="random", seed=0)
    marks: list[float] = []

    def mark(study: luthier.Study, trial: luthier.FrozenTrial) -> None:
        if trial.number % BATCH == 0:
            marks.append(time.process_time())

    study.optimize(objective, n_trials=length + 1, callbacks=[mark])
    return [(end - began) / BATCH * 1e6 for began, end in pairwise(marks)]


def optuna_python() -> Path:
    """Return a Python that has Optuna, in an environment that is made at the first call."""
    python = OPTUNA_HOME / "bin" / "python"
    if not python.exists():
        print(f"Making {OPTUNA_HOME.name} with {OPTUNA} ...", flush=True)
        venv.create(OPTUNA_HOME, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-qq", OPTUNA], check=True)
    return python


def optuna_rate(python: Path, kind: str, folder: str, trials: int) -> float:
    script = Path(__file__).with_name("_optuna_trials.py")
    arguments = [kind, f"{folder}/optuna-{kind}", str(trials), str(DIMENSIONS)]
    done = subprocess.run([python, script, *arguments], check=True, capture_output=True, text=True)
    return trials / float(done.stdout)


if __name__ == "__main__":
    main()
