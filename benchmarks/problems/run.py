"""Runs one sampler on some problems and compares it with random search.

    python -m benchmarks.problems.run --sampler tpe --problems tune --seeds 10 --trials 50 --jobs 2
    python -m benchmarks.problems.run --sampler my.module:Mine --set n_startup=5 --kinds noisy,multi
    python -m benchmarks.problems.run --sampler gp --in-flight 8

Figures are regrets as shares of random search's median regret after as many trials, of the median
run and of the mean of the worst quarter of the runs. Below a thousandth counts as a thousandth.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tabulate import tabulate

from . import KINDS, get, select
from .known import AT
from .records import FLOOR, Record, geometric_mean, middle, relative, worst_quarter
from .runs import run, run_in_flight


def one_run(
    problem: str, sampler: str, settings: str, seed: int, trials: int, in_flight: int
) -> list[Record]:
    """Run one seed; in a process of its own."""
    from .ours import Ours, make_sampler

    made = make_sampler(sampler, json.loads(settings))
    tuner = Ours(get(problem), made, seed)
    if in_flight > 1:
        return list(run_in_flight(get(problem), tuner, seed, trials, in_flight))
    return list(run(get(problem), tuner, seed, trials))


def main() -> None:
    options = _options()
    settings = json.dumps(dict(_setting(text) for text in options.set))
    kinds = options.kinds.split(",") if options.kinds else KINDS
    problems = select(options.problems, kinds, slow=options.slow)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    began = time.perf_counter()
    regrets: dict[str, dict[int, list[float]]] = {
        problem.name: {at: [] for at in AT if at <= options.trials} for problem in problems
    }
    seconds: dict[str, list[float]] = defaultdict(list)
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        futures = {
            pool.submit(
                one_run,
                problem.name,
                options.sampler,
                settings,
                seed,
                options.trials,
                options.in_flight,
            ): (problem.name, seed)
            for seed in range(options.first_seed, options.first_seed + options.seeds)
            for problem in problems
        }
        out = options.out.open("a") if options.out else None
        for future in as_completed(futures):
            name, seed = futures[future]
            try:
                records = future.result()
            except Exception as error:  # the others' figures are still worth having
                print(f"{name}, seed {seed}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            for at, found in regrets[name].items():
                found.append(records[at - 1].regret)
            seconds[name] += [record.seconds for record in records]
            for record in records if out else ():
                label = options.label or options.sampler
                print(record.line(problem=name, sampler=label, seed=seed), file=out)
        if out:
            out.close()
    rows = list(_rows(regrets, seconds))
    _print(rows, sorted({at for found in regrets.values() for at in found}))
    print(
        f"{options.sampler} {settings}, {options.seeds} seeds, {options.trials} trials, "
        f"floor {FLOOR:g}, {time.perf_counter() - began:.0f} s"
    )


def _rows(
    regrets: dict[str, dict[int, list[float]]], seconds: dict[str, list[float]]
) -> Iterator[dict[str, Any]]:
    for name, at_budget in regrets.items():
        if not seconds[name]:
            continue
        yield {
            "problem": name,
            "kind": get(name).kind,
            "split": get(name).split,
            "median": {at: relative(middle(found), name, at) for at, found in at_budget.items()},
            "worst": {
                at: relative(worst_quarter(found), name, at) for at, found in at_budget.items()
            },
            "ms": 1e3 * statistics.fmean(seconds[name]),
        }


def _print(rows: list[dict[str, Any]], budgets: list[int]) -> None:
    def line(label: str, kind: str, some: list[dict[str, Any]]) -> list[str]:
        figures = [
            f"{geometric_mean(row[figure][at] for row in some):.3f}"
            for at in budgets
            for figure in ("median", "worst")
        ]
        return [label, kind, *figures, f"{statistics.fmean(row['ms'] for row in some):.1f}"]

    lines = [line(row["problem"], row["kind"], [row]) for row in rows]
    for kind in KINDS:
        some = [row for row in rows if row["kind"] == kind]
        if some:
            lines.append(line(f"-- {len(some)} {kind}", "geo mean", some))
    for split in ("tune", "check"):
        some = [row for row in rows if row["split"] == split]
        if some:
            lines.append(line(f"== {len(some)} of {split}", "geo mean", some))
    lines.append(line(f"== all {len(rows)}", "geo mean", rows))
    headers = ["problem", "kind"]
    headers += [f"{figure}@{at}" for at in budgets for figure in ("med", "worst")] + ["ms"]
    print(tabulate(lines, headers, disable_numparse=True, stralign="right"), flush=True)


def _setting(text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sampler", default="random", help="name, JSON, or module:Class")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="setting")
    parser.add_argument("--problems", default="tune", help="tune, check, all, or names by commas")
    parser.add_argument("--kinds", default="", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--slow", action="store_true", help="only the few for slow tuners")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--in-flight", type=int, default=1, help="trials at a time (default 1)")
    parser.add_argument("--out", type=Path, help="append one line of JSON per trial")
    parser.add_argument("--label", default="", help="name of the sampler in these lines")
    options = parser.parse_args()
    if options.in_flight < 1:
        parser.error(f"--in-flight {options.in_flight}: at least 1")
    return options


if __name__ == "__main__":
    main()
