"""How good the best of few trials is: Luthier's samplers and other tuners on 76 cheap problems.

Every tuner runs in an environment of its own, made at its first use, by ask and tell. What a run
finds is kept in benchmarks/results, so that an interrupted comparison goes on where it was; the
report is made of everything that is there. Tuners that need seconds for a trial get six problems.
docs/explanation/sample_efficiency.md says what is measured, and how.

    python benchmarks/efficiency.py                                our default sampler, and a report
    python benchmarks/efficiency.py --peers optuna-tpe,hyperopt-tpe --seeds 10 --budget 20,50,100
    python benchmarks/efficiency.py --peers all --slow-seeds 3     hours
    python benchmarks/efficiency.py --ours 'bold={"name": "random", "belief_share": 0.9}'
    python benchmarks/efficiency.py --report-only --markdown report.md
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _efficiency_peers import PEERS, Peer
from _efficiency_report import load, markdown, text
from problems import KINDS, Problem, select
from problems.known import AT

from luthier.study.create import DEFAULT_SAMPLER

HERE = Path(__file__).parent
RESULTS = HERE / "results"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Contender:
    """One line of the report: what runs where, and on what."""

    label: str
    python: Path
    worker: str
    sampler: str
    problems: tuple[Problem, ...]
    seeds: range
    trials: int
    results: Path

    def missing(self) -> list[tuple[str, int]]:
        """Return the problems and seeds without a result of as many trials."""
        runs = load([self.results])
        done = {
            (run.problem, run.seed) for run in runs if len(run.regrets) >= self.trials or run.error
        }
        every = [(problem.name, seed) for seed in self.seeds for problem in self.problems]
        return [pair for pair in every if pair not in done]


def main() -> None:
    options = _options()
    options.results.mkdir(exist_ok=True)
    if not options.report_only:
        for contender in _contenders(options):
            if options.again:
                contender.results.unlink(missing_ok=True)
            compete(contender, options.limit, options.jobs)
    runs = load(sorted(options.results.glob("*.jsonl")))
    ours = f"luthier-{_labelled((options.ours or [DEFAULT_SAMPLER])[0])[0]}"
    print(text(runs, options.budget, ours))
    if options.markdown:
        options.markdown.write_text(markdown(runs, options.budget, ours))


def _labelled(given: str) -> tuple[str, str]:
    """Return the label and the sampler in ``NAME`` or ``LABEL={json}`` or ``LABEL=NAME``."""
    label, _, sampler = given.partition("=")
    return label, sampler or label


def _contenders(options: argparse.Namespace) -> Iterable[Contender]:
    problems = select(options.problems, options.kinds.split(",") if options.kinds else KINDS)
    trials = max(options.budget)
    for given in options.ours or [DEFAULT_SAMPLER]:
        label, spec = _labelled(given)
        yield Contender(
            f"luthier-{label}",
            Path(sys.executable),
            "luthier",
            spec,
            tuple(problems),
            range(options.seeds),
            trials,
            options.results / f"luthier-{label}.jsonl",
        )
    for peer in _peers(options.peers):
        slow = peer.slow
        try:
            python = peer.environment.python()
        except subprocess.CalledProcessError:  # pip has said why
            print(f"{peer.name}: left out, its environment could not be made", flush=True)
            continue
        yield Contender(
            peer.name,
            python,
            peer.worker,
            peer.sampler,
            tuple(
                p for p in problems if takes(peer, p) and (p.slow or not slow or options.patient)
            ),
            range(options.slow_seeds if slow else options.seeds),
            min(trials, options.slow_trials) if slow else trials,
            options.results / f"{peer.name}.jsonl",
        )


def takes(peer: Peer, problem: Problem) -> bool:
    """Tell whether a tuner can be given a problem as it is."""
    return (peer.limits or not problem.limits) and (peer.several or len(problem.directions) == 1)


def _peers(names: str) -> list[Peer]:
    if names == "all":
        return list(PEERS.values())
    if names == "quick":
        return [peer for peer in PEERS.values() if not peer.slow]
    return [PEERS[name] for name in names.split(",") if name]


def compete(contender: Contender, limit: float, jobs: int) -> None:
    """Run what is missing, and append it to the results as each run ends."""
    todo: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    missing = contender.missing()
    for pair in missing:
        todo.put(pair)
    print(f"{contender.label}: {len(missing)} runs of {contender.trials} trials", flush=True)
    lock = threading.Lock()
    threads = [
        threading.Thread(target=_work, args=(contender, limit, todo, lock))
        for _ in range(min(jobs, len(missing)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(
    contender: Contender,
    limit: float,
    todo: queue.SimpleQueue[tuple[str, int]],
    lock: threading.Lock,
) -> None:
    script = HERE / f"_efficiency_peer_{contender.worker}.py"
    with subprocess.Popen(
        [contender.python, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **dict.fromkeys(THREADS, "1")},
    ) as worker:
        assert worker.stdin is not None and worker.stdout is not None  # noqa: PT018
        while True:
            try:
                problem, seed = todo.get_nowait()
            except queue.Empty:
                break
            job = {"problem": problem, "seed": seed, "sampler": contender.sampler}
            job |= {"trials": contender.trials, "limit": limit}
            try:
                worker.stdin.write(json.dumps(job) + "\n")
                worker.stdin.flush()
                answer = worker.stdout.readline()
            except BrokenPipeError:
                answer = ""
            if not answer:  # it could not start, or was killed: nothing is known of this run
                print(f"{contender.label}: its worker ended at {problem}, seed {seed}", flush=True)
                break
            with lock, contender.results.open("a") as file:
                file.writelines(_lines(contender.label, problem, seed, json.loads(answer)))
        worker.stdin.close()


def _lines(label: str, problem: str, seed: int, answer: dict[str, Any]) -> Iterable[str]:
    whose = {"sampler": label, "problem": problem, "seed": seed}
    for record in answer["records"]:
        yield json.dumps({**whose, **record}) + "\n"
    if answer["error"]:
        print(f"{label}, {problem}, seed {seed}: {answer['error']}", flush=True)
        yield json.dumps({**whose, "error": answer["error"]}) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--ours", action="append", help="sampler of ours: NAME or LABEL={json}; again for more"
    )
    parser.add_argument("--peers", default="", help=f"all, quick, or of {', '.join(PEERS)}")
    parser.add_argument("--problems", default="all", help="tune, check, all, or names by commas")
    parser.add_argument("--kinds", default="", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--patient", action="store_true", help="slow tuners get all problems")
    parser.add_argument("--slow-seeds", type=int, default=3, help="for slow tuners (default 3)")
    parser.add_argument("--slow-trials", type=int, default=50, help="for slow tuners (default 50)")
    parser.add_argument(
        "--budget",
        type=lambda given: [int(part) for part in given.split(",")],
        default=[20, 50, 100],
        help="of 20,25,50,100,150,200 (default 20,50,100)",
    )
    parser.add_argument("--limit", type=float, default=900, help="seconds a run may take")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--again", action="store_true", help="forget the results of who runs now")
    parser.add_argument("--report-only", action="store_true", help="run nothing")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder")
    parser.add_argument("--markdown", type=Path, help="write the report there, too")
    options = parser.parse_args()
    if unknown := set(options.budget) - set(AT):
        parser.error(f"--budget {min(unknown)}: one of {', '.join(map(str, AT))}")
    return options


if __name__ == "__main__":
    main()
