"""Run jobs in persistent worker processes on this machine."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from luthier.errors import ExecutorError, InvalidInput, ObjectiveError
from luthier.executors import _wire
from luthier.executors._pool import Pool, cannot_load
from luthier.executors._slots import environments, plan_slots
from luthier.executors.base import SCRATCH, Handler, Job, Task

if TYPE_CHECKING:
    from luthier.executors._pool import Event
    from luthier.executors._process import Worker
    from luthier.executors._watcher import Watcher

_KILLED = 5  # workers that something else may kill as they start, before that is an error
_WAIT = 1.0  # seconds at a time, since on Windows Ctrl-C cannot interrupt a wait


class Processes(Pool["Worker"]):
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
        super().__init__()

    def _reset(self) -> None:
        super()._reset()
        self._task = b""
        self._environments: list[dict[str, str]] = []
        self._scratch = ""
        self._watcher: Watcher | None = None

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
                raise ObjectiveError(cannot_load(broken))

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
                worker.load(self._task, sys.argv)
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
        left, killed = len(self._workers), 0
        while left:
            while (event := watcher.next_event(_WAIT)) is None:
                pass
            if event.frame is None:
                worker, killed = event.worker, killed + 1
                if killed > _KILLED or not worker.was_killed:
                    raise ExecutorError("\n".join(filter(None, [event.death, worker.tail()])))
                worker.close()
                self._spawn(worker.slot).load(self._task, sys.argv)
                continue
            left -= 1
            if event.frame[:1] == _wire.BROKEN:
                broken: _wire.Broken = _wire.loads(event.frame[1:])
                return broken
        return None

    def _next_event(self, timeout: float) -> Event[Worker] | None:
        assert self._watcher is not None
        return self._watcher.next_event(timeout)

    def _choose(self) -> Worker:
        """Return the worker that has been free for longest; one that died is replaced."""
        slot = self._free[0]
        worker = self._workers[slot]
        if worker.lost:
            worker.close()
            worker = self._spawn(slot)
            worker.load(self._task, sys.argv)
        return worker

    def _begin(self, worker: Worker, job: Job, payload: bytes) -> None:
        assert self._watcher is not None
        with self._watcher.lock:
            worker.begin(job)
        worker.send(payload)

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
