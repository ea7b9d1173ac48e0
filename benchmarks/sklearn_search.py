"""SearchCV against the searches of scikit-learn, Optuna and scikit-optimize: score and overhead.

    python benchmarks/sklearn_search.py [--seeds 5] [--fits 150] [--tools ...] [--overhead]

Each search may make as many fits as the others, on the same folds and over the same space. What
counts is the score on data that no search has seen. With ``--overhead`` an estimator whose fit only
waits shows how much work a search makes beyond its fits.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from _efficiency_peers import Environment
from scipy.stats import rankdata

HERE = Path(__file__).parent
WORKER = HERE / "_sklearn_search_worker.py"
KEPT = HERE / "results" / "sklearn" / "search.jsonl"
ENVIRONMENT = Environment(
    "sklearn",
    (
        "scikit-learn==1.9.1 optuna==5.0.0 optuna-integration==5.0.0 "
        "scikit-optimize==0.10.2 pandas",
        f"-e {HERE.parent}",
    ),
)
TOOLS = ("luthier", "random", "halving", "optuna", "skopt")
TASKS = (
    "cancer-svc",
    "digits-svc",
    "digits-trees",
    "noisy-forest",
    "noisy-sgd",
    "moons-tree",
    "diabetes-elasticnet",
    "diabetes-boosting",
    "friedman1-svr",
    "friedman2-kernel",
)
Run = dict[str, Any]


def run(python: Path, tool: str, task: str, seed: int, fits: int) -> Run:
    """Run one search in a process of its own, with one thread."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [str(python), str(WORKER), tool, task, str(seed), str(fits)],
        env={**os.environ, **single, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{tool} on {task}, seed {seed}:\n{done.stderr[-2000:]}")
    found: Run = json.loads(done.stdout.splitlines()[-1])
    return {**found, "allowed": fits}


def kept() -> dict[tuple[Any, ...], Run]:
    if not KEPT.exists():
        return {}
    rows = [json.loads(line) for line in KEPT.read_text().splitlines()]
    return {(r["tool"], r["task"], r["seed"], r["allowed"]): r for r in rows}


def compare(python: Path, tools: list[str], seeds: int, fits: int, jobs: int) -> None:
    known = kept()
    wanted = [(t, task, s, fits) for s in range(seeds) for task in TASKS for t in tools]
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool, KEPT.open("a") as file:
        missing = [key for key in wanted if key not in known]
        for key, found in zip(missing, pool.map(lambda k: run(python, *k), missing), strict=True):
            known[key] = found
            file.write(json.dumps(found) + "\n")
            file.flush()
            print(".", end="", file=sys.stderr, flush=True)
    report(known, tools, seeds, fits)


def report(known: dict[tuple[Any, ...], Run], tools: list[str], seeds: int, fits: int) -> None:
    scores = np.array(
        [
            [[known[t, task, s, fits]["score"] for t in tools] for s in range(seeds)]
            for task in TASKS
        ]
    )
    ranks = np.apply_along_axis(lambda row: rankdata(-row), 2, scores)
    width = max(map(len, TASKS)) + 2
    columns = [max(12, len(t) + 2) for t in tools]

    def line(name: str, cells: list[str]) -> None:
        print(name.ljust(width) + "".join(c.rjust(w) for c, w in zip(cells, columns, strict=True)))

    print(f"\nHeld-out score, mean of {seeds} seeds, at most {fits} fits\n")
    line("", tools)
    for task, row in zip(TASKS, scores.mean(axis=1), strict=True):
        line(task, [f"{score:.4f}" for score in row])
    print()
    line("rank", [f"{rank:.2f}" for rank in ranks.mean(axis=(0, 1))])
    line("rank of means", [f"{r:.2f}" for r in rankdata(-scores.mean(axis=1), axis=1).mean(axis=0)])
    runs = {t: [known[t, task, s, fits] for task in TASKS for s in range(seeds)] for t in tools}
    line("fits", [f"{np.mean([r['fits'] for r in runs[t]]):.0f}" for t in tools])
    line("seconds", [f"{np.mean([r['seconds'] for r in runs[t]]):.1f}" for t in tools])


def overhead(python: Path, fits: int) -> None:
    """Let fits only wait, so that all work of the processor is that of the search."""
    tools = {
        "random": "random search",
        "luthier:scheduler=full,confirm=0": "SearchCV, all folds",
        "luthier:scheduler=full,confirm=0,sampler=gp": "SearchCV, all folds, Gaussian process",
        "luthier": "SearchCV",
        "optuna": "OptunaSearchCV",
    }
    print(f"Work beyond {fits} fits that wait a fixed time, in ms a fit, and as a share of it")
    for seconds in (0.02, 0.1, 0.4):
        base = None
        for tool, name in tools.items():
            found = run(python, tool, f"wait{seconds}", 0, fits)
            each = found["cpu"] / found["fits"]
            base = each if base is None else base
            share = 100 * (each - base) / seconds
            print(f"  fits of {seconds:4} s  {name:40} {1000 * each:7.2f} ms {share:+7.2f}%")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fits", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--tools", nargs="+", default=list(TOOLS))
    parser.add_argument("--overhead", action="store_true")
    given = parser.parse_args()
    python = ENVIRONMENT.python()
    if given.overhead:
        overhead(python, given.fits)
    else:
        compare(python, given.tools, given.seeds, given.fits, given.jobs)


if __name__ == "__main__":
    main()
