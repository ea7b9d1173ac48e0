"""Everything breaks at random moments: is a trial lost or doubled, and does the study go on?

Two processes with two workers each run one study. Faults hit them, or the storage, one after the
other at seeded random moments; a process that was killed is started again, as a cluster does. When
a study is complete the next one begins, until each fault has hit so often as asked for. Then the
log is judged: every trial complete, none written twice, params and values those of an unbroken
run, and equal to what `optimize` has announced. No process may have ended but those that were
ended on purpose.

    python benchmarks/chaos.py [--faults worker_killed,...] [--storages sqlite,postgresql]
                               [--times 20] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

import psutil
from _chaos_places import PLACES, Database, File, Place
from _chaos_study import CLOCK, EAT, READY, SEED, SPACE, expected
from _report import Measure, report

import luthier
from luthier.model.events import Asked, Told
from luthier.model.serde import from_texts
from luthier.storage.registry import open_storage

SCRIPT = Path(__file__).with_name("_chaos_study.py")
PROCESSES, JOBS = 2, 2
TRIALS = 300
"""Of each study: some fifteen seconds without a fault."""

PAUSE = (0.2, 2.5)
"""Seconds between two faults, and from the start to the first one."""

AWAY = (0.1, 4.0)
"""Seconds that a storage is away, or a process hangs."""

MOST_ENDED = 10
"""After so many processes that ended without being told to there is nothing more to learn."""

PATIENCE = 120.0
"""Seconds after which a study that is not complete hangs."""


@dataclass
class Scene:
    """A study under torment: its processes, and where it is kept."""

    place: Place
    name: str
    folder: Path
    rng: random.Random
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    ended_by_us: set[int] = field(default_factory=set)
    announcing: set[int] = field(default_factory=set)

    @property
    def running(self) -> list[subprocess.Popen[str]]:
        return [process for process in self.processes if process.poll() is None]

    def process(self) -> psutil.Process | None:
        """Return one of the processes that run the study, rather one that has got results."""
        running = self.running
        busy = [process for process in running if process.pid in self.announcing] or running
        return psutil.Process(self.rng.choice(busy).pid) if busy else None

    def worker(self) -> psutil.Process | None:
        """Return a worker that has run for a moment, of a process that has got results."""
        found = []
        for process in self.running:
            with suppress(psutil.Error):
                if process.pid not in self.announcing:
                    continue  # one that never starts is an error, and rightly so
                found += psutil.Process(process.pid).children()
        with suppress(psutil.Error):
            found = [child for child in found if time.time() - child.create_time() > 1.0]
        return self.rng.choice(found) if found else None

    def away(self) -> float:
        return self.rng.uniform(*AWAY)


def worker_killed(scene: Scene) -> bool:
    worker = scene.worker()
    if worker is not None:
        worker.kill()
    return worker is not None


def worker_hung(scene: Scene) -> bool:
    worker = scene.worker()
    if worker is None:
        return False
    worker.suspend()  # for good: it is killed at the end of its trial's time
    return True


def out_of_memory(scene: Scene) -> bool:
    (scene.folder / EAT).touch()
    return bool(scene.running)


def study_killed(scene: Scene) -> bool:
    process = scene.process()
    if process is not None:
        scene.ended_by_us.add(process.pid)
        process.kill()
    return process is not None


def study_terminated(scene: Scene) -> bool:
    process = scene.process()
    if process is not None:
        scene.ended_by_us.add(process.pid)
        process.terminate()
    return process is not None


def study_hung(scene: Scene) -> bool:
    """Stop a process for so long that its trials are given to the other one, and let it go on."""
    process = scene.process()
    if process is None:
        return False
    process.suspend()
    time.sleep(1.0 + scene.away())
    _resume(process)
    return True


def clock_jumped(scene: Scene) -> bool:
    path = scene.folder / CLOCK
    jump = scene.rng.choice([-1, 1]) * scene.rng.choice([1.0, 60.0, 3600.0, 86400.0])
    scratch = path.with_suffix(".new")
    scratch.write_text(str(jump))
    scratch.replace(path)
    return bool(scene.running)


def file_locked(scene: Scene) -> bool:
    assert isinstance(scene.place, File)
    scene.place.lock(scene.away())
    return bool(scene.running)


def disk_full(scene: Scene) -> bool:
    scene.place.fill_disk(scene.away())
    return bool(scene.running)


def server_restarted(scene: Scene) -> bool:
    assert isinstance(scene.place, Database)
    scene.place.restart(scene.away(), scene.rng)
    return bool(scene.running)


def network_cut(scene: Scene) -> bool:
    assert isinstance(scene.place, Database)
    scene.place.cut(scene.away())
    return bool(scene.running)


FAULTS: dict[str, Callable[[Scene], bool]] = {
    function.__name__: function
    for function in (
        worker_killed,
        worker_hung,
        out_of_memory,
        study_killed,
        study_terminated,
        study_hung,
        clock_jumped,
        file_locked,
        disk_full,
        server_restarted,
        network_cut,
    )
}
ONLY = {"file_locked": "sqlite", "server_restarted": "postgresql", "network_cut": "postgresql"}


WRONG = {
    "lost": "trials that are not complete",
    "doubled": "records that are in the log twice",
    "changed": "trials with other params or values than without faults",
    "announced": "results that were announced and are not in the log",
    "ended": "processes that ended without being told to",
}


@dataclass
class Verdict:
    """What is wrong with all studies under one fault, counted."""

    studies: int = 0
    injected: int = 0
    restarts: int = 0
    again: int = 0
    outages: int = 0
    late: int = 0
    lost: int = 0
    doubled: int = 0
    changed: int = 0
    announced: int = 0
    ended: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not any(getattr(self, name) for name in WRONG)

    def measures(self, label: str) -> list[Measure]:
        felt = f"{self.again} attempts more, {self.outages} outages, {self.late} late results"
        return [
            Measure(f"{label}: faults ({self.studies} studies; {felt})", "", [self.injected]),
            *(
                Measure(f"{label}: {words}", "", [getattr(self, name)], at_most=0)
                for name, words in WRONG.items()
            ),
        ]


def torment(fault: str, place: Place, times: int, seed: int, *, trials: int = TRIALS) -> Verdict:
    """Run studies under one fault until it has hit so often, and judge them."""
    rng = random.Random(f"{fault} {type(place).__name__} {seed}")
    verdict = Verdict()
    unbroken = luthier.create_study(SPACE, sampler="random", seed=SEED)
    unbroken.optimize(lambda trial: expected(trial), n_trials=trials)
    params = [trial.params for trial in unbroken.trials]
    while verdict.injected < times:
        with tempfile.TemporaryDirectory() as folder:
            name = f"{fault}-{verdict.studies}"
            scene = Scene(place, name, Path(folder), rng)
            begin = luthier.create_study(
                SPACE, study_name=name, storage=place.quiet_url, sampler="random", seed=SEED
            )
            begin.storage.close()
            announced = live(scene, FAULTS[fault], times, trials, verdict)
            judge(scene, announced, params, verdict)
        verdict.studies += 1
    return verdict


def live(
    scene: Scene, fault: Callable[[Scene], bool], times: int, trials: int, verdict: Verdict
) -> dict[int, set[float]]:
    """Run a study to its end while a fault hits it; return what was announced."""
    command = [sys.executable, str(SCRIPT), scene.place.url, scene.name, str(scene.folder)]
    command += [str(trials), str(JOBS)]
    announced: dict[int, set[float]] = {}
    threads = []

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for reader in (listen, complain):
            thread = threading.Thread(target=reader, args=(process,))
            thread.start()
            threads.append(thread)
        return process

    def listen(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.strip() == READY:
                    ready.release()
                    continue
                with suppress(ValueError):  # half a line of a process that was killed
                    number, value = line.split()
                    announced.setdefault(int(number), set()).add(float(value))
                    scene.announcing.add(process.pid)

    def complain(process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            said = stream.read()
        verdict.outages += said.count("waiting for up to")
        if "Traceback" in said and process.pid not in scene.ended_by_us:
            print(said[-3000:], file=sys.stderr)

    over = threading.Event()
    ready = threading.Semaphore(0)

    def hit() -> None:
        for _ in range(PROCESSES):
            ready.acquire()  # whoever finds no storage when it starts has nothing to go on with
        while not over.wait(scene.rng.uniform(*PAUSE)) and verdict.injected < times:
            verdict.injected += fault(scene)

    scene.processes = [begin() for _ in range(PROCESSES)]
    hitting = threading.Thread(target=hit)
    hitting.start()
    deadline = time.monotonic() + PATIENCE
    try:
        while scene.processes:
            for process in list(scene.processes):
                code = process.poll()
                if code is None:
                    continue
                if code != 0:
                    by_us = process.pid in scene.ended_by_us
                    allowed = (-signal.SIGKILL, 128 + signal.SIGTERM, -signal.SIGTERM)
                    verdict.ended += not (by_us and code in allowed)
                    verdict.restarts += 1
                    if verdict.ended > MOST_ENDED:
                        raise RuntimeError(f"{scene.name}: its processes end again and again")
                    scene.processes.append(begin())
                scene.processes.remove(process)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{scene.name} is not complete after {PATIENCE:g} s")
            time.sleep(0.05)
    finally:
        over.set()
        for process in scene.processes:
            process.kill()
        hitting.join()
        for thread in threads:
            thread.join()
    return announced


def judge(
    scene: Scene,
    announced: dict[int, set[float]],
    params: list[luthier.FrozenTrial],
    verdict: Verdict,
) -> None:
    """Compare a study's log with an unbroken run, and with what was announced."""
    storage = open_storage(scene.place.quiet_url)
    texts = storage.read(scene.name)
    events = from_texts(texts)
    study = luthier.load_study(scene.name, storage=storage)
    trials = study.trials
    values = {trial.number: trial.value for trial in trials}
    complete = [trial for trial in trials if trial.state.value == "COMPLETE"]
    verdict.lost += len(params) - len(complete)
    verdict.doubled += len(texts) - len(set(texts))
    asked = [event.number for event in events if isinstance(event, Asked)]
    verdict.doubled += len(asked) - len(set(asked))
    told = [event.number for event in events if isinstance(event, Told)]
    verdict.late += len(told) - len(set(told))
    verdict.again += sum(trial.attempt - 1 for trial in trials)
    verdict.changed += sum(
        trial.params != wanted or trial.value != expected(trial.params)
        for trial, wanted in zip(trials, params, strict=False)
    )
    verdict.announced += sum({values.get(n)} != found for n, found in announced.items())
    storage.close()


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.resume()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", default=",".join(FAULTS), help="default: all")
    parser.add_argument("--storages", default=",".join(PLACES), help="default: all")
    parser.add_argument("--times", type=int, default=20, help="how often each (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    options = parser.parse_args()
    measures = []
    for storage in options.storages.split(","):
        with PLACES[storage]() as place:
            for fault in options.faults.split(","):
                if ONLY.get(fault, storage) != storage:
                    continue
                if fault == "disk_full" and place.disk is None:
                    print("disk_full left out: a small disk cannot be mounted", file=sys.stderr)
                    continue
                began = time.monotonic()
                verdict = torment(fault, place, options.times, options.seed)
                found = {item.name: getattr(verdict, item.name) for item in fields(verdict)}
                took = round(time.monotonic() - began, 1)
                line = {"storage": storage, "fault": fault, "seconds": took, **found}
                print(json.dumps(line), file=sys.stderr, flush=True)
                measures += verdict.measures(f"{storage}, {fault}")
    sys.exit(report("Faults at random moments", measures))


if __name__ == "__main__":
    main()
