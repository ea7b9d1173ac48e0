"""Trials per second of an empty objective: memory, SQLite, two processes, and Optuna beside it.

    python benchmarks/overhead.py [--peers PYTHON] [--quick]

``--peers`` names a Python that has Optuna installed; it is measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DIMENSIONS = 10

LUTHIER = """
import json, sys, time
import luthier
storage, name, trials, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
space = {{f"x{{i}}": luthier.Float(0.0, 1.0) for i in range({d})}}
study = luthier.create_study(
    space, study_name=name, storage=storage, sampler="random", seed=0, load_if_exists=True
)
objective = lambda trial: trial.params["x0"]
study.optimize(objective, n_trials=50)
started = time.time()
study.optimize(objective, n_trials=trials)
print(json.dumps([trials, started, time.time()]))
"""

OPTUNA = """
import json, sys, time
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
kind, path, name, trials, seed = (
    sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
)
if kind == "memory":
    storage = None
elif kind == "sqlite":
    storage = f"sqlite:///{{path}}"
else:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    storage = JournalStorage(JournalFileBackend(path))
study = optuna.create_study(
    study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler(seed=seed),
    load_if_exists=True,
)
def objective(trial):
    return [trial.suggest_float(f"x{{i}}", 0.0, 1.0) for i in range({d})][0]
study.optimize(objective, n_trials=5)
started = time.time()
study.optimize(objective, n_trials=trials)
print(json.dumps([trials, started, time.time()]))
"""


def run(python: str, script: str, *arguments: object) -> subprocess.Popen[str]:
    code = script.format(d=DIMENSIONS)
    return subprocess.Popen(
        [python, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def rate(*processes: subprocess.Popen[str]) -> float:
    """Return trials per second of processes side by side: all trials, first start to last end."""
    spans = []
    for process in processes:
        out, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"a measured process failed with code {process.returncode}")
        spans.append(json.loads(out.strip().splitlines()[-1]))
    trials, started, ended = zip(*spans, strict=True)
    return float(sum(trials) / (max(ended) - min(started)))


def scaling(trials: int) -> dict[str, float]:
    """Return microseconds a trial near the first thousand and near `trials`, on SQLite."""
    import luthier

    with tempfile.TemporaryDirectory() as folder:
        space = {f"x{i}": luthier.Float(0.0, 1.0) for i in range(DIMENSIONS)}
        study = luthier.create_study(space, storage=f"{folder}/s.db", sampler="random", seed=0)

        def microseconds(count: int) -> float:
            began = time.perf_counter()
            study.optimize(lambda trial: trial.params["x0"], n_trials=count)
            return (time.perf_counter() - began) / count * 1e6

        microseconds(500)
        early = statistics.median(microseconds(500) for _ in range(5))
        study.optimize(lambda trial: trial.params["x0"], total_trials=trials - 2500)
        late = statistics.median(microseconds(500) for _ in range(5))
    return {"at 1,000": early, f"at {trials:,}": late, "ratio": late / early}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="a Python with Optuna installed")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--scale", type=int, default=100_000)
    options = parser.parse_args()

    rows: dict[str, list[float]] = {}
    for repeat in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            n = options.trials
            measure = rows.setdefault
            measure("luthier, memory", []).append(
                rate(run(sys.executable, LUTHIER, "memory", "m", n, repeat))
            )
            measure("luthier, SQLite", []).append(
                rate(run(sys.executable, LUTHIER, root / "one.db", "one", n, repeat))
            )
            pair = [run(sys.executable, LUTHIER, root / "two.db", "pair", n, i) for i in (1, 2)]
            measure("luthier, SQLite, 2 processes", []).append(rate(*pair))
            if options.peers:
                py = options.peers
                measure("optuna, memory", []).append(
                    rate(run(py, OPTUNA, "memory", "-", "m", 1000, repeat))
                )
                measure("optuna, SQLite", []).append(
                    rate(run(py, OPTUNA, "sqlite", root / "o.db", "o", 60, repeat))
                )
                measure("optuna, journal file", []).append(
                    rate(run(py, OPTUNA, "journal", root / "o.log", "o", 300, repeat))
                )
    print(f"{'trials per second':32} {'median':>10} {'min':>10} {'max':>10}")
    for name, values in rows.items():
        low, high = min(values), max(values)
        print(f"{name:32} {statistics.median(values):10,.0f} {low:10,.0f} {high:10,.0f}")
    print()
    for name, value in scaling(options.scale).items():
        print(f"microseconds a trial {name:12} {value:8.2f}")


if __name__ == "__main__":
    main()
