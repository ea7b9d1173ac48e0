"""A thin worker: runs trials of a study that a service keeps, and knows no history."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from luthier.errors import AttemptOver, InvalidInput, LuthierError, StorageUnavailable
from luthier.executors import Executor, Job, Limits, Outcome
from luthier.model.events import Told
from luthier.model.plain import read_params, read_value
from luthier.model.problem import Problem
from luthier.service.client import Client
from luthier.study.interrupts import Interrupts
from luthier.study.loop import told_of
from luthier.study.owner import HEARTBEAT
from luthier.study.snapshots import Restored, snapshots
from luthier.study.task import make_task
from luthier.study.ticket import Ticket

log = logging.getLogger("luthier")

T = TypeVar("T")

LOOK = 0.5
"""Seconds after which the worker looks up from waiting for its trials."""

WAIT = 5.0
"""Seconds that the service may let a worker wait that has nothing to do."""

PAUSES = (0.2, 10.0)
"""Shortest and longest pause before the service is tried again, seconds."""

PARTING = 20.0
"""Seconds to reach the service when the worker ends."""


class _Run(NamedTuple):
    attempt: int
    folder: Path


class Worker:
    """Asks for trials, runs them, and tells how they ended, until there is nothing left to do.

    While the service is away, trials go on; what they report and how they end is told when it is
    back. Ctrl-C finishes the running trials; SIGTERM lets them write a checkpoint and hands them
    back.

    Parameters
    ----------
    client : Client
        The study.
    objective : callable or Command
        What to run, as for `luthier.Study.optimize`.
    executor : Executor
        Where to run it.
    limits : Limits, optional
        Of each trial.
    total_trials : int, optional
        The study's number of trials ends here.
    n_trials : int, optional
        Trials of this worker.
    patience : float, optional
        Seconds to wait for a service that is away. Default: for ever.
    """

    def __init__(
        self,
        client: Client,
        objective: Callable[..., Any],
        executor: Executor,
        *,
        limits: Limits | None = None,
        total_trials: int | None = None,
        n_trials: int | None = None,
        patience: float = inf,
    ) -> None:
        self._client = client
        self._objective = objective
        self._executor = executor
        self._limits = limits or Limits()
        self._total_trials = total_trials
        self._left = inf if n_trials is None else n_trials
        self._patience = patience
        self._running: dict[int, _Run] = {}
        self._interrupts = Interrupts(self._limits.grace + 2 * LOOK)
        self._stopped: set[int] = set()
        self._done = 0

    def run(self) -> int:
        """Work to the end; return how many trials ended here.

        Raises
        ------
        StorageUnavailable
            If the service stays away.
        LuthierError
            If it refuses what the worker does.
        """
        problem = self._patiently(self._client.problem)
        if problem.dynamic:
            raise InvalidInput("study", self._client.study, "a study with a declared space")
        task = make_task(self._objective, problem)
        with tempfile.TemporaryDirectory(prefix="luthier-worker-") as home:
            self._home = Path(home)
            self._executor.open(task, self._serve)
            self._heart = _Heart(self._client, self._running)
            try:
                with self._interrupts:
                    self._work(problem)
            finally:
                self._heart.stop()
                self._part(problem)
        return self._done

    def _work(self, problem: Problem) -> None:
        asking = True
        while True:
            asking = asking and not self._interrupts.asked_to_stop and self._left > 0
            while asking and self._left > 0 and len(self._running) < self._executor.slots:
                begun = self._begin()
                if begun is None:
                    break
                asking = begun
            if not self._running and not asking:
                return
            self._heed()
            with self._interrupts.allowed():
                outcomes = self._executor.poll(LOOK)
            for outcome in outcomes:
                with self._interrupts.uninterrupted():
                    self._end(outcome, problem)

    def _heed(self) -> None:
        """Ask those trials to end that should not go on."""
        stop = self._heart.to_stop()
        for number in list(self._running):
            if number in stop or self._interrupts.terminated:
                self._executor.stop(number)

    def _begin(self) -> bool | None:
        """Start a trial; return None if there is none now, False if there will be none."""
        key = uuid.uuid4().hex[:16]  # of all tries: they are one request
        wait = 0.0 if self._running else WAIT

        def ask() -> dict[str, Any]:
            return self._client.ask(key=key, total_trials=self._total_trials, wait=wait)

        with self._interrupts.allowed():
            try:
                asked = self._patiently(ask, urgent=False)
            except AttemptOver:
                return None  # the service was away for so long that others got the trial
            except StorageUnavailable:
                if self._interrupts.asked_to_stop:
                    return False
                raise
        trial = asked["trial"]
        if trial is None:
            if asked["reason"] in ("wait", "budget") and asked["running"]:
                return None
            log.info("nothing left to do: %s", asked["detail"])
            return False
        number, attempt = trial["number"], trial["attempt"]
        folder = self._home / str(number)
        restored = None
        if asked["checkpoint"]:
            restored = self._restore(number, attempt, folder / "restored")
        ticket = Ticket(
            number,
            attempt,
            read_params(trial["params"]),
            None,
            {},
            read_value(trial["user_attrs"]),
            read_value(trial["why"]),
            read_value(trial["metrics"]),
            str(folder),
            restored,
            trial["parent"],
        )
        self._running[number] = _Run(attempt, folder)
        self._left -= 1
        self._executor.start(Job(number, ticket, self._limits))
        return True

    def _restore(self, number: int, attempt: int, folder: Path) -> Restored | None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            step = self._patiently(lambda: self._client.get_checkpoint(number, attempt, folder))
        except StorageUnavailable:
            raise
        except LuthierError as error:
            log.warning("trial %d begins anew: %s", number, error)
            return None
        return Restored(step, str(folder))

    def _serve(self, number: int, message: tuple[Any, ...]) -> Any:
        """Answer what a running trial says over its channel."""
        run = self._running[number]
        self._heed()
        with self._interrupts.uninterrupted():
            match message:
                case ("report", step, metrics):
                    try:
                        stop = self._patiently(
                            lambda: self._client.report(number, run.attempt, step, metrics)
                        )
                    except AttemptOver:
                        stop = True
                    if stop:
                        self._stopped.add(number)
                    return stop
                case ("note", key, value):
                    return self._patiently(lambda: self._client.note(key, value, number))
                case ("saved",):
                    return self._save(number, run)
        raise ValueError(f"unknown message {message!r}")

    def _save(self, number: int, run: _Run) -> None:
        """Send the newest checkpoint to the service, and keep no other one here."""
        found = snapshots(run.folder)
        newest = found[0]

        def put() -> None:
            self._client.put_checkpoint(number, run.attempt, newest.step, newest.data)

        try:
            self._patiently(put)
        except StorageUnavailable:
            raise
        except LuthierError as error:
            log.warning("the checkpoint of trial %d is not kept: %s", number, error)
        for older in found[1:]:
            older.delete()

    def _end(self, outcome: Outcome, problem: Problem) -> None:
        """Tell how a trial ended, or hand it back."""
        number = outcome.key
        run = self._running[number]
        end = outcome.result
        handed_back = outcome.ending == "stopped" and end is None
        preempted = end is not None and end.preempted and outcome.ending != "timeout"
        try:
            if number not in self._stopped and (handed_back or preempted):
                self._patiently(
                    lambda: self._client.release(number, run.attempt, "its worker ends")
                )
            else:
                told = told_of(outcome, 0.0)
                self._patiently(lambda: self._tell(run.attempt, told))
                self._done += 1
        except AttemptOver as error:
            log.warning("%s", error)
        self._forget(number)

    def _tell(self, attempt: int, told: Told) -> None:
        self._client.tell(
            told.number,
            attempt,
            None if told.values is None else list(told.values),
            told.state.value,
            metrics=told.metrics,
            error=told.error,
            traceback=told.traceback,
            output=told.output,
            cost=told.cost,
        )

    def _part(self, problem: Problem) -> None:
        """Hand back what still runs, with a checkpoint if it manages to write one."""
        self._patience = min(self._patience, PARTING)
        for number in list(self._running):
            self._executor.stop(number)
        try:
            end = time.monotonic() + self._limits.grace + 1
            while self._running and (left := end - time.monotonic()) > 0:
                for outcome in self._executor.poll(left):
                    self._end(outcome, problem)
        finally:
            self._executor.close()
            try:
                # Also the trial of a request whose answer was not waited for.
                self._patiently(self._client.leave)
            except LuthierError as error:
                numbers = ", ".join(map(str, self._running)) or "none"
                log.warning("could not hand back what still ran (%s): %s", numbers, error)

    def _forget(self, number: int) -> None:
        run = self._running.pop(number)
        self._stopped.discard(number)
        shutil.rmtree(run.folder, ignore_errors=True)

    def _patiently(self, work: Callable[[], T], *, urgent: bool = True) -> T:
        """Do something, again and again as long as the service is away.

        What is not urgent is given up as soon as the worker is asked to stop.
        """
        pause, longest = PAUSES
        end = time.monotonic() + self._patience
        said = False
        while True:
            try:
                result = work()
            except StorageUnavailable as error:
                if self._interrupts.terminated:
                    end = min(end, time.monotonic() + PARTING)
                idle = not urgent and self._interrupts.asked_to_stop
                if idle or time.monotonic() + pause > end:
                    raise
                if not said:
                    log.warning("%s; trying again", error)
                    said = True
            else:
                if said:
                    log.warning("the service is back")
                return result
            time.sleep(pause)
            pause = min(2 * pause, longest)


class _Heart:
    """Beats for a worker from a thread of its own, and hears which trials should stop."""

    def __init__(self, client: Client, running: dict[int, _Run]) -> None:
        self._client = client
        self._running = running
        self._stop: set[int] = set()
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def to_stop(self) -> set[int]:
        """Return the trials that should stop, once."""
        stop, self._stop = self._stop, set()
        return stop

    def stop(self) -> None:
        """End the thread."""
        self._quiet.set()

    def _beat(self) -> None:
        while not self._quiet.wait(HEARTBEAT):
            trials = {number: run.attempt for number, run in list(self._running.items())}
            # One that is away for a while: the next beat tries again.
            with contextlib.suppress(LuthierError):
                self._stop |= set(self._client.heartbeat(trials))
