"""How long a study of 100,000 trials takes to load, and how much memory its history holds.

The study has 10 parameters (floats, integers, choices), random search, a complete result in every
trial and no reports. It is written once by `Study.optimize` to SQLite. With ``--postgres`` its log
is copied to a PostgreSQL server that is started for it. Each run is a fresh process that has
imported Luthier already: the clock runs from the call of `load_study` until all trials are there.

Memory is measured in two ways: by how much the resident memory of the process has grown after a
garbage collection, and what Python's own count of allocations (tracemalloc, in another process,
since it slows loading down) says is held.

    python benchmarks/load.py [--postgres] [--trials 100000] [--runs 5]
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
import tracemalloc
from itertools import count

import psutil
from _processes import fresh
from _report import Measure, report

import luthier
from luthier.storage.base import Record
from luthier.storage.registry import open_storage
from luthier.testing.servers import postgresql_server

NAME = "long"
COPIED_AT_ONCE = 5000
SPACE = {
    **{f"float_{i}": luthier.Float(0.0, 1.0) for i in range(4)},
    **{f"log_{i}": luthier.Float(1e-5, 1.0, log=True) for i in range(2)},
    **{f"int_{i}": luthier.Int(1, 100) for i in range(2)},
    **{f"choice_{i}": luthier.Categorical(["red", "green", "blue"]) for i in range(2)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100_000, help="default 100000")
    parser.add_argument("--runs", type=int, default=5, help="default 5")
    parser.add_argument("--postgres", action="store_true", help="also from PostgreSQL")
    options = parser.parse_args()

    measures = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"{folder}/long.db"
        print(f"Writing a study of {options.trials:,} trials ...", flush=True)
        fresh(write_study, url, options.trials)
        measures += measured("SQLite", url, options)
        if options.postgres:
            with postgresql_server() as server:
                copy_study(url, server.url)
                measures += measured("PostgreSQL", server.url, options)
    sys.exit(report(f"Loading a study of {options.trials:,} trials in a fresh process", measures))


def measured(name: str, url: str, options: argparse.Namespace) -> list[Measure]:
    runs = [fresh(load, url, options.trials) for _ in range(options.runs)]
    seconds, processor, resident = zip(*runs, strict=True)
    counted = fresh(count_allocations, url, options.trials)
    return [
        Measure(f"{name}: time to load", "s", seconds, at_most=2.0),
        Measure(f"{name}: processor time of it", "s", processor),
        Measure(f"{name}: resident memory gained", "MB", resident, at_most=200.0),
        Measure(f"{name}: memory held, by Python's count", "MB", [counted], at_most=200.0),
    ]


def write_study(url: str, trials: int) -> None:
    study = luthier.create_study(SPACE, study_name=NAME, storage=url, sampler="random", seed=0)
    study.optimize(lambda trial: trial.params["float_0"], total_trials=trials)


def load(url: str, trials: int) -> tuple[float, float, float]:
    """Return seconds, processor seconds and resident megabytes that it took to load the study."""
    storage = open_storage(url)
    storage.studies()  # what opening a file or a connection costs belongs to the process
    before = resident_megabytes()
    began, busy = time.perf_counter(), time.process_time()
    study = luthier.load_study(NAME, storage=storage)
    found = len(study.trials)
    seconds, processor = time.perf_counter() - began, time.process_time() - busy
    assert found == trials, f"{found} trials were loaded"
    return seconds, processor, resident_megabytes() - before


def count_allocations(url: str, trials: int) -> float:
    """Return the megabytes that the loaded study holds, by Python's count."""
    storage = open_storage(url)
    storage.studies()
    tracemalloc.start()
    study = luthier.load_study(NAME, storage=storage)
    assert len(study.trials) == trials
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / 1e6


def resident_megabytes() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss / 1e6)


def copy_study(source: str, target: str) -> None:
    """Copy the log of the study, without claims, which matter only to writers."""
    log, copy = open_storage(source), open_storage(target)
    for after in count(0, COPIED_AT_ONCE):
        bodies = log.read(NAME, after, COPIED_AT_ONCE)
        if not bodies:
            return
        copy.append(NAME, [Record(body) for body in bodies], create=not after)


if __name__ == "__main__":
    main()
