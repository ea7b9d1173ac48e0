"""Run jobs in persistent worker processes on this machine."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from luthier.errors import ExecutorError, InvalidInput, ObjectiveError
from luthier.executors import _wire
from luthier.executors._slots import environments, plan_slots
from luthier.executors.base import SCRATCH, Ending, Handler, Job, Outcome, Task

if TYPE_CHECKING:
    from luthier.executors._process import Worker
    from luthier.executors._watcher import Event, Watcher

_WAIT = 1.0  # seconds at a time, since on Windows Ctrl-C cannot interrupt a wait
_BURST = 0.01  # seconds that `poll` may serve messages beyond its time


class Processes:
    """Worker processes that start once and run job after job.

    Any callable works, also lambdas, closures and functions of a notebook, and
    the script needs no ``if __name__ == "__main__"`` guard. Whatever happens to
    a worker (a segmentation fault, ``os._exit``, the out-of-memory killer) ends
    one job with the ending ``crash`` and nothing else; the worker is replaced.
    Workers end when the study's process does, however that dies.

    Parameters
    ----------
    workers : int, optional
        How many jobs run at once. None or -1: one for each core that this process may use,
        or, with `gpus`, ``len(gpus) * trials_per_gpu``.
    gpus : sequence of int or str, optional
        The GPUs to use. Each worker sees one, by ``CUDA_VISIBLE_DEVICES``. An int counts among
        the GPUs visible to this process; a string (a UUID) is passed on as it is.
    trials_per_gpu : int, default 1
        How many workers share a GPU.
    threads_per_worker : int, optional
        Threads that BLAS and OpenMP may use in each worker. None: cores divided by workers,
        at least 1, unless the environment variable (such as ``OMP_NUM_THREADS``) is set.
    capture_output : bool, default True
        Keep the last 16 KiB of each job's output (also of C code and child processes) for
        `Outcome.output`. If false, the output goes where that of this process goes.
    start_timeout : float, default 60
        Seconds that a worker may take to start and load the task.

    Raises
    ------
    InvalidInput
        If an argument is not allowed, or more workers are asked for than the GPUs have room for.

    Notes
    -----
    Workers are fresh interpreters (never forks) with this process's environment, ``sys.path``,
    ``sys.argv`` and working directory. A limit in memory counts the whole worker, the
    interpreter and imported libraries included, and its child processes.

    Ending a job by `stop` or for its time limit sends SIGTERM to the worker first. It
    sets `Channel.stopping`; a task that looks at it can save a checkpoint and return. After
    `Limits.grace` the worker and its child processes are killed. Breaking the memory limit
    kills them at once.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        gpus: Sequence[int | str] | None = None,
        trials_per_gpu: int = 1,
        threads_per_worker: int | None = None,
        capture_output: bool = True,
        start_timeout: float = 60.0,
    ) -> None:
        if not 0 < start_timeout < math.inf:
            raise InvalidInput("Processes: start_timeout", start_timeout, "seconds above 0")
        self._slots = plan_slots(workers, gpus, trials_per_gpu, threads_per_worker)
        self._threads_per_worker = threads_per_worker
        self._capture_output = capture_output
        self._start_timeout = start_timeout
        self._reset()

    def _reset(self) -> None:
        self._handler: Handler | None = None
        self._task = b""
        self._environments: list[dict[str, str]] = []
        self._scratch = ""
        self._workers: list[Worker] = []  # by slot
        self._watcher: Watcher | None = None
        self._free: deque[int] = deque()
        self._running: dict[int, Worker] = {}
        self._outcomes: list[Outcome] = []

    def __repr__(self) -> str:
        return f"Processes({len(self._slots)})"

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return len(self._slots)

    def open(self, task: Task, handler: Handler) -> None:
        """Start all workers, and wait until they have loaded the task.

        Raises
        ------
        ObjectiveError
            If the task cannot be pickled, or not be loaded in a worker.
        ExecutorError
            If workers cannot be started within `start_timeout`, or the executor is open.
        """
        if self._watcher is not None:
            raise ExecutorError("the executor is open already")
        while (broken := self._open(task, handler)) is not None:
            self.close()
            if not _wire.send_by_value(broken.missing):
                raise ObjectiveError(_cannot_load(broken))

    def _open(self, task: Task, handler: Handler) -> _wire.Broken | None:
        """Start all workers; return why they cannot load the task, if so."""
        from tempfile import mkdtemp

        from luthier.executors._watcher import Watcher

        try:
            self._task = _wire.dumps_by_value(task)
        except Exception as error:
            raise ObjectiveError(f"the objective cannot be sent to workers: {error}") from error
        self._handler = handler
        each = environments(self._slots, self._threads_per_worker)
        self._scratch = mkdtemp(prefix="luthier-")
        self._environments = [environment | {SCRATCH: self._scratch} for environment in each]
        self._watcher = Watcher(self._workers)
        try:
            for slot in range(self.slots):
                self._spawn(slot)
            for worker in self._workers:  # all of them start up meanwhile
                worker.load(self._task)
            broken = self._await_workers(self._watcher)
        except BaseException:
            self.close()
            raise
        self._free.extend(range(self.slots))
        return broken

    def _spawn(self, slot: int) -> Worker:
        """Start the worker of a slot, in place of the one that is there."""
        from luthier.executors._process import Worker

        assert self._watcher is not None
        environment = self._environments[slot]
        try:
            worker = Worker(slot, environment, self._capture_output, self._start_timeout)
        except OSError as error:
            raise ExecutorError(f"a worker process cannot be started: {error}") from error
        with self._watcher.lock:
            self._workers[slot : slot + 1] = [worker]
        return worker

    def _await_workers(self, watcher: Watcher) -> _wire.Broken | None:
        """Wait until all workers are ready; the watcher sees to it that none takes forever."""
        for _ in self._workers:
            while (event := watcher.next_event(_WAIT)) is None:
                pass
            if event.frame is None:
                raise ExecutorError("\n".join(filter(None, [event.end, event.worker.tail()])))
            if event.frame[:1] == _wire.BROKEN:
                broken: _wire.Broken = _wire.loads(event.frame[1:])
                return broken
        return None

    def start(self, job: Job) -> None:
        """Send a job to a free worker; one that has died is replaced first.

        Raises
        ------
        InvalidInput
            If the key is running already, or the payload cannot be pickled.
        ExecutorError
            If the executor is not open, no slot is free, or a worker cannot be started.
        """
        if job.key in self._running:
            raise InvalidInput("Job: key", job.key, "a key that is not running")
        if not self._free:
            raise ExecutorError("the executor is not open, or all its slots are taken")
        try:
            payload = _wire.dumps(job.payload)
        except Exception as error:
            raise InvalidInput(
                "Job: payload", job.payload, f"what can be pickled ({error})"
            ) from error
        assert self._watcher is not None
        slot = self._free[0]
        worker = self._workers[slot]
        if worker.lost:
            worker.close()
            worker = self._spawn(slot)
            worker.load(self._task)
        with self._watcher.lock:
            worker.begin(job)
        self._free.popleft()
        self._running[job.key] = worker
        worker.send(payload)

    def poll(self, timeout: float | None = None) -> list[Outcome]:
        """Serve messages until a job ends or the time is over, and return the ended jobs."""
        if self._watcher is None:
            return []
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            wait = bool(self._running) and not self._outcomes and left > 0
            event = self._watcher.next_event(min(left, _WAIT) if wait else 0)
            if event is not None:
                self._handle(event)
            elif not wait:
                break
            if self._outcomes:
                deadline = min(deadline, time.monotonic())
            if left < -_BURST:
                break
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _handle(self, event: Event) -> None:
        """Act on what a worker did, in the thread that polls."""
        worker, frame = event.worker, event.frame
        job = worker.job
        if job is None:
            return  # it started, or it died idle and is replaced when it is needed
        if frame is None:
            self._release(worker, _outcome_of_death(event, job))
            return
        kind = frame[:1]
        if kind in (_wire.SEND, _wire.ASK):
            assert self._handler is not None
            answer = self._handler(job.key, _wire.loads(frame[1:]))
            if kind == _wire.ASK:
                worker.send(_wire.dumps(answer))
        elif kind in (_wire.DONE, _wire.ERROR):
            self._release(worker, _outcome_of_return(event, job))
        elif kind == _wire.BROKEN:  # a replacement; it ends itself
            self._release(
                worker, Outcome(job.key, "crash", error=_cannot_load(_wire.loads(frame[1:])))
            )

    def _release(self, worker: Worker, outcome: Outcome) -> None:
        del self._running[outcome.key]
        worker.job = None
        self._free.append(worker.slot)
        self._outcomes.append(outcome)

    def stop(self, key: int) -> None:
        """Ask a job to end: SIGTERM and `Channel.stopping`, then the kill after its grace."""
        worker = self._running.get(key)
        if worker is None or self._watcher is None:
            return
        with self._watcher.lock:
            if worker.leash is not None:
                worker.leash.end("stopped", "stopped")

    def close(self) -> None:
        """Kill what runs, end the workers, and forget everything. May be called twice."""
        if self._watcher is not None:
            self._watcher.close()
        for worker in self._workers:
            worker.close()
        if self._scratch:
            from shutil import rmtree

            rmtree(self._scratch, ignore_errors=True)
        self._reset()


