"""A study is killed at 50 random moments and started again: is anything lost, doubled, changed?

The study is an ordinary script of 200 trials that take 5 to 10 ms each; its objective runs in the
script's own process, and in two worker processes. SIGKILL hits the script at seeded random moments,
one time in five while it starts, otherwise after its first result. It is started again with the
same arguments until it is complete; when that is before the last kill, a new study begins. Then
its log is compared with every result that the script had printed before it was killed, and every
suggestion is computed again from the log. Where the order in which trials end does not matter, in
the script's own process and for samplers that do not learn, the log is also compared with that of
a study that ran without a break.

"Lost trials found after" is the time from the moment the restarted script begins to work on the
study until it takes over a trial of the dead one, by the time stamps of the log.

    python benchmarks/resume.py [--postgres] [--kills 50] [--trials 200] [--sampler random]
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

from _log import count_trials, read_log
from _report import Measure, report

import luthier
from luthier.model.events import Asked, Event, Opened, Released, Told
from luthier.study.replay import replay_all
from luthier.testing.servers import postgresql_server

UNLEARNING = ("random", "grid", "qmc")
SCRIPT = Path(__file__).with_name("_killed_study.py")
WHILE_STARTING = 0.2  # share of the kills
SHARE_KILLED = 0.8  # of a study's work that is meant to be done when the last kill comes


@dataclass(frozen=True, slots=True)
class Life:
    """One run of the script.

    Attributes
    ----------
    results : dict of int to float
        What it printed: values by trial number.
    killed : bool
        False if it came to its end.
    starting, working : float
        Seconds until its first result, and from there on.
    """

    results: dict[int, float]
    killed: bool
    starting: float
    working: float


@dataclass(slots=True)
class Verdict:
    """What is wrong with all studies of one kind, counted; and what was measured on the way."""

    kills: int = 0
    studies: int = 0
    misnumbered: int = 0
    without_result: int = 0
    second_results: int = 0
    promises_broken: int = 0
    unlike: int = 0
    changed: int | None = None
    found_after: list[float] = field(default_factory=list)

    def measures(self, label: str) -> list[Measure]:
        wrong = {
            "numbers missing, double or too many": self.misnumbered,
            "trials without a result": self.without_result,
            "second results": self.second_results,
            "printed results lost or changed": self.promises_broken,
            "suggestions unlike those computed from the log": self.unlike,
        }
        if self.changed is not None:
            wrong["trials unlike those of the unbroken run"] = self.changed
        measures = [
            Measure(f"{label}: kills", "", [self.kills]),
            *(Measure(f"{label}: {name}", "", [n], at_most=0) for name, n in wrong.items()),
        ]
        if self.found_after:  # not if every kill fell between two trials
            milliseconds = [seconds * 1e3 for seconds in self.found_after]
            name = f"{label}: {len(milliseconds)} lost trials found after"
            measures.append(Measure(name, "ms", milliseconds, at_most=1000))
        return measures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="for each table row (default 50)")
    parser.add_argument("--trials", type=int, default=200, help="default 200")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of death (default 0)")
    parser.add_argument("--sampler", default="random", help="default random")
    parser.add_argument("--postgres", action="store_true", help="PostgreSQL instead of SQLite")
    options = parser.parse_args()

    measures = []
    with storage(options.postgres) as url:
        for label, jobs in (("in process", 1), ("2 workers", 2), ("8 workers", 8)):
            measures += torment(url, jobs, options).measures(label)
    where = "PostgreSQL" if options.postgres else "SQLite"
    sys.exit(report(f"Killed and started again, {where}, {options.sampler} search", measures))


def torment(url: str, jobs: int, options: argparse.Namespace) -> Verdict:
    """Kill studies of one kind until the kills are used, and judge each of them."""

    def command(name: str) -> list[str]:
        arguments = [url, name, options.sampler, str(options.trials), str(jobs)]
        return [sys.executable, str(SCRIPT), *arguments]

    unbroken = f"unbroken-{jobs}"
    whole = live(command(unbroken))
    expected = outcomes(read_log(url, unbroken))
    rng = random.Random(options.seed)
    mean_life = SHARE_KILLED * whole.working / options.kills
    verdict = Verdict(changed=0 if jobs == 1 or options.sampler in UNLEARNING else None)
    while verdict.kills < options.kills:
        name = f"killed-{jobs}-{verdict.studies}"
        printed: dict[int, float] = {}
        complete = False
        while not complete:
            if verdict.kills == options.kills:
                life = live(command(name))
            elif rng.random() < WHILE_STARTING:
                life = live(command(name), kill_starting=rng.uniform(0, whole.starting))
            else:
                life = live(command(name), kill_working=rng.uniform(0, 2 * mean_life))
            printed |= life.results
            verdict.kills += life.killed
            complete = not life.killed
        judge(read_log(url, name), expected, printed, verdict)
        study = luthier.load_study(study_name=name, storage=url)
        verdict.unlike += sum(not replayed.same for replayed in replay_all(study))
    return verdict


def live(
    command: list[str], *, kill_starting: float | None = None, kill_working: float | None = None
) -> Life:
    """Run the script, and kill it so many seconds after its start or after its first result."""
    results: dict[int, float] = {}
    began = first = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if kill_starting is not None:
            Timer(kill_starting, process.kill).start()
        assert process.stdout is not None
        for line in process.stdout:
            if not line.endswith("\n"):
                break  # it died while it was printing
            if not results:
                first = time.monotonic()
                if kill_working is not None:
                    Timer(kill_working, process.kill).start()
            number, value = line.split()
            results[int(number)] = float(value)
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"the script failed by itself: exit status {process.returncode}")
    return Life(results, process.returncode != 0, first - began, time.monotonic() - first)


def judge(
    events: list[Event],
    expected: dict[int, tuple[object, object]],
    printed: dict[int, float],
    verdict: Verdict,
) -> None:
    """Add what is wrong with a study that was killed and completed."""
    counted = count_trials(events, len(expected))
    found = outcomes(events)
    verdict.studies += 1
    verdict.misnumbered += counted.holes + counted.doubles + counted.beyond
    verdict.without_result += counted.without_result
    verdict.second_results += counted.second_results
    verdict.promises_broken += sum(
        number not in found or found[number][1] != (value,) for number, value in printed.items()
    )
    if verdict.changed is not None:
        verdict.changed += sum(found.get(n) != outcome for n, outcome in expected.items())
    opened = 0.0
    for event in events:
        if isinstance(event, Opened):
            opened = event.time
        elif isinstance(event, Released):
            verdict.found_after.append(event.time - opened)


def outcomes(events: list[Event]) -> dict[int, tuple[object, object]]:
    """Return params and values of each trial that has a result, by number."""
    params = {event.number: event.params for event in events if isinstance(event, Asked)}
    told = (event for event in events if isinstance(event, Told))
    return {event.number: (params[event.number], event.values) for event in told}


@contextmanager
def storage(postgres: bool) -> Iterator[str]:
    if postgres:
        with postgresql_server() as server:
            yield server.url
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder, "killed.db"))


if __name__ == "__main__":
    main()
