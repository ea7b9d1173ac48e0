"""Eight processes on one study: every number once, and how many trials a second they manage.

Each process is an ordinary `Study.optimize` of the same study with an objective that only returns a
number, so that all of them contend for the next number all the time: the worst case. They start
together, and the clock runs from there to the last end. Then the log is counted. PostgreSQL is
started for this and does not sync the disk; it is left out, and said so, where it is not installed.

    python benchmarks/many_processes.py [--processes 8] [--trials 4000] [--runs 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from _log import count_trials, read_log
from _processes import together
from _report import Measure, report

import luthier
from luthier.testing.servers import ServerMissing, postgresql_server

SPACE = {f"x{i}": luthier.Float(0.0, 1.0) for i in range(10)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=8, help="default 8")
    parser.add_argument("--trials", type=int, default=4000, help="trials of all, default 4000")
    parser.add_argument("--runs", type=int, default=3, help="default 3")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        measures = contend("SQLite", str(Path(folder, "shared.db")), options)
    try:
        with postgresql_server() as server:
            measures += contend("PostgreSQL", server.url, options)
    except ServerMissing as missing:
        print(f"PostgreSQL is left out: {missing}")
    title = f"{options.processes} processes, one study of {options.trials:,} trials"
    sys.exit(report(title, measures))


def contend(label: str, url: str, options: argparse.Namespace) -> list[Measure]:
    rates, counts = [], []
    for run in range(options.runs):
        name = f"contended-{run}"
        seconds = together(prepare, [(url, name, options.trials)] * options.processes)
        rates.append(options.trials / seconds)
        counts.append(count_trials(read_log(url, name), options.trials))
    return [
        Measure(label, "trials/s", rates),
        Measure(f"{label}: numbers missing", "", [c.holes for c in counts], at_most=0),
        Measure(f"{label}: numbers taken twice", "", [c.doubles for c in counts], at_most=0),
        Measure(f"{label}: trials too many", "", [c.beyond for c in counts], at_most=0),
        Measure(f"{label}: without a result", "", [c.without_result for c in counts], at_most=0),
        Measure(f"{label}: second results", "", [c.second_results for c in counts], at_most=0),
    ]


def prepare(url: str, name: str, trials: int) -> Callable[[], object]:
    study = luthier.create_study(
        SPACE, study_name=name, storage=url, sampler="random", seed=0, load_if_exists=True
    )
    return lambda: study.optimize(lambda trial: trial.params["x0"], total_trials=trials)


if __name__ == "__main__":
    main()