def _outcome_of_return(event: Event, job: Job) -> Outcome:
    """Make the outcome of a task that returned or raised."""
    worker, leash, frame = event.worker, event.leash, event.frame or b""
    result, failure = None, _wire.Failure("", "")
    ending: Ending = "done"
    told = True
    try:
        seconds, told, value = _wire.loads(frame[1:])
    except Exception as exception:
        ending, seconds = "error", time.monotonic() - leash.began if leash is not None else 0.0
        failure = _wire.Failure.of(exception)
        failure = failure._replace(error=f"the result cannot be unpickled: {failure.error}")
    else:
        if frame[:1] == _wire.DONE:
            result = value
        else:
            ending, failure = "error", value
    if leash is not None and leash.verdict is not None:
        # It may have ended in time, and its frame have waited to be read.
        in_time = not told and seconds <= (job.limits.seconds or math.inf)
        if leash.verdict != "timeout" or not in_time:
            ending = leash.verdict
            failure = failure._replace(error=failure.error or leash.reason)
    return Outcome(job.key, ending, result, *failure, worker.tail(), seconds)


def _outcome_of_death(event: Event, job: Job) -> Outcome:
    """Make the outcome of a job whose worker died, by itself or because it was killed."""
    ending: Ending = "crash"
    error, seconds = event.end, 0.0
    if event.leash is not None:
        if event.leash.began < math.inf:
            seconds = time.monotonic() - event.leash.began
        if event.leash.verdict is not None:
            ending, error = event.leash.verdict, event.leash.reason
    return Outcome(job.key, ending, None, error, output=event.worker.tail(), seconds=seconds)


def _cannot_load(broken: _wire.Broken) -> str:
    return f"the objective cannot be loaded in a worker process: {broken.error}"
