"""How many epochs it takes to find what random search finds with 100 full trainings.

Configurations come from recorded learning curves (`curves`), so that a run costs no training.
Each contender, on each source and for each seed, runs on a virtual clock until it has trained a
configuration to the end that is as good as the median best of 100 random ones, and at least for
10 full trainings. Only what was trained to its end counts as found.

What a run finds is kept in benchmarks/results/multifidelity/runs.jsonl, so that an interrupted
comparison goes on where it was; the report is made of everything that is there. Peers run in
environments of their own, made at the first use.

    python benchmarks/multifidelity.py                           all, sequential: about an hour
    python benchmarks/multifidelity.py --contenders random+asha,gp+asha --seeds 0 5
    python benchmarks/multifidelity.py --workers 4
    python benchmarks/multifidelity.py --report-only --format github
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from math import inf, isfinite
from pathlib import Path
from typing import Any

from _efficiency_peers import OPTUNA, Environment
from _multifidelity_luthier import CONTENDERS
from _multifidelity_runs import RANDOM_TRIALS, epochs_to, goal, regret_at
from curves import sources
from tabulate import tabulate

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "multifidelity" / "runs.jsonl"
RAY = Environment("ray", ("ray[tune]==2.60.0",))
PEERS = {
    "optuna-tpe+hyperband": (OPTUNA, "optuna"),
    "optuna-tpe+asha": (OPTUNA, "optuna"),
    "optuna-tpe+median": (OPTUNA, "optuna"),
    "ray-asha": (RAY, "ray"),
}
SEEDS = (100, 120)
"""Seeds of the report; settings were chosen on others."""

BUDGETS = (3, 5, 10)
"""Full trainings after which regrets are compared."""

Record = dict[str, Any]


def main() -> None:
    options = _options()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    if not options.report_only:
        _run(options)
    kept = [record for record in _load(options.results) if _wanted(record, options)]
    for workers in sorted({record["workers"] for record in kept}):
        chosen = [record for record in kept if record["workers"] == workers]
        print(f"\n{workers} worker{'s' * (workers > 1)}\n")
        for title, rows in (("to the goal", _to_goal(chosen)), ("regret", _regrets(chosen))):
            print(f"{title}\n{tabulate(rows[1:], rows[0], tablefmt=options.format)}\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*CONTENDERS, *PEERS]
    parser.add_argument("--contenders", default="all", help=f"all, or of {', '.join(every)}")
    parser.add_argument("--sources", default="all", help=f"all, or of {', '.join(sources())}")
    parser.add_argument("--seeds", type=int, nargs=2, default=SEEDS, metavar=("FIRST", "END"))
    parser.add_argument("--workers", type=int, default=1, help="ours only, from 2 on (default 1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--report-only", action="store_true", help="run nothing")
    parser.add_argument("--format", default="simple", help="of the tables; github for Markdown")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.contenders = every if options.contenders == "all" else options.contenders.split(",")
    options.sources = list(sources()) if options.sources == "all" else options.sources.split(",")
    return options


def _wanted(record: Record, options: argparse.Namespace) -> bool:
    first, end = options.seeds
    return (
        record["contender"] in options.contenders
        and record["source"] in options.sources
        and first <= record["seed"] < end
        and record["workers"] == options.workers
    )


def _load(path: Path) -> list[Record]:
    """Return the newest record of each run."""
    records: dict[tuple[Any, ...], Record] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            record = json.loads(line)
            records[_key(record)] = record
    return list(records.values())


def _key(record: Record) -> tuple[Any, ...]:
    return record["contender"], record["source"], record["seed"], record["workers"]


def _run(options: argparse.Namespace) -> None:
    """Run what is missing, and append each record as it comes."""
    done = {_key(record) for record in _load(options.results)}
    todo: dict[str, list[Record]] = defaultdict(list)
    for name in options.contenders:
        if name in PEERS and options.workers > 1:
            continue
        for source in options.sources:
            for seed in range(*options.seeds):
                job = {
                    "contender": name, "source": source, "seed": seed, "workers": options.workers
                }  # fmt: skip
                if _key(job) not in done:
                    todo[name].append(job)
    parts = [
        (name, jobs[i :: options.jobs]) for name, jobs in todo.items() for i in range(options.jobs)
    ]
    with options.results.open("a") as file, ThreadPoolExecutor(options.jobs) as pool:
        for _ in pool.map(lambda part: _play(*part, file), parts):
            pass


def _play(name: str, jobs: list[Record], file: Any) -> None:
    """Let a process of its own play some runs of a contender."""
    if not jobs:
        return
    environment, script = PEERS.get(name, (None, "luthier"))
    python = sys.executable if environment is None else str(environment.python())
    path = os.pathsep.join([str(HERE.parent / "src"), str(HERE)])
    with subprocess.Popen(
        [python, str(HERE / f"_multifidelity_{script}.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as worker:
        assert worker.stdin is not None and worker.stdout is not None  # noqa: PT018
        worker.stdin.write("".join(json.dumps(job) + "\n" for job in jobs))
        worker.stdin.close()
        for line in worker.stdout:
            file.write(line)
            file.flush()
    if worker.returncode:
        raise SystemExit(f"{name}: its process ended with {worker.returncode}")


def _grouped(records: Iterable[Record]) -> dict[str, dict[str, list[Record]]]:
    groups: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        groups[record["contender"]][record["source"]].append(record)
    return groups


def _to_goal(records: list[Record]) -> list[list[str]]:
    """Return the median full trainings to the goal, and in how many runs it was missed."""
    tables = sources()
    names = sorted({record["source"] for record in records})
    rows = [["", *names, "CPU s a run"]]
    for contender, by_source in _grouped(records).items():
        row = [contender]
        for name in names:
            runs = by_source.get(name, [])
            source = tables[name]
            needed = [epochs_to(run["found"], goal(source)) / source.steps for run in runs]
            missed = sum(not isfinite(one) for one in needed)
            middle = statistics.median(needed) if needed else inf
            worst = statistics.quantiles(needed, n=4)[2] if len(needed) > 1 else inf
            row.append(f"{middle:.1f} ({worst:.1f})" + (f", {missed} missed" if missed else ""))
        cpu = statistics.median(run["cpu"] for runs in by_source.values() for run in runs)
        rows.append([*row, f"{cpu:.1f}"])
    return rows


def _regrets(records: list[Record]) -> list[list[str]]:
    """Return the median regrets at the budgets, in units of the goal."""
    tables = sources()
    names = sorted({record["source"] for record in records})
    rows = [["", *(f"{name} @{'/'.join(map(str, BUDGETS))}" for name in names)]]
    for contender, by_source in _grouped(records).items():
        row = [contender]
        for name in names:
            source = tables[name]
            cells = []
            for budget in BUDGETS:
                regrets = [
                    regret_at(run["found"], budget * source.steps) for run in by_source[name]
                ]
                middle = statistics.median(regrets) / goal(source) if regrets else inf
                cells.append(f"{middle:.2f}")
            row.append(" / ".join(cells))
        rows.append(row)
    return rows


assert RANDOM_TRIALS == 100, "the texts say so"

if __name__ == "__main__":
    main()
