"""The same 50-trial script under Optuna and under luthier.compat.optuna: time and best value.

Each run is a process of its own, so that importing counts. Both use TPE, Optuna's default and ours
for trials that take no time, with the same seeds. Runs of the two alternate, so that whatever else
the machine does slows both down.

    python benchmarks/optuna_scripts.py --optuna .venv-peers-optuna/bin/python --seeds 20
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

OBJECTIVES = {
    "quadratic": """
        def objective(trial):
            x = trial.suggest_float("x", -10, 10)
            y = trial.suggest_float("y", -10, 10)
            return (x - 2) ** 2 + (y + 1) ** 2
    """,
    "training": """
        def objective(trial):
            rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
            layers = trial.suggest_int("layers", 1, 10)
            optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd", "rmsprop"])
            penalty = {"adam": 0.0, "sgd": 0.5, "rmsprop": 1.0}[optimizer]
            return (math.log10(rate) + 3) ** 2 + (layers - 4) ** 2 / 10 + penalty
    """,
    "branches": """
        def objective(trial):
            kind = trial.suggest_categorical("kind", ["svm", "forest"])
            if kind == "svm":
                c = trial.suggest_float("c", 1e-4, 1e4, log=True)
                gamma = trial.suggest_float("gamma", 1e-5, 1e1, log=True)
                return 0.1 + (math.log10(c) - 1) ** 2 / 20 + (math.log10(gamma) + 2) ** 2 / 20
            depth = trial.suggest_int("depth", 2, 32, log=True)
            share = trial.suggest_float("share", 0.1, 1.0)
            return 0.15 + (math.log2(depth) - 3) ** 2 / 20 + (share - 0.5) ** 2
    """,
}

SCRIPT = """
import math
import sys

{line}

optuna.logging.set_verbosity(optuna.logging.WARNING)
{objective}

study = optuna.create_study({sampler})
study.optimize(objective, n_trials=50)
print(study.best_value)
"""

LINES = {"optuna": "import optuna", "luthier": "from luthier.compat import optuna"}


class Run(NamedTuple):
    """What one process took, in seconds of the wall clock and of the processor, and found."""

    wall: float
    cpu: float
    value: float


def script(side: str, objective: str, seed: int) -> str:
    """Return the program of one run."""
    return SCRIPT.format(
        line=LINES[side],
        objective=textwrap.dedent(OBJECTIVES[objective]).strip(),
        sampler=f"sampler=optuna.samplers.TPESampler(seed={seed})",
    )


def run(python: str, program: str) -> Run:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    before, begin = getrusage(RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(
        [python, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    wall, after = perf_counter() - begin, getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, float(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optuna", default=str(ROOT / ".venv-peers-optuna/bin/python"))
    parser.add_argument("--luthier", default=sys.executable)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    pythons = {"optuna": arguments.optuna, "luthier": arguments.luthier}
    table = {}
    for objective in OBJECTIVES:
        runs: dict[str, list[Run]] = {side: [] for side in pythons}
        for side, python in pythons.items():
            run(python, script(side, objective, 0))  # compiles what is not compiled yet
        for seed in range(arguments.seeds):
            for side, python in pythons.items():
                runs[side].append(run(python, script(side, objective, seed)))
        table[objective] = {
            side: Run(*(median(column) for column in zip(*own, strict=True)))._asdict()
            for side, own in runs.items()
        }
    if arguments.json:
        print(json.dumps(table, indent=2))
        return
    print(f"medians over {arguments.seeds} seeds, 50 trials each")
    print(f"{'objective':<11} {'':<8} {'wall s':>8} {'cpu s':>8} {'best value':>12}")
    for objective, sides in table.items():
        for side, row in sides.items():
            shown = f"{row['wall']:>8.3f} {row['cpu']:>8.3f} {row['value']:>12.6g}"
            print(f"{objective:<11} {side:<8} {shown}")


if __name__ == "__main__":
    main()
