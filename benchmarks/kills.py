"""Schedules are killed at random moments and started again: is a checkpoint lost or mixed up?

Two schedules are run: successive halving, whose trials are paused and resumed, and population-based
training, whose trials are also forked from one another. SIGKILL hits the script that runs the
study, or one of its two workers, at seeded random moments. A script is started again with the same
arguments until it is complete; then a new study begins, until the kills are used. Each trial's
reports tell the whole trail of checkpoints behind it, see `_killed_population.py`. What the log
says is compared with that, and where one worker decides in order, with a study that ran without a
break.

    python benchmarks/kills.py [--kills 50] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path

import psutil
from _killed_population import BEGINNING, SCHEDULERS, hashed, value_of
from _report import Measure, report

import luthier
from luthier.model.events import Asked, Event, Paused, Reported, Resumed
from luthier.model.serde import from_texts
from luthier.model.trial import FrozenTrial, TrialState
from luthier.study.replay import replay_all

SCRIPT = Path(__file__).with_name("_killed_population.py")
PATIENCE = 120
"""Seconds after which a script that does not end is an error."""


@dataclass(slots=True)
class Verdict:
    """What is wrong with all studies of one kind, counted."""

    kills: int = 0
    studies: int = 0
    mixed_up: int = 0
    lost: int = 0
    unfinished: int = 0
    changed: int = 0
    unlike: int = 0
    complaints: int = 0

    def measures(self, label: str) -> list[Measure]:
        words = {
            "mixed_up": "reports of a trail that is not the trial's own",
            "lost": "trials that went on from less than they had",
            "unfinished": "trials that did not come to an end",
            "changed": "trials unlike those of the unbroken run",
            "unlike": "params that do not come out again from the log",
            "complaints": "warnings about checkpoints",
        }
        return [
            Measure(f"{label}: kills", "", [self.kills]),
            *(
                Measure(f"{label}: {words[f.name]}", "", [getattr(self, f.name)], at_most=0)
                for f in fields(self)
                if f.name in words
            ),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="for each table row (default 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    options = parser.parse_args()
    measures = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in SCHEDULERS:
            for victim, jobs in (("script", 1), ("script", 2), ("worker", 2)):
                label = f"{kind}, {jobs} worker{'s' * (jobs > 1)}, killing the {victim}"
                verdict = torment(Path(folder), kind, victim, jobs, options)
                measures += verdict.measures(label)
    sys.exit(report("Schedules killed and started again, SQLite", measures))


def torment(
    folder: Path, kind: str, victim: str, jobs: int, options: argparse.Namespace
) -> Verdict:
    """Kill studies of one kind until the kills are used, and judge each of them."""
    rng = random.Random(f"{options.seed} {kind} {victim} {jobs}")
    url = str(folder / f"{kind}-{victim}-{jobs}.db")
    pids = folder / f"{kind}-{victim}-{jobs}.pids"
    pids.mkdir()

    def command(name: str) -> list[str]:
        return [sys.executable, str(SCRIPT), url, name, kind, str(pids), str(jobs)]

    began = time.monotonic()
    live(command("unbroken"), pids, None, 0.0)
    whole = time.monotonic() - began
    expected = outcomes(url, "unbroken")
    verdict = Verdict()
    while verdict.kills < options.kills:
        name = f"killed-{verdict.studies}"
        complete = False
        while not complete:
            left = options.kills - verdict.kills
            # Two to four kills a study; a worker that died every moment would never get anywhere.
            least = 0.1 if victim == "worker" else 0.0
            moment = rng.uniform(least, 0.5) * whole
            life = live(command(name), pids, victim if left else None, moment)
            verdict.kills += life.kills
            verdict.complaints += life.complaints
            complete = life.complete
        judge(url, name, expected if jobs == 1 else None, verdict)
        verdict.studies += 1
    return verdict


@dataclass(frozen=True, slots=True)
class Life:
    """One run of the script."""

    kills: int
    complaints: int
    complete: bool


def live(command: list[str], pids: Path, victim: str | None, moment: float) -> Life:
    """Run the script, and kill it so long after it has begun, or again and again its workers."""
    over = threading.Event()
    kills: list[int] = []
    for path in pids.iterdir():
        path.unlink()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:

        def kill() -> None:
            while not over.wait(moment):
                if victim == "script":
                    process.kill()
                    return
                kills.extend(kill_one(process.pid, pids))

        assert process.stdout is not None
        process.stdout.readline()
        killer = threading.Thread(target=kill)
        if victim is not None:
            killer.start()
        try:
            _, complaints = process.communicate(timeout=PATIENCE)
        finally:
            over.set()
            process.kill()
    if victim is not None:
        killer.join()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"the script failed by itself: {process.returncode}\n{complaints}")
    killed = process.returncode != 0
    return Life(
        len(kills) + killed,
        sum("checkpoint" in line for line in complaints.splitlines()),
        not killed,
    )


def kill_one(script: int, pids: Path) -> list[int]:
    """Kill the worker of a script that began a trial last, and return its id."""
    try:
        own = {child.pid for child in psutil.Process(script).children(recursive=True)}
    except psutil.NoSuchProcess:
        return []
    known = sorted(pids.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for path in reversed(known):
        if int(path.name) in own:
            os.kill(int(path.name), signal.SIGKILL)
            path.unlink()
            return [int(path.name)]
    return []


def judge(url: str, name: str, expected: list[tuple[object, ...]] | None, verdict: Verdict) -> None:
    """Add what is wrong with a study that was killed and completed."""
    study = luthier.load_study(name, storage=url)
    history = study.history
    trails: dict[tuple[int, int], str] = {}
    for trial in history.trials:
        after, trail = 0, BEGINNING
        if trial.parent is not None and trial.parent_step is not None:
            after, trail = trial.parent_step, trails[trial.parent, trial.parent_step]
        reports = {report.step: report.metrics["value"] for report in trial.reports}
        last = max(reports, default=after)
        for step in range(after + 1, last + 1):
            trail = trails[trial.number, step] = hashed(trail, trial.params, step)
            verdict.mixed_up += reports.get(step) != value_of(trail, step)
        verdict.unfinished += trial.state in (TrialState.RUNNING, TrialState.WAITING)
        verdict.unfinished += trial.state is TrialState.FAILED
    verdict.lost += lost(url, name)
    verdict.unlike += sum(replayed.same is False for replayed in replay_all(study))
    if expected is not None:
        found = outcomes(url, name)
        same = sum(a == b for a, b in zip(found, expected, strict=False))
        verdict.changed += max(len(found), len(expected)) - same


def lost(url: str, name: str) -> int:
    """Count the trials that went on from an earlier step than they should have."""
    reported: dict[int, int] = {}
    safe: dict[int, int] = {}
    wrong = 0
    for event in events_of(url, name):
        if isinstance(event, Asked):
            wrong += event.parent is not None and event.parent_step is None
            safe[event.number] = event.parent_step or 0
        elif isinstance(event, Reported):
            reported[event.number] = event.step
        elif isinstance(event, Paused):
            safe[event.number] = reported[event.number]  # it saved a checkpoint before
        elif isinstance(event, Resumed):
            wrong += (event.step or 0) < safe[event.number]
            safe[event.number] = max(safe[event.number], event.step or 0)
    return wrong


def events_of(url: str, name: str) -> list[Event]:
    """Return all events of a study."""
    return from_texts(luthier.load_study(name, storage=url).storage.read(name))


def outcomes(url: str, name: str) -> list[tuple[object, ...]]:
    """Return what matters of each trial, by number."""

    def outcome(trial: FrozenTrial) -> tuple[object, ...]:
        origin = trial.parent, trial.parent_step
        return trial.state, trial.params, trial.values, origin, trial.intermediate_values

    return [outcome(trial) for trial in luthier.load_study(name, storage=url).trials]


if __name__ == "__main__":
    main()
