"""How long a tuner takes to say what to try next, by the number of trials it has to look at.

The clock runs from ask to the params, and for tell, on one thread; it is the processor time, so
that other programs do not count. A study is filled with random trials up to a size, then the
sampler proposes some more. Its first proposal comes without anything that it could have kept, as
after a restart, and has a line of its own. Of the others median and mean are shown: a model that
is fitted again every so often shows in the mean. A tuner that is too slow for a size is not asked
for larger ones.

    python benchmarks/latency.py                           our default sampler
    python benchmarks/latency.py --ours random --ours qmc --peers
    python benchmarks/latency.py --sizes 10,100 --spaces floats --out latency.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _efficiency_peers import OPTUNA, Environment
from _latency_worker import SPACES
from _report import machine
from tabulate import tabulate

from luthier.study.create import DEFAULT_SAMPLER

SIZES = (10, 100, 300, 1000, 3000, 10_000)
RUSTUNA = Environment("rustuna", ("rustuna==0.2.0 numpy",))
PEERS = ((OPTUNA, "optuna", "tpe"), (OPTUNA, "optuna", "gp"), (RUSTUNA, "rustuna", "tpe"))
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    options = _options()
    measured: list[dict[str, Any]] = []
    tuners = [(Path(sys.executable), "luthier", spec) for spec in options.ours or [DEFAULT_SAMPLER]]
    if options.peers:
        tuners += [(home.python(), tuner, sampler) for home, tuner, sampler in PEERS]
    for space in options.spaces:
        for python, tuner, sampler in tuners:
            print(f"{tuner} {sampler}, {space} ...", flush=True)
            for cell in cells(python, tuner, sampler, space, options):
                measured.append(cell)
                if options.out:
                    with options.out.open("a") as file:
                        print(json.dumps(cell), file=file)
    print(f"\nMilliseconds of processor time for a suggestion\n{machine()}")
    for space in options.spaces:
        print(f"\n{space}: {SPACES[space].__doc__}\n\n{table(measured, space)}", flush=True)


def cells(
    python: Path, tuner: str, sampler: str, space: str, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Measure one tuner in a process of its own."""
    script = Path(__file__).with_name("_latency_worker.py")
    job = {"tuner": tuner, "sampler": sampler, "space": space, "sizes": options.sizes}
    job |= {"repeats": options.repeats, "limit": options.limit}
    done = subprocess.run(
        [python, script, json.dumps(job)],
        capture_output=True,
        text=True,
        env={**os.environ, **dict.fromkeys(THREADS, "1")},
    )
    if done.returncode:
        print(done.stderr.splitlines()[-1], file=sys.stderr)
    for line in done.stdout.splitlines():
        yield json.loads(line)


def table(measured: list[dict[str, Any]], space: str) -> str:
    """Return one line per tuner and figure, one column per size."""
    found = {(c["tuner"], c["sampler"], c["n"]): c for c in measured if c["space"] == space}
    sizes = sorted({n for *_, n in found})
    rows = []
    for tuner, sampler in dict.fromkeys((tuner, sampler) for tuner, sampler, _ in found):
        for figure in ("median", "mean", "first"):
            values = [found.get((tuner, sampler, n), {}).get(figure) for n in sizes]
            shown = ["" if value is None else f"{value:,.2f}" for value in values]
            rows.append([f"{tuner} {sampler}", figure, *shown])
    headers = ["", "", *(f"{n:,} trials" for n in sizes)]
    align = ["left", "left"] + ["right"] * len(sizes)
    return tabulate(rows, headers, disable_numparse=True, colalign=align)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", action="append", help="sampler: NAME or JSON; again for more")
    parser.add_argument("--peers", action="store_true", help="also Optuna and Rustuna")
    parser.add_argument(
        "--sizes",
        type=lambda given: [int(part) for part in given.split(",")],
        default=list(SIZES),
        help=f"numbers of trials (default {','.join(map(str, SIZES))})",
    )
    parser.add_argument(
        "--spaces",
        type=lambda given: given.split(","),
        default=list(SPACES),
        help=f"of {', '.join(SPACES)} (default all)",
    )
    parser.add_argument("--repeats", type=int, default=30, help="suggestions a size (default 30)")
    parser.add_argument(
        "--limit", type=float, default=60, help="seconds for a size and a tuner (default 60)"
    )
    parser.add_argument("--out", type=Path, help="append one line of JSON per measurement")
    return parser.parse_args()


if __name__ == "__main__":
    main()
